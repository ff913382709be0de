"""The verbs of the bottom bar and of a rollout: whether each can act now, and what it would do, in one line."""

from collections.abc import Callable, Mapping

from console.engine.lowering import lower_weight
from console.engine.readiness import seconds_now
from console.engine.state import LiveRollout, LiveTarget
from console.engine.way import way_steps
from console.model.commands import Decision
from console.model.verbs import Verb
from console.model.views import VerbView
from console.policy.planning import rollback_steps
from console.policy.wayback import predicted_s

BAR = (Verb.HOLD, Verb.STEP_DOWN, Verb.ROLLBACK, Verb.FLAG_KILL)
"""The bottom bar's four, always in this order."""

STEERING = (Verb.PROMOTE, Verb.RESUME, Verb.ABORT)

Decide = Callable[[Verb], Decision]

DEFAULT_S = 1.0

SHORT = {
    "No rollout is on its way": "no rollout runs",
    "The rollout has not begun": "it has not begun",
    "The rollout is held": "held already",
    "Traffic is already going back": "going back already",
    "The way back has stopped": "the way back stopped",
    "A step's outcome is unknown": "an outcome is unknown",
    "The trial side has no traffic": "already at 0 %",
    "All traffic is on the stable side": "all is on stable",
    "The flag is off": "the flag is off",
}
"""How the policy's reasons begin, and what the second line of a verb has room for."""

ENDINGS = {"declares no flag.": "no flag is declared", "it is not the one that was pinned.": "another system is there"}
OBSERVED = " is observe-only"


def verb_views(live: LiveTarget, record: LiveRollout | None, verbs: tuple[Verb, ...], decide: Decide) -> Mapping[Verb, VerbView]:
    """Return what each verb can do now; the second line is the prediction, or why it can't act."""
    return {verb: _view(live, record, verb, decide(verb)) for verb in verbs}


def weight_now(live: LiveTarget) -> float | None:
    """Return the canary's weight as last read."""
    return None if live.split.value is None else live.split.value.weights.get(live.canary)


def traffic_s(live: LiveTarget) -> float:
    """Return how long traffic takes to move, as last measured."""
    return max(0.1, live.took_s.get("weight", DEFAULT_S))


def back_s(live: LiveTarget, record: LiveRollout | None) -> float:
    """Return how long the whole way back takes: its longest chain of steps that wait for each other, as last measured."""
    steps = way_steps(record, Verb.ROLLBACK) if record is not None else rollback_steps(live.target, live.stable)
    return max(0.1, predicted_s(steps, seconds_now(live, record, steps)))


def short(reason: str) -> str:
    """Return a refusal in the few words that the bottom bar has room for; the whole reason stands beside it."""
    found = [words for begin, words in SHORT.items() if reason.startswith(begin)]
    found += [words for end, words in ENDINGS.items() if reason.endswith(end)]
    if OBSERVED in reason:
        found.append(OBSERVED.removeprefix(" is "))
    return found[0] if found else reason


def _view(live: LiveTarget, record: LiveRollout | None, verb: Verb, decision: Decision) -> VerbView:
    if decision.asks:
        return VerbView(verb, enabled=True, second="past the point of no return", reasons=(*decision.reasons, decision.allowed_instead))
    if not decision.allowed:
        reason = decision.reasons[0] if decision.reasons else "not now"
        return VerbView(verb, enabled=False, second=short(reason) if verb in BAR else reason, reasons=decision.reasons)
    second, predicted_s = _prediction(live, record, verb)
    return VerbView(verb, enabled=True, second=second, reasons=decision.reasons, predicted_s=predicted_s)


def _prediction(live: LiveTarget, record: LiveRollout | None, verb: Verb) -> tuple[str, float]:
    weight = weight_now(live)
    at = "this weight" if weight is None else f"{weight:.4g} %"
    if verb is Verb.HOLD:
        return f"stay at {at}, at once", 0.0
    if verb is Verb.STEP_DOWN:
        lower = f"to {lower_weight(live, record)} %" if record is not None else "down"
        return f"{lower if weight is None else f'{at} {lower}'}, {_seconds(traffic_s(live))}", traffic_s(live)
    if verb is Verb.ROLLBACK:
        taken_s = back_s(live, record)
        return f"{_seconds(taken_s)}, traffic first", taken_s
    if verb is Verb.FLAG_KILL:
        flag_s = live.took_s.get("flag", DEFAULT_S)
        name = live.target.flag.name if live.target.flag is not None else "no flag"
        return f"{name}, {_seconds(flag_s)}", flag_s
    return f"{_seconds(traffic_s(live))}", traffic_s(live)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 1 else f"{seconds:.0f} s"
