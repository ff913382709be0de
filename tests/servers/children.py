"""Server processes that tests start: each ends with its test run, also when that is killed."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

# Linux ends such a child with the thread that forked it, so all are forked by one thread that lives as long as the test run.
_FORKER = ThreadPoolExecutor(1)

READY_S = 20.0
_PR_SET_PDEATHSIG = 1


def require(present: bool, install: str) -> None:
    """Skip when a server is not installed, with the line that installs it; fail where all of them must be there."""
    if present:
        return
    if os.environ.get("RELEASE_CONSOLE_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server that must be here is missing; install it with: {install}", pytrace=False)
    pytest.skip(f"install it with: {install}")


def free_ports(count: int) -> list[int]:
    """Return free loopback ports, all held until the last is found so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Child:
    """A process that can be stopped, frozen and started again with the same command line."""

    def __init__(
        self, argv: Sequence[str], log: Path, ready: Callable[[], bool], stdin: int = subprocess.DEVNULL, ready_s: float = READY_S
    ) -> None:
        self.argv = list(argv)
        self.log = log
        self.ready = ready
        self.stdin = stdin
        self.ready_s = ready_s
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        with self.log.open("ab") as out:
            start = partial(subprocess.Popen, self.argv, stdin=self.stdin, stdout=out, stderr=out, preexec_fn=_end_with_parent)
            self.process = _FORKER.submit(start).result()
        until = time.monotonic() + self.ready_s
        pause = 0.005
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                pytest.fail(f"{self.argv[0]} did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}", pytrace=False)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def stop(self) -> None:
        if self.process is None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop it where it stands; its threads stop one after the other, so wait for the last."""
        os.kill(self.pid, signal.SIGSTOP)
        if sys.platform == "linux":
            until = time.monotonic() + READY_S
            while os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG) is None and time.monotonic() < until:
                time.sleep(0.001)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def answers_http(url: str) -> bool:
    """Tell whether an address answers with a success."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def post(url: str) -> None:
    """Send an empty POST."""
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5.0) as reply:
        reply.read()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
