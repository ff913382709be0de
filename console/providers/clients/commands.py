"""Runs a declared command to its end without a shell, and keeps its last words."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.model.errors import NotAllowed, Unreachable
from console.model.text import clean, clean_bytes, without
from console.providers.clients.output import LineSplitter
from console.providers.clients.processes import ProcessGroup, bare_environment, spawn

DETAIL = 200
KEPT = 20
"""Lines of a command's output that are looked at: its last words."""

SINCE, UNTIL = "since: ", "until: "


@dataclass(frozen=True, slots=True)
class Errand:
    """A command to run in a folder: what it gets beyond a bare environment, how long it may take, and whether it changes something.

    `hidden` are secrets that it gets, which nothing that it prints may show.
    """

    argv: Sequence[str]
    folder: Path
    timeout_s: float
    changes: bool
    environment: Mapping[str, str]
    hidden: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Return the command as messages show it."""
        return clean(" ".join(self.argv), 80)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, negative for a signal, and the last lines that it printed."""

    code: int
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return the last line that is not about an instant, "" when it printed nothing."""
        return next((line for line in reversed(self.lines) if line and not line.startswith((SINCE, UNTIL))), "")

    @property
    def end(self) -> str:
        """Return how it ended, in words."""
        return f"ended with exit code {self.code}" if self.code >= 0 else f"was ended by signal {-self.code}"

    @property
    def said(self) -> str:
        """Return what it said last, as a sentence; "" when it said nothing."""
        return f" It says: {self.words}" if self.words else ""


async def run_command(errand: Errand, *, trusted: bool) -> Ended:
    """Run a command to its end. Everything that it starts ends with it, at the deadline, and with this program.

    Raises NotAllowed where its file is not trusted, Unreachable where it could not be started or did not end in time.
    """
    if not trusted:
        raise NotAllowed(
            f"{errand.name} was not run: the commands of this target's file are not trusted.",
            means="Nothing was changed by this step." if errand.changes else "Its state is not known.",
            advice="Look at the commands and trust them, or do this step by hand.",
        )
    try:
        group = await spawn(errand.argv, errand.folder, bare_environment(errand.environment))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "its arguments cannot be passed"
        raise Unreachable(
            f"{errand.name} could not be started: {why}.",
            sent=False,
            means="Nothing was changed." if errand.changes else "Its state is not known now.",
            advice="Check the command and its folder in the target file.",
        ) from None
    return await _wait(group, errand)


async def _wait(group: ProcessGroup, errand: Errand) -> Ended:
    last: deque[bytes] = deque(maxlen=KEPT)
    reading = asyncio.get_running_loop().create_task(_copy(group, last))
    code: int | None = None
    stayed = ""
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(errand.timeout_s):
                code = await group.wait()
        if code is None:
            stayed = await group.end()
    finally:
        if code is None:
            group.kill()
        await group.close(reading)
    if code is None:
        raise Unreachable(
            f"{errand.name} did not end in {errand.timeout_s:g} s and was ended{f', but {stayed}' if stayed else ''}.",
            sent=True,
            means="It may have done a part of its work; the check will tell." if errand.changes else "Its state is not known now.",
            advice="Look what it waits for, or give it more time in the target file.",
        )
    return Ended(code, tuple(_shown(line, errand.hidden) for line in last))


def _shown(line: bytes, hidden: Sequence[str]) -> str:
    text = line.decode("utf-8", errors="backslashreplace")
    for secret in hidden:
        text = without(text, secret)
    return clean(text, DETAIL) if hidden else clean_bytes(line, DETAIL)


async def _copy(group: ProcessGroup, last: deque[bytes]) -> None:
    splitter = LineSplitter()
    while data := await group.output.read(65536):
        last.extend(splitter.feed(data))
    last.extend(splitter.rest())
