"""What was measured of stable before the release began."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class History:
    """Resolved sessions of stable before the start; the caller gives the last 2,000 where there are so many."""

    ok: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.ok <= self.total:
            raise ValueError(f"{self.ok} of {self.total} sessions is not a history")

    def at_most(self, sessions: int) -> tuple[float, float]:
        """Return (ok, total) scaled down to at most so many sessions, the share kept."""
        if self.total <= sessions:
            return float(self.ok), float(self.total)
        return self.ok * (sessions / self.total), float(sessions)


NO_HISTORY = History()
