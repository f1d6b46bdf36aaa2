"""The look of the HTML reports: one style sheet, light and dark, and A4 paper."""

from __future__ import annotations

from typing import Final

#: Text on its ground has a contrast of 4.5 to 1 or more, in either scheme (WCAG 2.2 AA).
CSS: Final = """
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f6f7f9; --text: #1a1c20; --soft: #565b64; --line: #d3d7de;
  --link: #0b57d0; --fail: #b3261e; --warn: #8a4b00; --unknown: #6a3fb0; --info: #20588f;
  --waived: #5a5f68; --skip: #5a5f68; --pass: #176639; --on: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14161a; --raised: #1e2127; --text: #e8eaee; --soft: #a9afba; --line: #3a3f49;
    --link: #8ab4f8; --fail: #ff8a80; --warn: #ffb95c; --unknown: #cbabff; --info: #8fc2ff;
    --waived: #aeb4bf; --skip: #aeb4bf; --pass: #7fd9a0; --on: #14161a;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--ground);
  color: var(--text); overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip-link { position: absolute; left: -99rem; }
.skip-link:focus { position: static; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 .5rem; }
h4 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .25rem 0; }
code { font: .875em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; }
.host { display: inline-block; max-width: 100%; }
.soft { color: var(--soft); font-size: .875rem; }
.badge { display: inline-block; white-space: nowrap; padding: 0 .45em; border-radius: .25em;
  font-weight: 700; background: var(--skip); color: var(--on); print-color-adjust: exact; }
.badge.fail, .badge.error { background: var(--fail); }
.badge.warn { background: var(--warn); }
.badge.unknown { background: var(--unknown); }
.badge.info { background: var(--info); }
.badge.pass { background: var(--pass); }
.badge.waived, .badge.skip { background: var(--ground); color: var(--skip);
  outline: 1px solid var(--skip); outline-offset: -1px; }
.verdict { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; }
.verdict .badge { font-size: 2.5rem; line-height: 1.3; }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; margin: .5rem 0;
  padding: 0; }
.tiles li { border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .8rem; }
.tiles b { font-size: 1.5rem; margin-right: .35rem; }
dl { margin: .5rem 0; }
dl > div { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0 .75rem; padding: .1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }
dd p { margin: 0; }
.finding { border: 1px solid var(--line); border-left: .4rem solid var(--skip);
  padding: .75rem 1rem; border-radius: .4rem; background: var(--raised); margin: .75rem 0; }
.finding.fail, .finding.error { border-left-color: var(--fail); }
.finding.warn { border-left-color: var(--warn); }
.finding.unknown { border-left-color: var(--unknown); }
.finding.info { border-left-color: var(--info); }
.finding:target { outline: 3px solid var(--link); }
.fix { font-size: 1.05rem; border: 1px solid var(--line); background: var(--ground);
  border-radius: .3rem; padding: .5rem .75rem; margin: .5rem 0; }
.fix ol, .fix p { margin: 0; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
tbody th { font-weight: 600; }
.where { color: var(--soft); font-size: .8125rem; overflow-wrap: anywhere; }
.met > thead th { width: 25%; }
.met > thead th:first-child { width: 16%; }
.met > thead th:nth-child(3) { width: 6rem; }
.facts > thead th:first-child { width: 24%; }
.facts > thead th:last-child { width: 42%; }
.matrix { width: auto; font-size: .75rem; }
.matrix th, .matrix td { padding: .3rem .25rem; }
.matrix .glyph { display: inline-block; min-width: 1.1rem; text-align: center; font-size: 1rem;
  line-height: 1.1; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.matrix th[scope=col] { vertical-align: bottom; }
.matrix .rule { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix tbody th { position: sticky; left: 0; background: var(--ground); }
.matrix tbody th a { display: block; width: max-content; max-width: 18rem;
  overflow-wrap: anywhere; }
.matrix td { white-space: nowrap; }
.matrix td.fail a { color: var(--fail); font-weight: 700; }
.matrix td.warn a { color: var(--warn); }
.matrix td.unknown a { color: var(--unknown); font-weight: 700; }
.matrix td.info a { color: var(--info); }
.matrix td.waived a, .matrix td.skip, .matrix td.pass { color: var(--soft); }
summary { cursor: pointer; padding: .25rem 0; }
.signing { display: none; }
footer { margin-top: 2.5rem; border-top: 2px solid var(--line); padding-top: .5rem; }
@media (max-width: 40rem) {
  body { padding: .75rem; }
  dl > div { grid-template-columns: 5.5rem 1fr; padding: .2rem 0; }
  .finding { padding: .6rem; }
  .facts, .met { display: block; }
  :is(.facts, .met) :is(caption, tbody, tr, th, td) { display: block; border: 0; padding: 0; }
  :is(.facts, .met) thead { display: none; }
  :is(.facts, .met) tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .met td::before { content: attr(data-label) ": "; color: var(--soft); }
}
@page { size: A4; margin: 14mm 14mm 16mm; }
@page wide { size: A4 landscape; }
@media print {
  :root { --ground: #fff; --raised: #fff; --text: #000; --soft: #444; --line: #999; --link: #000;
    --fail: #b3261e; --warn: #8a4b00; --unknown: #6a3fb0; --info: #20588f; --waived: #444;
    --skip: #444; --pass: #176639; --on: #fff; color-scheme: light; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  .skip-link, .to-top { display: none; }
  .scroll { overflow: visible; }
  h2, h3, h4 { break-after: avoid; }
  .finding, tr, dl > div { break-inside: avoid; }
  .machine { break-before: page; }
  .matrix th, .matrix td { padding: .1rem .4rem; }
  .wide { page: wide; }
  thead { display: table-header-group; }
  .signing { display: grid; grid-template-columns: 2fr 1fr 2fr; gap: 1rem; margin-top: 18mm;
    break-inside: avoid; }
  .signing p { border-top: 1px solid #000; padding-top: 1mm; }
  a[href^=http]::after { content: " <" attr(href) ">"; font-size: .8em; }
}
"""
