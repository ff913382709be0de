"""Opens the engine for the length of one command, and lets it go afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from console.app import Console, begin_logs, opened
from console.model.commands import Answer, Command
from console.model.errors import NotAllowed
from console.model.verbs import Verb

T = TypeVar("T")


def with_console(work: Callable[[Console], Awaitable[T]], *, watch: Sequence[str] | None = ()) -> T:
    """Run `work` with the engine open; `watch` names the targets to connect to, None all of them, () none."""

    begin_logs("cli")

    async def main() -> T:
        async with opened(watch=watch) as console:
            return await work(console)

    return asyncio.run(main())


async def act(console: Console, command: Command) -> Answer:
    """Do a command and return the answer. Raises NotAllowed with the reasons when it was refused."""
    answer = await console.act(command)
    refuse(command, answer)
    return answer


def refuse(command: Command, answer: Answer) -> None:
    """Raise NotAllowed with the reasons when a command was refused."""
    if not answer.decision.allowed:
        reasons = answer.decision.reasons or ("refused",)
        raise NotAllowed(
            f"{command.verb.value} on {command.target} was refused: {reasons[0]}",
            means=" ".join(reasons[1:]),
            advice=answer.decision.allowed_instead,
        )


async def target_of(console: Console, rollout: str) -> str:
    """Return the target of a rollout. Raises BadFile when there is no such rollout."""
    return (await console.store.journal.rollout(rollout)).plan.target


def command(console: Console, verb: Verb, target: str, reason: str, *, rollout: str = "", side: str = "") -> Command:
    """Return a command by the person at this terminal."""
    return Command(verb=verb, target=target, actor=console.actor, reason=reason, rollout=rollout, side=side)
