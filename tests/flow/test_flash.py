"""The story of flashing: all refusals first, then each target by itself, and a record of each."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provision.core.errors import ConfigError, NotConfirmed, Refused
from provision.core.events import Event, Phase, Result, ignore
from provision.flow.flash import FlashReport, Plan, Request, flash
from provision.media.errors import ImageNotBootable, TargetTooSmall
from provision.media.targets import Policy
from tests.media.samples import MIB, content, packed, stick
from tests.media.writing import at, bootable

SIZE = 12 * MIB


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of these tests stay with them."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A packed image with its digest beside it."""
    path = tmp_path / "image.zst"
    path.write_bytes(packed(content(10 * MIB), "zst"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  image.zst\n")
    return path


def sticks(folder: Path, count: int, size: int = SIZE) -> tuple[Path, ...]:
    """Blank sticks."""
    return tuple(stick(folder / f"stick{number}", size) for number in range(count))


def request(image: Path, *targets: Path, **more: object) -> Request:
    """A request that allows files."""
    return Request(image=image, targets=targets, policy=Policy(allow_file=True), **more)  # type: ignore[arg-type]


def results(report: FlashReport) -> list[str]:
    """How each target ended."""
    return [outcome.result for outcome in report.outcomes]


def test_several_targets_from_one_unpacking(tmp_path: Path, image: Path, state: Path) -> None:
    """All get the same content, and each a record that says what was done."""
    targets = sticks(tmp_path, 4)
    events: list[Event] = []
    report = flash(request(image, *targets), observer=events.append)
    assert report.status == 0
    for target in targets:
        assert target.read_bytes()[: 10 * MIB] == content(10 * MIB)
    ends = [event for event in events if event.step == "flash" and event.phase is Phase.END]
    assert {event.result for event in ends} == {Result.OK}
    for record in report.records:
        kept = json.loads(Path(record["record"]).read_text())
        assert kept["schema"] == "bareiron.flash/1"
        assert kept["result"] == "pass"
        assert kept["image"]["content_sha256"] == hashlib.sha256(content(10 * MIB)).hexdigest()
        assert kept["image"]["sha256"] == kept["image"]["expected_sha256"]
        assert kept["read_back"]["digest"].startswith("xxh3-128-tree:")
    assert len(list((state / "records").iterdir())) == 4


def test_nothing_is_touched_before_the_answer(tmp_path: Path, image: Path, state: Path) -> None:
    """The plan is shown; a no leaves everything as it was."""
    targets = (stick(tmp_path / "stick", SIZE, fill=b"mine"),)
    plans: list[Plan] = []

    def no(plan: Plan) -> None:
        plans.append(plan)
        raise NotConfirmed("asking")

    with pytest.raises(NotConfirmed):
        flash(request(image, *targets), confirm=no)
    assert plans[0].targets[0].content == "unknown data"
    assert targets[0].read_bytes()[:4] == b"mine"
    assert not (state / "records").exists()


def test_one_refused_target_stops_the_job(tmp_path: Path, image: Path) -> None:
    """What the user named is not what the user believes: nothing is written, all is told."""
    good, small = stick(tmp_path / "good", SIZE, fill=b"mine"), stick(tmp_path / "small", MIB)
    with pytest.raises(TargetTooSmall):
        flash(request(image, good, small))
    with pytest.raises(Refused, match=r"2 of 3(.|\n)*small(.|\n)*missing"):
        flash(request(image, good, small, tmp_path / "missing"))
    assert good.read_bytes()[:4] == b"mine"


def test_the_same_target_twice_and_the_image_itself(tmp_path: Path, image: Path) -> None:
    """By whatever names."""
    (target,) = sticks(tmp_path, 1)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(Refused, match="are the same"):
        flash(request(image, target, link))
    raw = stick(tmp_path / "raw", MIB)
    hard = tmp_path / "hard"
    os.link(raw, hard)
    with pytest.raises(Refused, match="the image itself"):
        flash(request(raw, hard, unverified=True, anyway=True))


def test_one_failing_target_fails_alone(tmp_path: Path) -> None:
    """A target the kernel stops writing to half-way does not disturb its neighbours."""
    image = tmp_path / "image"
    image.write_bytes(content(3 * MIB))
    bad = stick(tmp_path / "bad", 40 * MIB)
    good = sticks(tmp_path, 2, 4 * MIB)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Only the large one has a tail beyond the limit.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MIB, before[1]))
    try:
        report = flash(request(image, good[0], bad, good[1], unverified=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert results(report) == ["pass", "fail", "pass"]
    assert report.status == 4
    assert report.outcomes[1].error is not None
    assert report.outcomes[1].error.code == "write-failed"
    assert "could not be blanked" in report.outcomes[1].error.hint
    assert report.records[1]["error"]["code"] == "write-failed"
    for target in good:
        assert target.read_bytes()[: 3 * MIB] == content(3 * MIB)


def test_a_slow_target_delays_no_other(tmp_path: Path, image: Path) -> None:
    """The first stick does not begin to write before the others have their verdict."""
    slow, *others = sticks(tmp_path, 3)
    done = threading.Semaphore(0)
    waited: list[bool] = []

    def observe(event: Event) -> None:
        if event.subject == str(slow) and event.step == "write" and event.phase is Phase.START:
            waited.extend(done.acquire(timeout=30) for _ in others)
        elif event.step == "flash" and event.phase is Phase.END:
            done.release()

    report = flash(request(image, slow, *others), observer=observe)
    assert waited == [True, True]
    assert results(report) == ["pass", "pass", "pass"]


def test_a_wrong_digest_fails_all(tmp_path: Path, image: Path) -> None:
    """Exit status 9, and no stick boots."""
    targets = sticks(tmp_path, 2)
    report = flash(request(image, *targets, sha256="0" * 64))
    assert (results(report), report.status) == (["fail", "fail"], 9)
    assert not any(bootable(target) for target in targets)
    assert report.records[0]["image"]["sha256"] != "0" * 64  # what it really was is on record


def test_unverified_is_on_record(tmp_path: Path, image: Path) -> None:
    """It was written without a digest, and whoever reads the record learns that."""
    (target,) = sticks(tmp_path, 1)
    report = flash(request(image, target, unverified=True))
    assert report.status == 0
    assert report.records[0]["image"]["expected_by"] == "nobody (--unverified)"
    assert report.records[0]["image"]["sha256"]


def test_a_disc_image_is_refused_with_the_reason(tmp_path: Path) -> None:
    """El Torito alone would make a stick that silently boots nothing."""
    image = tmp_path / "disc.iso"
    data = bytearray(64 << 10)
    data[32768:32774] = b"\x01CD001"
    data[32808:32840] = b"ESXI-8.0U2".ljust(32)
    image.write_bytes(data)
    (target,) = sticks(tmp_path, 1)
    with pytest.raises(ImageNotBootable, match=r"ESXI-8\.0U2"):
        flash(request(image, target, unverified=True))
    assert flash(request(image, target, unverified=True, anyway=True)).status == 0


def test_cancelling_from_outside(tmp_path: Path, image: Path) -> None:
    """Whoever runs us in a thread stops us by the flag."""
    (target,) = sticks(tmp_path, 1)
    cancel = threading.Event()
    cancel.set()
    report = flash(request(image, target), observer=ignore, cancel=cancel)
    assert results(report) == ["cancelled"]
    assert not bootable(target)


def test_an_observer_that_fails_fails_alone(tmp_path: Path, image: Path) -> None:
    """A terminal that went away is no reason to wipe a stick."""
    (target,) = sticks(tmp_path, 1)

    def gone(_event: Event) -> None:
        raise BrokenPipeError

    assert results(flash(request(image, target), observer=gone)) == ["pass"]


def test_a_record_that_cannot_be_kept_hides_no_verdict(
    tmp_path: Path, image: Path, state: Path
) -> None:
    """The stick is right; that it has no record is told beside it."""
    (target,) = sticks(tmp_path, 1)
    lose = at("verify", Phase.START, lambda: shutil.rmtree(state))
    report = flash(request(image, target), observer=lose)
    assert (results(report), report.status) == (["pass"], 13)
    assert report.records[0]["record"] is None
    assert [problem.code for problem in report.problems] == ["config"]


def test_too_large_on_the_way_is_not_called_refused(tmp_path: Path) -> None:
    """Exit status 6 promises that nothing was changed."""
    image = tmp_path / "large.gz"
    image.write_bytes(packed(content(SIZE + 1), "gz"))
    (target,) = sticks(tmp_path, 1)
    report = flash(request(image, target, unverified=True))
    assert (report.status, report.records[0]["error"]["code"]) == (5, "target-full")
    assert report.records[0]["image"]["content_sha256"] is None  # the rest was not unpacked


def test_a_signal_after_the_verdict_undoes_nothing(tmp_path: Path) -> None:
    """What passed has passed, and its record says so."""
    image = tmp_path / "image"
    image.write_bytes(content(10 * MIB))
    (target,) = sticks(tmp_path, 1)
    interrupt = at("flash", Phase.END, lambda: os.kill(os.getpid(), signal.SIGINT))
    report = flash(request(image, target, unverified=True), observer=interrupt)
    assert (results(report), report.status) == (["pass"], 0)
    assert json.loads(Path(report.records[0]["record"]).read_text())["result"] == "pass"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_safely(tmp_path: Path, image: Path, number: int) -> None:
    """Ctrl-C and a service manager's TERM: blanked, recorded, and the status says which."""
    (target,) = sticks(tmp_path, 1)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from provision.core.events import Phase\n"
        "from provision.flow.flash import Request, flash\n"
        "from provision.media.targets import Policy\n"
        "from tests.media.writing import at\n"
        "image, target, number = sys.argv[1:]\n"
        "request = Request(image=Path(image), targets=(Path(target),),\n"
        "                  policy=Policy(allow_file=True))\n"
        "stop = at('verify', Phase.START, lambda: os.kill(os.getpid(), int(number)))\n"
        "report = flash(request, observer=stop)\n"
        "print(report.outcomes[0].result)\n"
        "sys.exit(report.status)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, image, target, str(int(number))],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout.strip(), ran.returncode) == ("cancelled", 128 + number), ran.stderr
    assert not bootable(target)


def test_an_unwritable_state_directory_stops_it_beforehand(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick without a record is not proven; better no stick."""
    target = stick(tmp_path / "stick", SIZE, fill=b"mine")
    monkeypatch.setenv("PROVISION_STATE_DIR", "/dev/null/state")
    with pytest.raises(ConfigError):
        flash(request(image, target))
    assert target.read_bytes()[:4] == b"mine"


def test_a_late_refusal_beside_a_pass_is_not_called_refused(tmp_path: Path, image: Path) -> None:
    """6 promises that nothing was changed; here one stick was written."""
    good, late = sticks(tmp_path, 2)

    def swap(_plan: Plan) -> None:
        stick(tmp_path / "other", SIZE, fill=b"precious").replace(late)

    report = flash(request(image, good, late), confirm=swap)
    assert (results(report), report.status) == (["pass", "fail"], 4)
    assert [outcome.touched for outcome in report.outcomes] == [True, False]
    assert late.read_bytes()[:8] == b"precious"
    alone = flash(request(image, late), confirm=swap)
    assert alone.status == 6


def test_what_is_no_disk_image_is_refused(tmp_path: Path) -> None:
    """A log file written to a stick with a PASS helps nobody; --anyway insists."""
    log = tmp_path / "build.log"
    log.write_text("no disk image\n" * 100)
    (target,) = sticks(tmp_path, 1)
    with pytest.raises(ImageNotBootable, match="no disk image"):
        flash(request(log, target, unverified=True))
    assert not any(target.read_bytes())
    assert flash(request(log, target, unverified=True, anyway=True)).status == 0
