"""Processes in groups of their own that end whole: at a word, at a deadline, or when this program is gone."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 3.0
"""How long a group has between the polite signal and the last one."""

LAST_S = 5.0
"""How long is waited for the end after the last signal: what hangs inside the system does not end even then."""

LOG = logging.getLogger(__name__)

_DRAIN_S = 1.0
_READ_LIMIT = 256 * 1024
_PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),
)

# Its input is a pipe that only this program holds: when that closes without a word, this program is gone, and the group must go too.
_GUARD = 'read -r group || exit 0; read -r over || kill -s KILL -- "-$group"'


def bare_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the few variables that a program needs to run, and `extra`; secrets in our own environment stay with us."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | dict(extra)


class ProcessGroup:
    """A running command with all that it starts; `output` is its standard output and error, in one stream."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.StreamReader, guard: subprocess.Popen[bytes] | None) -> None:
        self._process = process
        self._guard = guard
        self._pipe: asyncio.BaseTransport | None = None
        self.output = output

    @property
    def returncode(self) -> int | None:
        """Return the exit code; negative is the signal that ended it, None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return the exit code of the command itself, as soon as it ended; what it started may still run."""
        return await self._process.wait()

    async def end(self) -> str:
        """End the whole group: a polite signal first, the last one after `GRACE_S`. Returns what stayed in words, "" when nothing did."""
        if self._process.returncode is None:
            _signal_group(self._process, last=False)
            await self._gone(GRACE_S)
        self.kill()
        if await self._gone(LAST_S):
            return ""
        stayed = f"process {self._process.pid} did not end {LAST_S:g} s after it was killed: it hangs inside the system"
        LOG.warning("%s", stayed)
        return stayed

    async def _gone(self, limit_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._process.wait()
        return self._process.returncode is not None

    def kill(self) -> None:
        """End what is left of the group, at once."""
        _signal_group(self._process, last=True)

    async def close(self, reading: "asyncio.Task[None]") -> None:
        """End what the command left behind, read the rest of its output and let go of everything, also when nobody waits any more."""
        try:
            await asyncio.wait({reading}, timeout=_DRAIN_S)
            self.kill()
            await asyncio.wait({reading}, timeout=_DRAIN_S)
        finally:
            self.kill()
            reading.cancel()
            if self._pipe is not None:
                self._pipe.close()
            if self._guard is not None:
                await _dismiss(self._guard)

    def holds(self, pipe: asyncio.BaseTransport) -> None:
        """Take over the transport that feeds `output`."""
        self._pipe = pipe


async def spawn(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> ProcessGroup:
    """Start a command, without a shell, in a group of its own with nothing on its input.

    Raises OSError when it cannot be started, ValueError when an argument holds a NUL.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "limit": _READ_LIMIT, "creationflags": flags}
        process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, cwd=folder, env=dict(environment), **options)
        assert process.stdout is not None  # noqa: S101 - asked for above
        return ProcessGroup(process, process.stdout, None)
    return await _spawn_posix(argv, folder, environment)


async def _spawn_posix(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> ProcessGroup:
    guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, start_new_session=True)  # noqa: ASYNC220 - returns at once
    # A pipe of our own: asyncio's would let `wait` return only when everything that inherited the output has closed it.
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError, asyncio.CancelledError):
        os.close(reading)
        guard.communicate()
        raise
    finally:
        os.close(writing)
    _tell(guard, process.pid)
    output = asyncio.StreamReader(limit=_READ_LIMIT)
    loop = asyncio.get_running_loop()
    group = ProcessGroup(process, output, guard)
    try:
        pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb", buffering=0))
    except asyncio.CancelledError:
        group.kill()
        guard.communicate(b"over\n")
        raise
    group.holds(pipe)
    return group


def _tell(guard: "subprocess.Popen[bytes]", group: int) -> None:
    if guard.stdin is not None:
        guard.stdin.write(f"{group}\n".encode())
        guard.stdin.flush()


async def _dismiss(guard: "subprocess.Popen[bytes]") -> None:
    """Tell a guard that its group is over, and wait until it has gone, also when nobody waits any more: it goes at once, or is killed."""
    if guard.stdin is not None:
        with contextlib.suppress(OSError):
            guard.stdin.write(b"over\n")
            guard.stdin.close()
    try:
        await asyncio.to_thread(_reap, guard)
    except asyncio.CancelledError:
        _reap(guard)
        raise


def _reap(guard: "subprocess.Popen[bytes]") -> None:
    try:
        guard.wait(_DRAIN_S)
    except subprocess.TimeoutExpired:
        guard.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(_DRAIN_S)


def _signal_group(process: asyncio.subprocess.Process, *, last: bool) -> None:
    if sys.platform == "win32":
        if last:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False, capture_output=True)  # noqa: S607
        else:
            process.send_signal(signal.CTRL_BREAK_EVENT)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL if last else signal.SIGTERM)
