"""A process that does not end even when it is killed holds nobody up, and is named."""

import asyncio
import sys
from pathlib import Path

import pytest

from console.providers.clients import processes
from console.providers.clients.processes import ProcessGroup

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="signals groups of POSIX processes")]


class Stuck:
    """A process that hangs inside the system: no signal ends it."""

    pid = 2**22 + 1
    """More than Linux gives out by default, so that nobody is signalled."""
    returncode: int | None = None

    async def wait(self) -> int:
        await asyncio.Event().wait()
        raise AssertionError


async def test_what_hangs_inside_the_system_is_named_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.02)
    monkeypatch.setattr(processes, "LAST_S", 0.02)
    group = ProcessGroup(Stuck(), asyncio.StreamReader(), None)  # type: ignore[arg-type]
    stayed = await asyncio.wait_for(group.end(), 2.0)
    assert stayed == f"process {Stuck.pid} did not end 0.02 s after it was killed: it hangs inside the system"
    assert stayed in caplog.text


async def test_of_what_ends_nothing_stays(tmp_path: Path) -> None:
    group = await processes.spawn(["/bin/sh", "-c", "exec sleep 60"], tmp_path, {"PATH": "/usr/bin:/bin"})
    reading = asyncio.ensure_future(_nothing(group))
    try:
        assert await group.end() == ""
        assert group.returncode == -15
    finally:
        await group.close(reading)


async def _nothing(group: ProcessGroup) -> None:
    await group.output.read()
