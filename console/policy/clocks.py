"""How far the clocks that a decision leans on may disagree."""

from dataclasses import dataclass
from datetime import datetime

WARN_S = 5.0
HOLD_S = 60.0


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The largest difference between this computer's clock and another's: `warn` above 5 s, `held` above 60 s, `text` says which."""

    seconds: float
    warn: bool
    held: bool
    text: str = ""


NO_SKEW = ClockSkew(0.0, warn=False, held=False)


def clock_skew(local: datetime, store: datetime | None = None, remote: datetime | None = None) -> ClockSkew:
    """Compare this computer's clock with those of the records and of the target; None where a clock was not read."""
    named = (("the records' clock", store), ("the target's clock", remote))
    read = [(abs((local - other).total_seconds()), name) for name, other in named if other is not None]
    seconds, name = max(read, default=(0.0, ""))
    if seconds <= WARN_S:
        return ClockSkew(seconds, warn=False, held=False)
    return ClockSkew(seconds, warn=True, held=seconds > HOLD_S, text=f"this computer's clock differs from {name} by {seconds:.0f} s")
