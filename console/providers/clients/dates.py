"""What the Date headers of answers say of the clock at the other end."""

from email.utils import parsedate_to_datetime

from console.model.clock import Clock

EVERY_S = 15.0
"""A header is read no more often than this: clocks drift slowly, and answers come many times a second."""

GRAIN_S = 0.5
"""A Date header is cut to whole seconds, so on average it is so much late (RFC 9110, section 5.6.7)."""


class Dates:
    """Compares Date headers with this computer's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read_at: float | None = None
        self.ahead_s: float | None = None
        """How far the other clock is ahead, in seconds; None until a header was read."""

    def note(self, header: str, *, cached: bool = False) -> None:
        """Take in a header; one from a cache, one that is no date, or one that comes too soon after the last is passed over."""
        now_s = self._clock.elapsed()
        if not header or cached or (self._read_at is not None and now_s - self._read_at < EVERY_S):
            return
        try:
            theirs = parsedate_to_datetime(header)
            if theirs.tzinfo is None:
                return
            ahead_s = (theirs - self._clock.now()).total_seconds() + GRAIN_S
        except (ValueError, OverflowError):
            return
        self._read_at, self.ahead_s = now_s, ahead_s
