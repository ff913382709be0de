"""A console in a process of its own, steered over its pipes: one move a line in (`start VERSION`, `promote R-1`), one answer a line out."""

import asyncio
import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent.parent)]

from console.app import Console, opened  # noqa: E402
from console.model.commands import Command  # noqa: E402
from console.model.errors import ConsoleError  # noqa: E402
from console.model.verbs import Verb  # noqa: E402


async def move(console: Console, verb: str, about: str) -> dict[str, object]:
    """Do a move as a window would, and return what was answered."""
    try:
        if verb == "start":
            await console.read("shop", 20.0)
            plan = await console.plan("shop", about)
            command = Command(Verb.START, "shop", console.actor, "go", release=about, plan_hash=plan.plan_hash)
        else:
            command = Command(Verb(verb), "shop", console.actor, "clicked before", rollout=about)
        answer = await console.act(command)
    except ConsoleError as error:
        return {"allowed": False, "reasons": [error.message], "rollout": about}
    return {"allowed": answer.decision.allowed, "reasons": list(answer.decision.reasons), "rollout": answer.rollout}


async def main() -> None:
    async with opened(watch=None) as console:
        print(json.dumps({"console": console.actor.console}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, _, about = line.strip().partition(" ")
            print(json.dumps(await move(console, verb, about)), flush=True)


asyncio.run(main())
