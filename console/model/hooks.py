"""Named places where a test can stop or kill the program, so that every crash point can be tried."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HOOKS: tuple[str, ...] = (
    "plan-opened",
    "wheel-taken",
    "intent-before-commit",
    "intent-after-commit",
    "before-read",
    "before-send",
    "after-send",
    "after-read-back",
    "outcome-before-commit",
    "outcome-after-commit",
    "phase-before-commit",
    "phase-after-commit",
)
"""Every place, in the order in which a step passes them."""

CRASH_VARIABLE = "RELEASE_CONSOLE_CRASH_AT"
"""`name` or `name:n` in the environment: the process kills itself when it reaches that hook for the n-th time."""

_armed: list[Callable[[str], None]] = []


def reach(name: str) -> None:
    """Say that a place is reached; nothing happens unless a test armed it. Raises ValueError for a name that HOOKS lacks."""
    if not _armed:
        return
    if name not in HOOKS:
        raise ValueError(f"no hook is named {name!r}")
    for callback in tuple(_armed):
        callback(name)


@contextmanager
def arm(callback: Callable[[str], None]) -> Iterator[None]:
    """Call back at each hook that is reached, in the thread that reaches it, until the block ends."""
    _armed.append(callback)
    try:
        yield
    finally:
        _armed.remove(callback)


class _Crash:
    """Kills the process at the n-th reach of one hook."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._left = count

    def __call__(self, name: str) -> None:
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            _die()


def _die() -> None:
    kill = getattr(signal, "SIGKILL", None)
    if kill is None:
        os._exit(137)
    os.kill(os.getpid(), kill)


def arm_from(value: str) -> None:
    """Arm the crash that `name` or `name:n` asks for; "" arms nothing. Raises ValueError for an unknown name or a count below 1."""
    if not value:
        return
    name, _, count = value.partition(":")
    if name not in HOOKS:
        raise ValueError(f"{CRASH_VARIABLE} names {name!r}; known: {', '.join(HOOKS)}")
    number = int(count or "1")
    if number < 1:
        raise ValueError(f"{CRASH_VARIABLE} counts from 1, not {number}")
    _armed.append(_Crash(name, number))


arm_from(os.environ.get(CRASH_VARIABLE, ""))
