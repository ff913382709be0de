"""Rehearsals: the way back run for practice and measured, so that its seconds are known before they count."""

from dataclasses import dataclass
from datetime import datetime

from console.engine import readiness, records
from console.engine.backward import Backward
from console.engine.parts import Parts
from console.engine.planning import sides_now, timing_of
from console.engine.state import LiveRollout, LiveTarget
from console.engine.way import back_rows
from console.model.commands import Answer, Command, Decision
from console.model.errors import StoreError
from console.model.plan import Step
from console.model.readiness import Rehearsal
from console.model.rollout import Actor, Phase, StepRow, StepState
from console.model.verbs import Verb
from console.model.views import Notice
from console.policy.planning import make_rehearsal_plan
from console.policy.wayback import predicted_s


@dataclass(frozen=True, slots=True)
class _Run:
    """A rehearsal under way: what was predicted, and why it is run."""

    record: LiveRollout
    steps: tuple[Step, ...]
    predicted_s: float
    reason: str


class Rehearsals:
    """Runs the way back for practice where a target is marked for it, and keeps what it took."""

    def __init__(self, parts: Parts, back: Backward) -> None:
        self._parts, self._back = parts, back

    async def rehearse(self, target: str, reason: str) -> Answer:
        """Run and measure the way back; returns when it is over. Refused on a target that is not marked for it, or that is not at rest."""
        live, actor = self._parts.target(target), self._parts.around.actor
        refused = self._refused(live, actor)
        if refused is not None:
            await records.refuse(self._parts, live, actor, "rehearse", reason, refused.reasons[0])
            return Answer(refused)
        plan = make_rehearsal_plan(live.target, sides_now(live), timing_of(live))
        expected = predicted_s(plan.steps, readiness.seconds_of(live, plan.steps))
        record = await self._back.rehearse(live, plan, Command(Verb.ROLLBACK, target, actor, reason or "rehearsal"))
        while record.backward is not None:
            await self._parts.around.sleep(0.02)
        kept = await self._keep(live, _Run(record, plan.steps, expected, reason), actor)
        words = f"Rehearsed in {kept.took_s:.1f} s, {kept.predicted_s:.1f} s were predicted."
        decision = Decision(True) if kept.ok else Decision(False, (record.rollout.note,), "Look at the step, and rehearse again.")
        return Answer(decision, record.id, words if kept.ok else record.rollout.note)

    def _refused(self, live: LiveTarget, actor: Actor) -> Decision | None:
        if not readiness.can_rehearse(live.target, practice=live.row.practice):
            return Decision(
                False,
                (f"{live.name} is not marked for rehearsals.",),
                "Put `rehearse: yes` into its file, if running its way back does no harm there.",
            )
        if live.rollout is not None and not live.rollout.rollout.phase.over:
            return Decision(False, (f"{live.rollout.id} is on its way here.",), "Rehearse when it is over.")
        split = live.split.value
        if split is None or split.weights.get(live.canary, 0.0) != 0:
            return Decision(False, ("Traffic is not all on the stable side, or cannot be read.",), "Roll back, then rehearse.")
        decision = self._parts.asking.decide(live, Verb.UNDO, actor)
        return None if decision.allowed else decision

    async def _keep(self, live: LiveTarget, run: _Run, actor: Actor) -> Rehearsal:
        now, rows = self._parts.around.clock.now(), back_rows(run.record)
        kept = Rehearsal(
            at=now,
            predicted_s=round(run.predicted_s, 2),
            took_s=round(_took_s(list(rows.values()), now), 2),
            steps={each.name or each.kind.value: round(_step_s(rows[each.seq], now), 2) for each in run.steps if each.seq in rows},
            ok=run.record.rollout.phase is Phase.ROLLED_BACK,
        )
        live.rehearsal = kept
        try:
            await self._parts.around.store.ways.rehearsed(live.name, kept, actor, run.reason)
        except StoreError as error:
            run.record.unrecorded = error.message
        title = f"{live.target.title}: rehearsed in {kept.took_s:.1f} s" if kept.ok else f"{live.target.title}: the rehearsal stopped"
        self._parts.outbox.notice(Notice(now, "ok" if kept.ok else "fail", title, run.record.rollout.note, live.name, run.record.id))
        self._parts.touch(live, run.record)
        return kept


def _took_s(rows: list[StepRow], now: datetime) -> float:
    """Return how long the whole took: from the first intent to the last read-back."""
    if not rows:
        return 0.0
    ended = max((row.read_back_at or now) for row in rows)
    return max(0.0, (ended - min(row.sent_at for row in rows)).total_seconds())


def _step_s(row: StepRow, now: datetime) -> float:
    ended = row.read_back_at if row.state is StepState.CONFIRMED and row.read_back_at is not None else now
    return max(0.0, (ended - row.sent_at).total_seconds())
