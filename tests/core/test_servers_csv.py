"""Servers from a spreadsheet: the same servers, and every problem at its row and column."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.core import servers_csv
from provision.core.errors import ConfigError
from provision.core.servers import read_listed, read_servers

HEADER = "name,bmc,serial,rack,u,profile,boot.device,evidence.tcp.host,evidence.tcp.port,set_bios"
GOOD = f"""\
{HEADER}
*,,,,,xen-4.17,usb,,22,TRUE
u01,10.0.0.1,8XJ0201,r12,1,,,10.1.0.1,,
# a remark

u02,10.0.0.2,,r12,2,,sd,10.1.0.2,2222,false
"""


def written(tmp_path: Path, text: str, name: str = "servers.csv") -> Path:
    """The text as a file."""
    path = tmp_path / name
    path.write_text(text, newline="")
    return path


def test_a_spreadsheet_says_what_the_yaml_says(tmp_path: Path) -> None:
    """Dotted columns are keys within keys; the row named * fills the empty cells below."""
    first, second = read_servers(written(tmp_path, GOOD))
    yaml = """\
schema: bareiron.servers/1
defaults: {profile: xen-4.17, boot: {device: usb}, set_bios: true}
servers:
  - {name: u01, bmc: 10.0.0.1, serial: 8XJ0201, rack: r12, u: 1,
     evidence: {tcp: {host: 10.1.0.1, port: 22}}}
  - {name: u02, bmc: 10.0.0.2, rack: r12, u: 2, boot: {device: sd}, set_bios: false,
     evidence: {tcp: {host: 10.1.0.2, port: 2222}}}
"""
    yaml_twin = read_servers(written(tmp_path, yaml, "servers.yaml"))
    assert [first, second] == yaml_twin


@pytest.mark.parametrize(
    ("separator", "ending", "mark"), [(";", "\r\n", "\ufeff"), ("\t", "\n", ""), (",", "\r\n", "")]
)
def test_it_is_read_as_spreadsheets_save_it(
    tmp_path: Path, separator: str, ending: str, mark: str
) -> None:
    """Semicolons where a comma is the decimal point, a byte order mark, line ends of Windows."""
    text = mark + GOOD.replace(",", separator).replace("\n", ending)
    assert [one.u for one in read_servers(written(tmp_path, text))] == [1, 2]


def test_lists_have_one_item_a_line(tmp_path: Path) -> None:
    """A pattern may hold any character that separates elsewhere."""
    text = "name,bmc,tags,evidence.serial.expect,evidence.serial.file,profile\n"
    text += 'a,10.0.0.1,"gpu\nlab","Xen, version\nup;x|y",{name}.log,xen-4.17\n'
    (server,) = read_servers(written(tmp_path, text))
    assert server.tags == ["gpu", "lab"]
    assert server.evidence.serial is not None
    assert server.evidence.serial.expect == ["Xen, version", "up;x|y"]
    assert server.evidence.serial.file == str(tmp_path / "a.log")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("serial", "serail", r"csv:1:3: unknown column 'serail'; did you mean 'serial'"),
        ("serial", "\x1b[2J", r"csv:1:3: unknown column '\\x1b"),
        ("serial", "rack", r"csv:1:4: column 'rack' is there twice, first at 1:3"),
        ("serial", "", r"csv:1:3: a column without a name"),
        ("name,", "names,", r"csv:1:1: no column 'name'"),
        (",r12,1,", ",r12,one,", r"csv:3:5: u: should be a whole number, not 'one'"),
        (",r12,1,", ",r12,99,", r"csv:3:5: u: should be less than"),
        ("u02,10.0.0.2", "u02,http://10.0.0.2", r"csv:6:2: bmc: only https"),
        ("u02,10.0.0.2", "u02,10.0.0.1", r"csv:6:2: .*given twice, first at 3:2"),
        ("u02,10.0.0.2", ",10.0.0.2", r"csv:6:1: 'name' is missing"),
        ("2222,false", "2222,perhaps", r"csv:6:10: set_bios: should be true or false"),
        ("2222,false", "2222,false,,lost", r"csv:6:12: a cell without a column"),
        (",sd,", ",floppy,", r"csv:6:7: device: should"),
        ("xen-4.17,usb", "xen-4.17,usb stick", r"csv:2:7: device: should"),
        ("10.1.0.2,2222", ",2222", r"csv:6:9: 'host' is missing"),
        ("u01,", '"u01,', r"csv:\d+:1: not CSV"),
    ],
)
def test_each_mistake_has_its_row_and_column(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """As the spreadsheet counts them."""
    assert old in GOOD
    with pytest.raises(ConfigError, match=words) as caught:
        read_servers(written(tmp_path, GOOD.replace(old, new, 1)))
    assert caught.value.hint
    assert str(caught.value).isprintable() or "\x1b" not in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A sheet of two hundred rows is mended in one pass; a hundred problems are enough to read."""
    rows = "".join(f"u{n},10.0.0.1,,r1,x,,,,,\n" for n in range(100))
    with pytest.raises(ConfigError) as caught:
        read_servers(written(tmp_path, f"{HEADER}\n{rows}"))
    told = str(caught.value)
    assert "whole number" in told
    assert "given twice, first at 2:2" in told
    assert "… and 99 more" in told


def test_a_wrong_column_hides_no_wrong_cell(tmp_path: Path) -> None:
    """The header and the rows are mended in one pass as well."""
    text = GOOD.replace("serial", "serail").replace(",r12,1,", ",r12,one,")
    with pytest.raises(ConfigError, match=r"csv:1:3: unknown(.|\n)*csv:3:5: u: should"):
        read_servers(written(tmp_path, text))


def test_a_cell_over_several_lines_is_one_row(tmp_path: Path) -> None:
    """Rows are counted as the spreadsheet shows them, not as the file's lines."""
    text = 'name,bmc,tags\na,10.0.0.1,"x\ny"\nb,10.0.0.1,\n'
    with pytest.raises(ConfigError, match=r"csv:3:2: .*first at 2:2"):
        read_listed(written(tmp_path, text))


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    """Not text, nothing at all, or not there."""
    path = written(tmp_path, "")
    with pytest.raises(ConfigError, match="empty"):
        read_listed(path)
    path.write_bytes(b"name,bmc\na,\xff\n")
    with pytest.raises(ConfigError, match=r"csv:2:1: not text in UTF-8"):
        read_listed(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_listed(tmp_path / "nowhere.csv")


def test_every_key_of_a_row_has_a_column() -> None:
    """A key added to the model is a column by itself."""
    known = servers_csv.columns()
    assert {"mac", "model", "slot", "boot.once", "media.image", "evidence.http.url"} <= set(known)
    assert (known["u"], known["boot.once"], known["tags"]) == (int, bool, list)
    assert "boot" not in known


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_no_file_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    """Whatever a file holds is servers or told."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    for head in (b"", b"name,bmc,u,tags\n"):
        path.write_bytes(head + raw)
        with contextlib.suppress(ConfigError):
            read_listed(path)
