"""The store killed at each of its hooks, used by several processes, and on a disk that takes no more."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store_kit import HandClock, make_plan, opened

from console.model.hooks import CRASH_VARIABLE
from console.model.rollout import Phase, StepState
from console.store.sqlite import SqliteStore, open_store

pytestmark = pytest.mark.anyio

CHILD = Path(__file__).with_name("store_child.py")


def start(what: str, folder: Path, number: int = 0, crash_at: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, CRASH_VARIABLE: crash_at}
    return subprocess.Popen(
        [sys.executable, str(CHILD), what, str(folder), str(number)], stdout=subprocess.PIPE, text=True, env=environment
    )


def run(what: str, folder: Path, number: int = 0, crash_at: str = "") -> tuple[int, list[str]]:
    with start(what, folder, number, crash_at) as child:
        said, _ = child.communicate(timeout=60)
    return child.returncode, said.splitlines()


CRASHES: list[tuple[str, dict[str, StepState], list[str]]] = [
    ("phase-before-commit", {}, []),
    ("phase-after-commit", {}, []),
    ("intent-before-commit", {}, []),
    ("intent-after-commit", {"up": StepState.SENT}, ["up"]),
    ("outcome-before-commit", {"up": StepState.SENT}, ["up"]),
    ("outcome-after-commit", {"up": StepState.CONFIRMED}, []),
    ("intent-before-commit:2", {"up": StepState.CONFIRMED}, []),
    ("intent-after-commit:2", {"up": StepState.CONFIRMED, "back": StepState.SENT}, ["back"]),
    ("outcome-before-commit:2", {"up": StepState.CONFIRMED, "back": StepState.SENT}, ["back"]),
    ("outcome-after-commit:2", {"up": StepState.CONFIRMED, "back": StepState.CONFIRMED}, []),
    ("phase-before-commit:2", {"up": StepState.CONFIRMED, "back": StepState.CONFIRMED}, []),
    ("phase-after-commit:2", {"up": StepState.CONFIRMED, "back": StepState.CONFIRMED}, []),
]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize(("hook", "states", "unsettled"), CRASHES)
async def test_a_kill_at_a_hook_loses_and_invents_nothing(folder: Path, hook: str, states: dict[str, StepState], unsettled: list[str]):
    code, said = run("release", folder, crash_at=hook)
    assert code == -signal.SIGKILL
    store = open_store(folder, HandClock())
    report = await store.audit.verify()
    rows = await store.journal.steps("R-1")
    left = await store.journal.unsettled()
    rollouts = await store.journal.rollouts(live=False)
    await store.close()
    assert {row.id: row.state for row in rows} == states
    assert [row.id for row in left] == unsettled
    assert (report.ok, list(report.open_intents)) == (True, unsettled)
    assert len(rollouts) == (hook != "phase-before-commit")
    assert {line.split()[1] for line in said if line.startswith("sent")} <= set(states)
    assert {line.split()[1] for line in said if line.startswith("settled")} <= {
        name for name, state in states.items() if state != StepState.SENT
    }
    if hook == "phase-after-commit:2":
        assert rollouts[0].phase is Phase.ABORTED


def test_without_a_crash_the_same_release_ends_well(folder: Path):
    code, said = run("release", folder)
    assert (code, said[-1]) == (0, "ended R-1")


async def test_processes_that_compete_by_compare_and_set_lose_no_change(store: SqliteStore):
    await opened(store)
    children = [start("compete", store.folder, 15) for _ in range(2)]
    for child in children:
        with child:
            child.communicate(timeout=90)
        assert child.returncode == 0
    rollout = await store.journal.rollout("R-1")
    assert (rollout.asked_weight, rollout.revision) == (30, 31)
    report = await store.audit.verify()
    assert (report.ok, report.size) == (True, 31)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE is tried on Linux only")
async def test_when_the_system_gives_no_more_room_backward_goes_and_nothing_is_lost(folder: Path):
    code, said = run("fill", folder)
    assert code == 0
    assert said[0].startswith("refused Cannot record. The disk")
    assert said[-1] == "back emergency confirmed"
    store = open_store(folder, HandClock())
    report = await store.audit.verify()
    assert (report.ok, report.open_intents) == (True, ())
    (row,) = await store.journal.steps("R-1")
    assert (row.id, row.state, row.recorded) == ("back", StepState.CONFIRMED, "emergency")
    await store.close()


async def test_many_openings_at_once_make_one_file(folder: Path):
    children = [start("release", folder) for _ in range(3)]
    codes = []
    for child in children:
        with child:
            child.communicate(timeout=90)
        codes.append(child.returncode)
    store = open_store(folder, HandClock())
    report = await store.audit.verify()
    rollouts = await store.journal.rollouts(live=False)
    await store.close()
    assert report.ok
    assert 0 in codes
    assert len({rollout.id for rollout in rollouts}) == len(rollouts) >= 1
    assert all(rollout.plan == make_plan() for rollout in rollouts)
