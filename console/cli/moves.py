"""The commands that act at once: `switch`, `rollback` and `flag kill`."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from console.app import Console
from console.cli.output import print_table
from console.cli.session import act, command, refuse, with_console
from console.cli.target import Name, Reason
from console.model.commands import Answer, Command
from console.model.errors import NotAllowed, OutcomeUnknown, StoreError
from console.model.rollout import Phase, Rollout, StepRow, StepState
from console.model.train import TrainPhase
from console.model.verbs import Direction, State, Verb
from console.model.views import RolloutView, SendView, Update

flag_app = typer.Typer(no_args_is_help=True, help="Feature flags.")


ROWS_S = 2.0
"""The rows are printed when they are told within this time."""

GOOD = frozenset({StepState.CONFIRMED, StepState.SKIPPED})
WORDS = {State.HEALTHY: "confirmed", State.WAIVED: "skipped", State.IN_ROLLOUT: "sent", State.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A rollout once a move of this command is over, with the steps that this command sent."""

    rollout: Rollout
    own: tuple[StepRow, ...]


async def ended(console: Console, rollout: str) -> Ended:
    """Return what became of a move, once it is over."""
    row = await console.ended(rollout)
    steps = await console.store.journal.steps(row.id)
    return Ended(row, tuple(step for step in steps if step.actor.console == console.actor.console))


def report(over: Ended, said: str) -> None:
    """Print what was done.

    Raises OutcomeUnknown for a step whose effect is not known and for a way back that is not confirmed, NotAllowed for what was not done.
    """
    _check_way_back(over.rollout)
    _check_steps(over)
    print(f"{over.rollout.id}: {said}")
    lacking = _not_in_the_records(over)
    if lacking:
        print(lacking, file=sys.stderr)


def _check_way_back(rollout: Rollout) -> None:
    if rollout.phase is Phase.BACK_STOPPED:
        raise OutcomeUnknown(
            f"{rollout.id}: {rollout.note}",
            means="What does not depend on it went on; the rows say which.",
            advice=f"release-console release step {rollout.id} N --retry, --skip, --sign or --stop; or roll back again.",
        )


def _check_steps(over: Ended) -> None:
    """Raise what the newest try of each step came to, where that is not what was wanted."""
    rollout = over.rollout
    newest = {(step.step.seq, step.step.kind, step.step.direction): step for step in over.own}
    still_open = [step for step in newest.values() if step.state not in GOOD]
    unsure = any(step.step.direction is Direction.BACKWARD or step.state is not StepState.FAILED for step in still_open)
    if unsure or rollout.phase is Phase.UNKNOWN:
        raise OutcomeUnknown(
            f"{rollout.id}: the effect is not confirmed. {_each(still_open)}".rstrip(),
            means=_each(step for step in over.own if step not in still_open) or "The target may or may not have changed.",
            advice=f"Mend it and roll back again; release-console release show {rollout.id} tells what was read back.",
        )
    if still_open or (not over.own and not rollout.phase.over):
        why = still_open[-1].detail if still_open else rollout.note
        raise NotAllowed(f"{rollout.id} is {rollout.phase.value}: {why or 'nothing was sent'}", advice="Going back is open.")


def _not_in_the_records(over: Ended) -> str:
    """Say where what was done is recorded, where that is not in the records; "" when it is."""
    if any(step.recorded == "emergency" for step in over.own):
        return "The records could not be written: it is in the emergency journal, and joins the audit when they can."
    if not over.own or any(step.recorded == "not recorded" for step in over.own):
        return "Not recorded: neither the records nor the emergency journal could be written."
    return ""


def _each(steps: Iterable[StepRow]) -> str:
    """Say of each step how it ended and why."""
    return " ".join(f"{step.step.system}: {step.state.value}. {step.detail}".rstrip() for step in steps)


def switch(name: Name, *, to: Annotated[str, typer.Option("--to", help="The side that takes all traffic.")], reason: Reason = "") -> None:
    """Move all traffic to a side at once."""

    async def work(console: Console) -> Ended:
        back = await console.is_stable(name, to)
        if not back:  # a way back waits for nothing
            back = (await console.read(name, 6.0)).stable == to
        verb = Verb.SWITCH_BACK if back else Verb.SWITCH
        answer = await act(console, command(console, verb, name, reason, side=to))
        return await ended(console, answer.rollout)

    report(with_console(work, watch=[name]), f"all traffic of {name} is on {to}, read back.")


def rollback(
    name: Name,
    *,
    reason: Reason = "",
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Go back also past the point of no return.")] = False,
) -> None:
    """Return everything to the stable version: traffic first, then what the target's file declares. Never blocked by a freeze."""

    async def work(console: Console) -> tuple[Ended, tuple[SendView, ...], str]:
        await console.look_before_a_way_back(name)
        wanted = command(console, Verb.ROLLBACK, name, reason)
        answer = await console.act(wanted)
        if answer.decision.asks and accept_loss:
            answer = await console.act(wanted)
        _check(wanted, answer, "Hold it, or roll back with --accept-loss.")
        over = await ended(console, answer.rollout)
        return over, await rows_of(console, answer.rollout), await _train_of(console, name)

    over, rows, train = with_console(work, watch=[name])
    print_rows(rows)
    report(over, f"{name} is back on {over.rollout.plan.stable}, read back.")
    if train:
        print(f"{name} came with train {train}: release-console release train rollback {train} takes back what came with it.")


async def _train_of(console: Console, target: str) -> str:
    """Return the newest train that brought a target its release and is not rolled back, "" for none or where it cannot be read."""
    try:
        found = await console.store.trains.trains(live=False, limit=10)
    except StoreError:
        return ""
    return next((each.id for each in found if target in each.rollouts and each.phase is not TrainPhase.ROLLED_BACK), "")


def _check(wanted: Command, answer: Answer, advice: str) -> None:
    if answer.decision.asks:
        raise NotAllowed(" ".join(answer.decision.reasons), means=answer.decision.allowed_instead, advice=advice)
    refuse(wanted, answer)


async def rows_of(console: Console, rollout: str) -> tuple[SendView, ...]:
    """Return the rows of a way back as a screen shows them now; none where nothing is told in time."""
    view = await picture_of(console, rollout, ROWS_S)
    return () if view is None else view.sends


async def picture_of(console: Console, rollout: str, timeout_s: float) -> RolloutView | None:
    """Return a rollout as a screen shows it; None where nothing is told of it in time."""
    found: dict[str, RolloutView] = {}
    told = asyncio.Event()

    def on_update(update: Update) -> None:
        found.update({view.id: view for view in update.rollouts})
        if rollout in found:
            told.set()

    cancel = console.listen(on_update)
    try:
        async with asyncio.timeout(timeout_s):
            await told.wait()
    except TimeoutError:
        return None
    finally:
        cancel()
    return found[rollout]


def print_rows(rows: Sequence[SendView]) -> None:
    """Print the rows of a way back, each with its state and what can be done with it now."""

    def words(row: SendView) -> tuple[str, ...]:
        state = "not sent" if row.state is None else WORDS.get(row.state, row.state.value.replace("_", " "))
        took = "-" if row.took_s is None else f"{row.took_s:.1f} s"
        detail = row.detail or (row.instructions if "sign" in row.moves else "")
        return (str(row.number), row.what, row.value or row.system, state, took, " ".join(row.moves) or "-", detail)

    print_table(("", "WHAT", "VALUE", "STATE", "TOOK", "OPEN", "DETAIL"), [words(row) for row in rows])


@flag_app.command("kill")
def kill(name: Name, flag: Annotated[str, typer.Argument(help="The flag's name.", metavar="FLAG")], *, reason: Reason = "") -> None:
    """Switch a flag off at once. Never blocked by a freeze."""

    async def work(console: Console) -> Ended:
        await console.flag_named(name, flag)
        answer = await act(console, command(console, Verb.FLAG_KILL, name, reason))
        return await ended(console, answer.rollout)

    report(with_console(work, watch=[name]), f"{flag} on {name} is off, read back.")
