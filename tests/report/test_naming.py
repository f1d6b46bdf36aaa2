"""Short names: as short as they can be, and never the same for two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provision.report.naming import middle, short


def test_shared_folders_are_left_out() -> None:
    """Only whole folders that all paths share go; addresses stay as they are."""
    paths = ["/data/ab/x.txt", "/data/ac/x.txt", "https://10.0.0.7"]
    assert short(paths, 24) == ["ab/x.txt", "ac/x.txt", "10.0.0.7"]
    assert short(["/data/x.txt"], 24) == ["x.txt"]
    assert short(["/a/x", "/b/x"], 24) == ["/a/x", "/b/x"]
    assert short(["x.txt", "folder/x.txt", "-"], 24) == ["x.txt", "folder/x.txt", "-"]
    tree = "/data/tree.json#/redfish/v1/Systems"
    assert short([f"{tree}/Node0", f"{tree}/Node1"], 24) == ["Node0", "Node1"]


def test_the_middle_is_cut() -> None:
    """The file's own name stays where it fits, else its end."""
    assert middle("Maker/Model of a server/0663F511F.txt", 24) == "Maker/Mod…/0663F511F.txt"
    assert middle("x" * 30 + "y" * 30, 12) == "xxxx…yyyyyyy"
    assert middle("short", 24) == "short"


_PATHS = st.lists(st.text("ab/.", min_size=1, max_size=40), max_size=6)


@given(targets=_PATHS, width=st.integers(4, 30))
def test_two_targets_never_share_a_name(targets: list[str], width: int) -> None:
    """Whatever the paths are: one name stands for one target, and one target has one name."""
    names = short(targets, width)
    assert len(names) == len(targets)
    assert len(set(names)) == len(set(targets))
    assert dict(zip(targets, names, strict=True)) == dict(
        zip(reversed(targets), reversed(names), strict=True)
    )
