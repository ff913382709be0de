"""How long a driver goes on while somebody else is first to change its rollout again and again."""

from console.engine.surroundings import Surroundings
from console.model.errors import NotAllowed

MOST = 10
"""After so many times in a row the driver gives up, and its rollout is held for a person."""

FIRST_S, LONGEST_S = 0.05, 2.0


class Contention:
    """Counts how often in a row somebody else was first, and waits a little longer each time."""

    def __init__(self, around: Surroundings) -> None:
        self._around, self._times = around, 0

    def won(self) -> None:
        """Note that nobody was first."""
        self._times = 0

    async def lost(self, rollout: str, error: NotAllowed) -> None:
        """Wait before the next try. Raises NotAllowed when there were too many."""
        self._times += 1
        if self._times < MOST:
            await self._around.sleep(self._around.backoff_s(self._times, FIRST_S, LONGEST_S))
            return
        message = f"{rollout} could not be changed {MOST} times in a row: {error.message}"
        raise NotAllowed(message, means="Nothing advanced.", advice="See the audit for who changes it, then resume.") from error
