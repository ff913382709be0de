"""How a backward move ends: done, or stopped at a step with what a person can do next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.engine import records, step, underway
from console.engine.parts import Parts
from console.engine.planning import is_release
from console.engine.state import LiveRollout, LiveTarget
from console.engine.views.rows import what_of
from console.engine.way import Move, back_rows
from console.model.errors import NotAllowed, StoreError
from console.model.plan import PlanKind, Step, StepKind
from console.model.rollout import Outcome, Phase, StepRow, StepState
from console.model.stores import RolloutChange, TargetChange
from console.model.systems import Side
from console.model.verbs import Direction, Verb
from console.policy.wayback import is_due, open_steps


async def done(parts: Parts, live: LiveTarget, record: LiveRollout, move: Move, *, alone: bool = True) -> None:
    """Close a move whose every step is confirmed or skipped; `alone` says that no other move of its rollout sends anything now."""
    around = parts.around
    live.confirmed_other, live.confirmed_loss = "", ()
    if alone:  # else the last one to end does it: what the others send is not left open
        await _reconcile(parts, live, record)
    stable = move.stable or _stable_again(live, record, move)
    if stable:
        live.row = replace(live.row, stable=stable)
        try:
            change, words = TargetChange(stable=stable), f"stable is {stable} again"
            live.row = await around.store.targets.amend(live.name, change, move.actor, words, around.clock.now())
        except (StoreError, NotAllowed) as error:
            record.unrecorded = error.message
        live.last_done = None if move.stable or record.rollout.plan.kind is PlanKind.ROLLBACK else live.last_done
    if move.good is not None:
        note = f"{move.good.note or ''}{skipped_words(move.steps, record)}"
        what = replace(move.good, note=note, ended_at=around.clock.now())
        await records.change_anyhow(parts, live, record, what, move.by)


async def stopped(parts: Parts, live: LiveTarget, record: LiveRollout, move: Move, states: Mapping[int, StepState], why: str = "") -> None:
    """Leave a way back at the step where it stopped, for a person to retry, skip, sign or stop; a rehearsal ends there."""
    note = stop_words(move.verb, move.steps, states, back_rows(record), why)
    if record.rollout.plan.kind is PlanKind.REHEARSAL:
        what = RolloutChange(phase=Phase.ABORTED, note=note, ended_at=parts.around.clock.now())
    else:
        what = RolloutChange(phase=Phase.BACK_STOPPED, note=note)
    await records.change_anyhow(parts, live, record, what, move.by)


def stop_words(verb: Verb, steps: Sequence[Step], states: Mapping[int, StepState], rows: Mapping[int, StepRow], why: str = "") -> str:
    """Return where a way back stopped, in words: `rollback stopped at step 3: schema: failed. …`."""
    left = open_steps(steps, states)
    if not left:
        return f"{verb.value} stopped. {why}".strip()
    troubled = [each for each in left if states.get(each.seq, StepState.PLANNED) is not StepState.PLANNED] or list(left[:1])
    first = min(troubled, key=lambda each: each.seq)
    number = 1 + [each.seq for each in steps].index(first.seq)
    words = "; ".join(_one(each, states, rows) for each in troubled)
    blocked = sum(not is_due(each, states) for each in left)
    waits = f" {blocked} more wait{'s' if blocked == 1 else ''} for it." if blocked else ""
    return f"{verb.value} stopped at step {number}: {words}{waits} {why}".strip()


def skipped_words(steps: Sequence[Step], record: LiveRollout) -> str:
    """Return which steps of a finished way back were passed over, in words; "" when none was."""
    rows = back_rows(record)
    names = [each.name or what_of(each) for each in steps if each.seq in rows and rows[each.seq].state is StepState.SKIPPED]
    return f" Skipped: {', '.join(names)}." if names else ""


def _one(each: Step, states: Mapping[int, StepState], rows: Mapping[int, StepRow]) -> str:
    row, state = rows.get(each.seq), states.get(each.seq, StepState.PLANNED)
    if each.kind is StepKind.MANUAL:
        return f"{each.name}: waits for a person who does it and signs."
    if state is StepState.PLANNED or row is None:
        return f"{each.name or each.system}: not sent."
    return f"{each.name or each.system}: {state.value}. {row.detail}".strip()


async def _reconcile(parts: Parts, live: LiveTarget, record: LiveRollout) -> None:
    """Settle what was not known of earlier steps, now that the target was read back and is as the way back wants it.

    What another console is still sending it settles itself; it is looked at later where it never does.
    """
    around = parts.around
    left = [row for row in record.rows_in_order() if row.state in {StepState.SENT, StepState.UNKNOWN}]
    for row in [row for row in left if not underway.elsewhere(parts, row)]:
        looked = await step.look_again(around, live, record, row, "Read back after the way back.")
        if looked.state is not StepState.CONFIRMED:
            detail = f"{looked.detail} The way back was taken since."
            outcome = Outcome(row.id, StepState.FAILED, around.clock.now(), looked.accepted_at, looked.read_back_at, looked.seen, detail)
            looked = await step.settle(around, record, looked, outcome)
        records.settled(parts, live, record, looked, f"{row.step.verb.value}: {looked.state.value}")


def _stable_again(live: LiveTarget, record: LiveRollout, move: Move) -> Side:
    """Return the side that is stable after all: where a release was taken back between the swap and its end, or after it; "" elsewhere."""
    plan = record.rollout.plan
    if move.good is None or live.row.stable == plan.stable:
        return ""
    own_way = plan.kind is PlanKind.ROLLBACK or (plan.kind is PlanKind.SWITCH and plan.steps[0].direction is Direction.BACKWARD)
    return plan.stable if own_way or (is_release(plan) and live.row.stable == plan.canary) else ""
