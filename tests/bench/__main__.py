"""Every figure of the docs, measured here and now: ``python -m tests.bench``, or ``make bench``."""

from __future__ import annotations

from tests.bench import crawl, dmi, flash, judging, startup, trees

startup.main()
flash.main()
dmi.main()
trees.main()
judging.main()
crawl.main()
