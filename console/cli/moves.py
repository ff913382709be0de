"""The commands that act at once: `switch`, `rollback` and `flag kill`."""

from typing import Annotated

import typer

from console.app import Console
from console.cli.session import act, command, with_console
from console.cli.target import Name, Reason
from console.model.errors import OutcomeUnknown
from console.model.rollout import Phase, Rollout, StepState
from console.model.verbs import Verb

flag_app = typer.Typer(no_args_is_help=True, help="Feature flags.")


async def _ended(console: Console, rollout: str) -> Rollout:
    return await console.ended(rollout)


def _report(ended: tuple[Rollout, bool], said: str) -> None:
    rollout, sure = ended
    if not sure or rollout.phase is Phase.UNKNOWN:
        raise OutcomeUnknown(
            f"{rollout.id}: sent, and the effect is not confirmed.",
            means="The target may or may not have changed.",
            advice=f"release-console release show {rollout.id} tells what was read back.",
        )
    print(f"{rollout.id}: {said}")


async def _sure(console: Console, rollout: Rollout) -> bool:
    steps = await console.store.journal.steps(rollout.id)
    return all(step.state is StepState.CONFIRMED for step in steps[-1:])


def switch(name: Name, *, to: Annotated[str, typer.Option("--to", help="The side that takes all traffic.")], reason: Reason = "") -> None:
    """Move all traffic to a side at once."""

    async def work(console: Console) -> tuple[Rollout, bool]:
        back = await console.is_stable(name, to)
        if not back:  # a way back waits for nothing
            back = (await console.read(name, 6.0)).stable == to
        verb = Verb.SWITCH_BACK if back else Verb.SWITCH
        answer = await act(console, command(console, verb, name, reason, side=to))
        rollout = await _ended(console, answer.rollout)
        return rollout, await _sure(console, rollout)

    _report(with_console(work, watch=[name]), f"all traffic of {name} is on {to}, read back.")


def rollback(name: Name, *, reason: Reason = "") -> None:
    """Return everything to the stable version: traffic first, then the flag. Never blocked by a freeze."""

    async def work(console: Console) -> tuple[Rollout, bool]:
        await console.look_before_a_way_back(name)
        answer = await act(console, command(console, Verb.ROLLBACK, name, reason))
        rollout = await _ended(console, answer.rollout)
        return rollout, await _sure(console, rollout)

    ended = with_console(work, watch=[name])
    _report(ended, f"{name} is back on {ended[0].plan.stable}, read back.")


@flag_app.command("kill")
def kill(name: Name, flag: Annotated[str, typer.Argument(help="The flag's name.", metavar="FLAG")], *, reason: Reason = "") -> None:
    """Switch a flag off at once. Never blocked by a freeze."""

    async def work(console: Console) -> tuple[Rollout, bool]:
        await console.flag_named(name, flag)
        answer = await act(console, command(console, Verb.FLAG_KILL, name, reason))
        rollout = await _ended(console, answer.rollout)
        return rollout, await _sure(console, rollout)

    _report(with_console(work, watch=[name]), f"{flag} on {name} is off, read back.")
