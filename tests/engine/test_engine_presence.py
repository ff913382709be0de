"""A process is known to be dead only where its id means the same as here; in every doubt it may be alive."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from console.engine import presence
from console.model.rollout import Actor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

GONE = 2**22 + 1
"""More than Linux gives out by default."""


def console(pid: int = GONE, *, host: str = "", place: str | None = None, start: str = "") -> Actor:
    where = presence.place() if place is None else place
    return Actor("Ana", f"{host or socket.gethostname()}:{pid}:{where}.{start}.aaaa")


def test_this_process_runs_and_names_itself_anew_each_time() -> None:
    first, second = presence.this_console(), presence.this_console()
    assert first != second
    assert first.startswith(f"{socket.gethostname()}:{os.getpid()}:{presence.place()}.")
    assert presence.still_runs(Actor("Ana", first))


def test_a_process_that_was_started_here_and_is_gone_is_known_to_be_dead() -> None:
    assert not presence.still_runs(console())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = presence.start_of(child.pid)
    assert presence.still_runs(console(child.pid, start=start))
    child.communicate(b"\n")
    assert not presence.still_runs(console(child.pid, start=start))


def test_a_later_process_with_the_same_id_is_not_taken_for_it() -> None:
    assert not presence.still_runs(console(os.getpid(), start="1"))
    assert presence.still_runs(console(os.getpid(), start=""))


@pytest.mark.parametrize(
    "other",
    [
        console(host="elsewhere"),
        console(place="0123456789"),
        console(place=""),
        Actor("Ana", f"{socket.gethostname()}:{GONE}:aaaa"),
        Actor("Ana", f"{socket.gethostname()}:none:aaaa"),
        Actor("Ana", ""),
    ],
    ids=["another host", "another container of this name", "a place that is not known", "an older console", "no process", "nobody"],
)
def test_what_cannot_be_told_from_here_may_be_alive(other: Actor) -> None:
    assert presence.still_runs(other)


def test_two_pid_namespaces_of_one_host_name_are_two_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("5fb3601f\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    space = tmp_path / "self/ns/pid"
    space.touch()
    monkeypatch.setattr(presence, "PROC", tmp_path)
    ours = presence.place()
    assert presence.place() == ours
    (tmp_path / "another").touch()
    space.unlink()
    space.symlink_to(tmp_path / "another")
    assert ours != presence.place() != ""
    space.unlink()
    assert presence.place() == "", "a place that cannot be told is not guessed"


def test_without_proc_nobody_is_known_to_be_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = console()
    monkeypatch.setattr(presence, "PROC", tmp_path)
    assert presence.still_runs(dead)
    assert presence.start_of(os.getpid()) == ""


def test_a_name_with_brackets_and_blanks_hides_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "PROC", tmp_path)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a ) b (c) S " + " ".join(str(number) for number in range(4, 40)))
    assert presence.start_of(7) == "22"
