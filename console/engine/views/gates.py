"""Gates of a rollout with their verdicts and evidence, and the loss meter."""

from console.analysis.loss import Rates, reckon
from console.engine.judging import stage_of
from console.engine.state import LiveRollout, LiveTarget
from console.model.rollout import Phase
from console.model.target import SessionGate
from console.model.verbs import Verdict
from console.model.views import AutoActView, GateView, LossView

WAITS = frozenset({Verdict.WATCHING, Verdict.BLIND, Verdict.STALE, Verdict.NO_DATA})
"""Verdicts that wait for something: for sessions, for time, or for a source to answer."""


def gate_views(record: LiveRollout) -> tuple[GateView, ...]:
    """Return the gates of the stage in the plan's order; before the first judgement they have no data."""
    stage = stage_of(record)
    names = tuple(gate.name for gate in record.rollout.plan.gates) if stage is None else stage.gates
    return tuple(_gate(record, name) for name in names)


def worst_gate(record: LiveRollout) -> GateView | None:
    """Return the gate that a person should look at first; None when every gate passes or there is none."""
    order = (Verdict.FAIL, Verdict.BLIND, Verdict.MISCONFIGURED, Verdict.NO_DATA, Verdict.STALE, Verdict.WATCHING)
    found = [gate for gate in gate_views(record) if gate.verdict in order]
    return min(found, key=lambda gate: order.index(gate.verdict), default=None)


def auto_act(record: LiveRollout) -> AutoActView | None:
    """Return the countdown after a fail, or after the driver was lost where the plan wants traffic back then."""
    rollout = record.rollout
    at, after_a_fail = rollout.auto_back_at, rollout.phase is Phase.STOPPED
    if at is None or not (after_a_fail or rollout.phase in {Phase.HELD, Phase.UNKNOWN}):
        return None
    return AutoActView(at, rollout.plan.auto_rollback_after_s if after_a_fail else rollout.plan.return_if_lost_s or 0.0)


def loss_of(live: LiveTarget, record: LiveRollout) -> LossView | None:
    """Return the loss meter; None where the file gives no prices or no gate counts sessions. Money a minute is in the target's own time."""
    prices = live.target.prices
    gate = next((gate for gate in record.rollout.plan.gates if isinstance(gate, SessionGate)), None)
    counts = None if gate is None else record.gates.counts(gate.name)
    if prices is None or counts is None:
        return None
    weight = float(record.rollout.asked_weight)
    failing = counts.canary_failed / counts.canary if counts.canary else 0.0
    loss = reckon(counts.canary_failed, Rates(prices.per_session, prices.sessions_per_min or 0.0, weight, failing))
    return LossView(
        customers_hit=loss.customers_hit,
        currency=prices.currency,
        lost=loss.lost,
        per_min_now=loss.per_min_now,
        per_min_full=loss.per_min_full,
        weight=record.rollout.asked_weight,
        factor=f"{loss.customers_hit} × {prices.per_session:,.2f}",
        saved=loss.saved if record.rollout.phase in {Phase.ROLLED_BACK, Phase.ABORTED} else None,
        assumption=loss.assumption,
    )


def _gate(record: LiveRollout, name: str) -> GateView:
    judged = record.judged.get(name)
    if judged is None:
        return GateView(name, Verdict.NO_DATA, "Not judged yet.", None, None)
    phase, waits = record.rollout.phase, judged.verdict in WAITS
    if phase.absorbs and waits:  # what it waited for will not come any more
        sentence = f"Not judged any more: the rollout is {phase.value}. It was {judged.verdict.value} at the last look."
        return GateView(name, judged.verdict, sentence, judged.at, judged.sample_at, judged.evidence)
    return GateView(
        name=name,
        verdict=judged.verdict,
        sentence=judged.sentence,
        judged_at=judged.at,
        sample_at=judged.sample_at,
        evidence=judged.evidence,
        needs_more=judged.needs_more,
        needs_about_s=judged.needs_about_s,
        alarm=judged.alarm,
    )
