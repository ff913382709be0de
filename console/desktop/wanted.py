"""What windows ask of the desk about a way back, the wheel and an absence."""

from typing import Any, Protocol

from console.model.audit import Record
from console.model.commands import Answer
from console.model.desk import Desk
from console.model.proved import Proved
from console.model.team import RecordsView
from console.model.views import HandoverCard


class WantedDesk(Desk, Protocol):
    """The desk with the moves on a way back and on the wheel."""

    async def move_step(self, rollout: str, seq: int, move: str, reason: str) -> None:
        """Do what a person chose for a stopped row of a way back: retry, skip (with a reason), sign (a manual step), or stop."""
        ...

    async def rehearse(self, target: str, reason: str) -> Answer:
        """Run the way back for practice and measure it. Refused where the target is not marked for it."""
        ...

    async def lift_quarantine(self, target: str, version: str, reason: str) -> None:
        """Let a version go forward again."""
        ...

    async def resume_reconcilers(self, target: str, reason: str) -> Answer:
        """Let what was paused by a rollback run again; a forward move."""
        ...

    async def handover_card(self, rollout: str) -> HandoverCard:
        """Return what a new driver has to know, with the target read back now."""
        ...

    async def take_wheel(self, rollout: str, reason: str) -> Answer:
        """Take the wheel of a rollout whose driver is gone, or that nobody drives; this console then drives it."""
        ...

    async def hand_over(self, rollout: str, note: str, to: str) -> Answer:
        """Let the wheel go with a note, to one console or person, or ("") to whoever takes it."""
        ...

    async def seen_absence(self, rollout: str) -> None:
        """Say that the person has read that this console was away."""
        ...

    async def records(self) -> RecordsView:
        """Return where the records are kept, and who shares them."""
        ...

    async def audit_proof(self, record: Record) -> Proved:
        """Return what can be proved of a record now."""
        ...


def wanted(desk: Desk) -> WantedDesk:
    """Return the desk as one that has these moves."""
    found: Any = desk
    return found  # type: ignore[no-any-return]
