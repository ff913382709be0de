"""A step of the way back by declared commands that run here."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.model.clock import Clock, from_iso
from console.model.errors import Malformed, NotAllowed, OutcomeUnknown, Refused, Unreachable
from console.model.readings import UndoState
from console.model.systems import CommandUndo
from console.model.text import clean, clean_bytes
from console.providers.clients.output import LineSplitter
from console.providers.clients.processes import ProcessGroup, bare_environment, spawn

_DETAIL = 200
_KEPT = 20
"""Lines of a command's output that are looked at: its last words."""

_SINCE = "since: "


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a command ended: its exit code, negative for a signal, and the last lines that it printed."""

    code: int
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return the last line that is not about an instant, "" when it printed nothing."""
        return next((line for line in reversed(self.lines) if line and not line.startswith(_SINCE)), "")


class CommandUndoStep:
    """Runs the two commands that a trusted target file declares, without a shell.

    `check` exits 0 when it is done and 1 when it is not; its last line is the detail, and a line `since: 2026-11-24T10:00:00Z` tells since
    when. Any other end of it is an error: the state is unknown then. `run` exits 0 when it did its work, and gets the step's key as
    RELEASE_STEP_KEY. Nothing of our environment is passed on beyond what a program needs. Everything that they start ends with them, at
    the deadline, and with this program.
    """

    def __init__(self, spec: CommandUndo, base_folder: Path, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._spec = spec
        self._folder = base_folder / spec.folder
        self._clock = clock
        self._trusted = trusted

    async def look(self) -> UndoState:
        """Return whether it is done, as its check says now."""
        at = self._clock.now()
        ended = await self._run(self._spec.check, "", changes=False)
        if ended.code not in {0, 1}:
            raise Malformed(
                f"The check {self._name(self._spec.check)} {_end(ended.code)}, which is neither done (0) nor not done (1).{_said(ended)}",
                means="Its state is not known now.",
                advice="Run the check by hand and look what it says.",
            )
        return UndoState(ended.code == 0, at, ended.words, self._since(ended))

    async def run(self, key: str) -> None:
        """Run it to its end; accepted, not yet observed. Raises Refused when it exits with anything but 0."""
        ended = await self._run(self._spec.run, key, changes=True)
        if ended.code == 0:
            return
        message = f"{self._name(self._spec.run)} {_end(ended.code)}.{_said(ended)}"
        means = "It may have done a part of its work; the check will tell."
        if ended.code < 0:
            raise OutcomeUnknown(message, means=means, advice="Find out who ended it, then retry.")
        raise Refused(message, means=means, advice="Put right what it complains of, then retry; it may be run twice.")

    async def _run(self, argv: Sequence[str], key: str, *, changes: bool) -> _Ended:
        if not self._trusted():
            raise NotAllowed(
                f"{self._name(argv)} was not run: the commands of this target's file are not trusted.",
                means="Nothing was changed by this step." if changes else "Its state is not known.",
                advice="Look at the commands and trust them, or do this step by hand.",
            )
        try:
            group = await spawn(argv, self._folder, bare_environment({"RELEASE_STEP_KEY": key}))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "its arguments cannot be passed"
            raise Unreachable(
                f"{self._name(argv)} could not be started: {why}.",
                sent=False,
                means="Nothing was changed." if changes else "Its state is not known now.",
                advice="Check the command and its folder in the target file.",
            ) from None
        return await self._wait(group, argv, changes=changes)

    async def _wait(self, group: ProcessGroup, argv: Sequence[str], *, changes: bool) -> _Ended:
        last: deque[bytes] = deque(maxlen=_KEPT)
        reading = asyncio.get_running_loop().create_task(_copy(group, last))
        code: int | None = None
        stayed = ""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._spec.timeout_s):
                    code = await group.wait()
            if code is None:
                stayed = await group.end()
        finally:
            if code is None:
                group.kill()
            await group.close(reading)
        if code is None:
            raise Unreachable(
                f"{self._name(argv)} did not end in {self._spec.timeout_s:g} s and was ended{f', but {stayed}' if stayed else ''}.",
                sent=True,
                means="It may have done a part of its work; the check will tell." if changes else "Its state is not known now.",
                advice="Look what it waits for, or give it more time in the target file.",
            )
        return _Ended(code, tuple(clean_bytes(line, _DETAIL) for line in last))

    def _since(self, ended: _Ended) -> datetime | None:
        told = next((line.removeprefix(_SINCE) for line in reversed(ended.lines) if line.startswith(_SINCE)), None)
        try:
            return None if told is None else from_iso(told.strip())
        except ValueError:
            raise Malformed(
                f"The check {self._name(self._spec.check)} says since {clean(told or '', 60)!r}, which is no instant with a zone.",
                means="Nothing in this answer was used.",
                advice="Let it print an instant such as since: 2026-11-24T10:00:00Z.",
            ) from None

    def _name(self, argv: Sequence[str]) -> str:
        return clean(" ".join(argv), 80)


def _end(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"


def _said(ended: _Ended) -> str:
    return f" It says: {ended.words}" if ended.words else ""


async def _copy(group: ProcessGroup, last: deque[bytes]) -> None:
    splitter = LineSplitter()
    while data := await group.output.read(65536):
        last.extend(splitter.feed(data))
    last.extend(splitter.rest())
