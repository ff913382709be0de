"""Asks a router's system beforehand what it would refuse of a plan's weights, where it can tell."""

import asyncio
from collections.abc import Sequence

from console.engine.state import LiveTarget
from console.model.errors import ConsoleError
from console.model.ports import ForeseesWeights
from console.model.readings import Foreseen

ASK_S = 5.0
"""A start waits no longer for what its router's system tells beforehand; what was not told is tried."""


async def ask_beforehand(live: LiveTarget, weights: Sequence[int]) -> tuple[str, ...]:
    """Ask what stands against weights of the canary, keep it with the target and return the obstacles, in words.

    A system that does not answer is no obstacle: its reading says that already, and each step asks anew before it is sent.
    """
    router = live.connections.router
    if not isinstance(router, ForeseesWeights):
        return ()
    try:
        async with asyncio.timeout(ASK_S):
            live.foreseen = await router.foresee(weights)
    except (ConsoleError, TimeoutError) as error:
        why = error.message if isinstance(error, ConsoleError) else f"no answer in {ASK_S:g} s."
        live.foreseen = Foreseen(warnings=(f"Rights and weights could not be asked beforehand: {why}",))
    return live.foreseen.obstacles
