"""What every part of the engine is given: the store, the clock, who acts, and how to wait."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from console.model.audit import Entry
from console.model.clock import Clock
from console.model.errors import StoreError
from console.model.rollout import Actor
from console.model.stores import Store

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Surroundings:
    """`sleep` waits for seconds and `chance` gives a number from 0 to 1 for jitter; tests put their own in.

    Only the actor's name changes while the engine runs; the wheel tells holders by their console.
    """

    store: Store
    clock: Clock
    actor: Actor
    sleep: Sleep = field(default=asyncio.sleep)
    chance: Callable[[], float] = field(default=random.random)

    def backoff_s(self, failures: int, first_s: float, most_s: float) -> float:
        """Return how long to wait after so many failures: doubling, at most `most_s`, with a quarter of jitter either way."""
        return min(most_s, first_s * 2.0 ** min(failures - 1, 16)) * (0.75 + 0.5 * self.chance())

    async def note(self, entry: Entry) -> StoreError | None:
        """Append an audit record; return the error instead of raising it, for what must go on without."""
        try:
            await self.store.audit.append(entry)
        except StoreError as error:
            return error
        return None
