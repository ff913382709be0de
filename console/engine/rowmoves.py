"""What a person chooses for a row of a way back: retry, skip with a reason, sign, or stop; anyone with the role, no wheel needed."""

from datetime import datetime

from console.engine import records
from console.engine.backward import Backward
from console.engine.parts import Parts
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.way import back_rows, pass_over, states_of, way_steps, way_verb
from console.model.errors import BadFile, NotAllowed
from console.model.plan import Step, StepKind
from console.model.rollout import Phase, StepState
from console.model.target import Reversibility
from console.model.verbs import Verb
from console.policy.wayback import GOOD, is_due

MOVES = ("retry", "skip", "sign", "stop")
WITH_REASON = frozenset({"skip", "sign"})
GOING_BACK = frozenset({Phase.ABORTING, Phase.BACK_STOPPED})


def moves_of(record: LiveRollout, each: Step, states: dict[int, StepState]) -> tuple[str, ...]:
    """Return what a person can do with a row now."""
    phase, state = record.rollout.phase, states.get(each.seq, StepState.PLANNED)
    if phase not in GOING_BACK or state in GOOD:
        return ()
    running = record.backward is not None
    if each.kind is StepKind.MANUAL:
        return ("sign", "skip", "stop") if is_due(each, states) else ()
    row = back_rows(record).get(each.seq)
    if running and row is not None and row.state is StepState.SENT:
        return () if each.kind is StepKind.WEIGHT else ("stop",)
    if state is StepState.PLANNED:
        return () if running or not is_due(each, states) else ("retry", "skip", "stop")
    signs = ("sign",) if each.reversibility is Reversibility.LOSSY and state is StepState.FAILED else ()
    return ("retry", *signs, "skip", "stop")


class RowMoves:
    """Does what a person chose for a row."""

    def __init__(self, parts: Parts, back: Backward) -> None:
        self._parts, self._back = parts, back

    async def move(self, rollout: str, seq: int, move: str, reason: str) -> None:
        """Do a move on a row of a way back, and go on with it.

        Raises BadFile for an unknown row or move, NotAllowed when the row is not in a state for it or a reason is missing.
        """
        record = self._parts.records.get(rollout)
        if record is None:
            raise NotAllowed(f"There is no rollout {rollout} on the targets that are watched.")
        live, by = self._parts.target(record.rollout.plan.target), By(self._parts.around.actor, move, reason.strip(), person=True)
        each = self._row(record, seq, move)
        await self._check(live, record, each, by)
        if move == "stop":
            await self._back.stop(live, record, by)
        elif move == "retry":
            await self._back.again(live, record, by, seq)
        elif move == "sign" and each.kind is not StepKind.MANUAL:
            await self._back.again(live, record, by, seq, signed=True)
        else:
            await self._pass(live, record, each, by)

    def _row(self, record: LiveRollout, seq: int, move: str) -> Step:
        steps = way_steps(record, way_verb(record))
        each = next((step for step in steps if step.seq == seq), None)
        if each is None or move not in MOVES:
            known = f"rows {', '.join(str(step.seq) for step in steps)}; moves {', '.join(MOVES)}"
            raise BadFile(f"{record.id} has no row {seq} with a move {move}.", advice=f"There are: {known}.")
        return each

    async def _check(self, live: LiveTarget, record: LiveRollout, each: Step, by: By) -> None:
        name, open_moves = each.name or each.system, moves_of(record, each, states_of(way_steps(record, way_verb(record)), record))
        refused = ""
        if live.rollout is not record or record.rollout.phase not in GOING_BACK:
            refused = f"{record.id} is {record.rollout.phase.value}: its way back is not under way."
        elif by.verb not in open_moves:
            refused = f"{name} cannot be told to {by.verb} now: {', '.join(open_moves) or 'nothing'} is open for it."
        elif by.verb in WITH_REASON and not by.reason:
            refused = f"To {by.verb} {name} needs a reason: it goes into the records."
        elif by.verb in {"retry", "sign"} and each.kind is not StepKind.MANUAL:
            decision = self._parts.asking.decide(live, Verb.UNDO, by.actor)
            refused = "" if decision.allowed else decision.reasons[0]
        if refused:
            await records.refuse(self._parts, live, by.actor, by.verb, by.reason, refused)
            raise NotAllowed(refused, advice="Look at the rows as they stand now.")

    async def _pass(self, live: LiveTarget, record: LiveRollout, each: Step, by: By) -> None:
        """Record that a step was skipped, or done by hand and signed, and go on with what waited for it."""
        signed = by.verb == "sign"
        now = self._parts.around.clock.now()
        took_s = max(0.0, (now - _due_since(record, each)).total_seconds())
        seen = {"done": True, "took_s": round(took_s, 1)} if signed else None
        words = f"Signed by {by.actor.name}: {by.reason}" if signed else f"Skipped by {by.actor.name}: {by.reason}"
        state = StepState.CONFIRMED if signed else StepState.SKIPPED
        await pass_over(self._parts, live, record, each, (state, words, seen), by)
        await self._back.again(live, record, by, None)


def _due_since(record: LiveRollout, each: Step) -> datetime:
    """Return since when a manual step waited for a person: when the last step before it was read back."""
    rows = back_rows(record)
    before = [rows[seq].read_back_at or rows[seq].sent_at for seq in each.after if seq in rows]
    return max(before, default=max((row.sent_at for row in rows.values()), default=record.rollout.started_at))
