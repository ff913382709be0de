"""A step of the way back by declared commands that run here."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from console.model.clock import Clock, from_iso
from console.model.errors import Malformed, OutcomeUnknown, Refused
from console.model.readings import UndoState
from console.model.systems import CommandUndo
from console.model.text import clean
from console.providers.clients.commands import SINCE, UNTIL, Ended, Errand, run_command


class CommandUndoStep:
    """Runs the two commands that a trusted target file declares, without a shell.

    `check` exits 0 when it is done and 1 when it is not; its last line is the detail, and a line `since: 2026-11-24T10:00:00Z` tells since
    when, `until: …` until when. Any other end of it is an error: the state is unknown then. `run` exits 0 when it did its work, and gets
    the step's key as RELEASE_STEP_KEY. Nothing of our environment is passed on beyond what a program needs. Everything that they start
    ends with them, at the deadline, and with this program.
    """

    def __init__(self, spec: CommandUndo, base_folder: Path, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._spec = spec
        self._folder = base_folder / spec.folder
        self._clock = clock
        self._trusted = trusted

    async def look(self) -> UndoState:
        """Return whether it is done, as its check says now."""
        at, check = self._clock.now(), self._errand(self._spec.check, "", changes=False)
        ended = await run_command(check, trusted=self._trusted())
        if ended.code not in {0, 1}:
            raise Malformed(
                f"The check {check.name} {ended.end}, which is neither done (0) nor not done (1).{ended.said}",
                means="Its state is not known now.",
                advice="Run the check by hand and look what it says.",
            )
        return UndoState(ended.code == 0, at, ended.words, _told(ended, SINCE, check.name), _told(ended, UNTIL, check.name))

    async def run(self, key: str) -> None:
        """Run it to its end; accepted, not yet observed. Raises Refused when it exits with anything but 0."""
        errand = self._errand(self._spec.run, key, changes=True)
        ended = await run_command(errand, trusted=self._trusted())
        if ended.code == 0:
            return
        message = f"{errand.name} {ended.end}.{ended.said}"
        means = "It may have done a part of its work; the check will tell."
        if ended.code < 0:
            raise OutcomeUnknown(message, means=means, advice="Find out who ended it, then retry.")
        raise Refused(message, means=means, advice="Put right what it complains of, then retry; it may be run twice.")

    def _errand(self, argv: Sequence[str], key: str, *, changes: bool) -> Errand:
        return Errand(argv, self._folder, self._spec.timeout_s, changes, {"RELEASE_STEP_KEY": key})


def _told(ended: Ended, begin: str, check: str) -> datetime | None:
    """Return the instant of the last line that begins so; None where there is none."""
    told = next((line.removeprefix(begin) for line in reversed(ended.lines) if line.startswith(begin)), None)
    try:
        return None if told is None else from_iso(told.strip())
    except ValueError:
        raise Malformed(
            f"The check {check} says {begin.rstrip(': ')} {clean(told or '', 60)!r}, which is no instant with a zone.",
            means="Nothing in this answer was used.",
            advice=f"Let it print an instant such as {begin}2026-11-24T10:00:00Z.",
        ) from None
