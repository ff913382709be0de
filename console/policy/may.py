"""The one decision whether a move may happen, with its reasons in words; windows, commands and the engine all ask here."""

from collections.abc import Callable
from dataclasses import dataclass

from console.model.commands import Decision
from console.model.rollout import Phase
from console.model.verbs import ON_WORKLOADS, Direction, Verb
from console.policy.permit import Asked, misfit
from console.policy.request import Request, SystemSeen
from console.policy.walltime import in_words

BACKWARD_OPEN = "Going back is open: hold, step down, roll back, kill flag."
_OPENING = frozenset({Verb.START, Verb.SWITCH, Verb.RESUME_RECONCILER}) | ON_WORKLOADS
TO_STABLE = frozenset({Verb.ROLLBACK, Verb.ABORT, Verb.SWITCH_BACK})
"""Verbs that take all traffic to the stable version: where it cannot run any more, they ask once."""

_BRINGS_FORWARD = frozenset({Verb.START, Verb.SWITCH, Verb.STEP_UP, Verb.PROMOTE, Verb.RESUME}) | (ON_WORKLOADS - {Verb.RESTART_WORKLOAD})
_ON_A_ROLLOUT = frozenset({Verb.PROMOTE, Verb.RESUME})
_RUNS_COMMANDS = frozenset({Verb.START, Verb.RUN_PIPELINE, Verb.MIGRATE, Verb.CONTRACT})


@dataclass(frozen=True, slots=True)
class _No:
    """Why not, and what would be allowed instead."""

    reason: str
    instead: str = BACKWARD_OPEN


def may(request: Request) -> Decision:
    """Decide a move. Doubt stops what raises exposure, never what lowers it (I5).

    A refusal holds every reason, the first to be shown first. `cannot_act` marks a verb that has nothing to act on.
    """
    if request.cannot:
        return Decision(False, (request.cannot,), cannot_act=True)
    if request.direction is Direction.BACKWARD:
        return _backward(request)
    nothing = _nothing_forward(request)
    if nothing is not None:
        return Decision(False, (nothing.reason,), nothing.instead, cannot_act=True)
    refusals = [refusal for check in _FORWARD for refusal in (check(request),) if refusal is not None]
    if not refusals:
        return Decision(True)
    return Decision(False, tuple(refusal.reason for refusal in refusals), refusals[0].instead)


def _backward(request: Request) -> Decision:
    """Decide a move that lowers exposure: stopped only by an observe-only target, by having nothing to do, or by another system there."""
    nothing = _nothing_backward(request)
    if nothing is not None:
        return Decision(False, (nothing.reason,), nothing.instead, cannot_act=True)
    if request.verb is Verb.HOLD:
        return Decision(True)
    if not request.target.armed:
        refusal = _unarmed(request)
        return Decision(False, (refusal.reason,), refusal.instead, cannot_act=True)
    if request.target.seen is SystemSeen.DIFFERENT and not request.identity_confirmed:
        return Decision(
            False,
            (f"Another system answers at the address of {request.target.name}: it is not the one that was pinned.",),
            "Check the address; if this is the right system, confirm it and the move goes at once.",
        )
    if request.verb in TO_STABLE and request.target.losses and not request.loss_confirmed:
        reasons = tuple(f"Past the point of no return: {loss}" for loss in request.target.losses)
        return Decision(
            False, reasons, "Hold is what is left without a loss. Asked for again, the traffic goes back all the same.", asks=True
        )
    return Decision(True)


def _nothing_backward(request: Request) -> _No | None:
    verb = request.verb
    if verb is Verb.HOLD:
        return _nothing_to_hold(request)
    if verb is Verb.FLAG_KILL:
        return _no_flag_to_kill(request)
    phase = request.rollout.phase if request.rollout else None
    if verb in {Verb.ABORT, Verb.STEP_DOWN} and (phase is None or phase.over) and not request.in_plan:
        return _No("No rollout is on its way here.", "Roll back moves all traffic to the stable side.")
    if verb is Verb.STEP_DOWN and phase in {Phase.ABORTING, Phase.BACK_STOPPED} and not request.in_plan:
        return _No("Traffic is already going back to stable.", "Roll back sends it once more.")
    if verb is Verb.STEP_DOWN and request.target.weight == 0:
        return _No("The trial side has no traffic: there is nothing to step down from.", "Hold or abort the rollout.")
    going_back = verb in {Verb.ROLLBACK, Verb.SWITCH_BACK, Verb.SWITCH}
    if going_back and _all_is_back(request):
        return _No("All traffic is on the stable side already.", "A forward move needs a plan.")
    return None


def _all_is_back(request: Request) -> bool:
    """Tell whether a rollback would change nothing, for sure; what was not read counts as not back."""
    target, rollout = request.target, request.rollout
    if request.in_plan or target.can_go_back or (rollout is not None and not rollout.phase.over):
        return False
    flag_is_down = request.verb is not Verb.ROLLBACK or not target.has_flag or target.flag_on is False
    return target.weight == 0 and flag_is_down


def _nothing_to_hold(request: Request) -> _No | None:
    phase = request.rollout.phase if request.rollout else None
    if phase is None or phase.over:
        return _No("No rollout is on its way here.", "Nothing advances by itself.")
    words = {
        Phase.PLANNED: "The rollout has not begun.",
        Phase.HELD: "The rollout is held already.",
        Phase.ABORTING: "Traffic is already going back to stable.",
        Phase.BACK_STOPPED: "The way back has stopped: nothing advances until a person chooses.",
        Phase.UNKNOWN: "A step's outcome is unknown: nothing advances until a person chooses.",
    }
    counts_down = request.rollout is not None and request.rollout.counts_down
    return _No(words[phase], "Step down, abort or roll back.") if phase in words and not counts_down else None


def _no_flag_to_kill(request: Request) -> _No | None:
    if not request.target.has_flag:
        return _No(f"{request.target.name} declares no flag.", "Roll back moves the traffic.")
    if request.target.flag_on is False and not request.in_plan:
        return _No("The flag is off already.", "Roll back moves the traffic.")
    return None


def _nothing_forward(request: Request) -> _No | None:
    rollout = request.rollout
    if request.verb in _ON_A_ROLLOUT and rollout is None:
        return _No("No rollout is on its way here.", "Start a release.")
    if request.verb is Verb.RESUME and rollout is not None and rollout.phase is Phase.RUNNING and not request.in_plan:
        return _No("The rollout is running already.", "Hold or promote.")
    if request.verb is Verb.FLAG_UP and not request.target.has_flag:
        return _No(f"{request.target.name} declares no flag.", "")
    if request.verb is Verb.FLAG_UP and request.target.flag_on and not request.in_plan:
        return _No("The flag is on already.", "Kill flag turns it off.")
    return None


def _frozen(request: Request) -> _No | None:
    freeze = request.freeze
    if not freeze.frozen:
        return None
    permit_reason = ""
    if freeze.kind in {"window", "blackout"}:
        misfits = [misfit(permit, _asked(request)) for permit in request.permits]
        if "" in misfits:
            return None
        permit_reason = f" The permit does not fit: {misfits[0]}." if misfits else ""
    zone = request.zone or freeze.zone or "UTC"
    until = f" until {in_words(freeze.until, zone, request.at)}" if freeze.until else _open_end(freeze.kind)
    who = f" ({freeze.owner})" if freeze.owner and freeze.kind == "window" else ""
    why = f": {freeze.reason}" if freeze.reason else ""
    subject = {
        "window": f"Frozen by the window {freeze.name}{who}{until}{why}.",
        "stop the line": f"{freeze.owner or 'Somebody'} stopped the line{until}{why}.",
        "blackout": f"Peak-traffic blackout{until}{why}.",
        "calendar broken": f"The freeze calendar cannot be used, so this counts as frozen{why}.",
    }.get(freeze.kind, f"Frozen{until}{why}.")
    return _No(subject + permit_reason)


def _open_end(kind: str) -> str:
    return {"blackout": ", until traffic falls", "stop the line": ", until somebody lifts the stop"}.get(kind, "")


def _asked(request: Request) -> Asked:
    return Asked(request.plan_hash, request.target.name, request.actor.name, request.weight, request.at)


def _unarmed(request: Request) -> _No:
    return _No(f"{request.target.name} is observe-only: the console reads it and never writes.", "Arm the target first.")


def _not_armed(request: Request) -> _No | None:
    return None if request.target.armed else _unarmed(request)


def _not_trusted(request: Request) -> _No | None:
    if request.target.trusted or request.verb not in _RUNS_COMMANDS:
        return None
    return _No(
        f"The file of {request.target.name} declares commands that nobody has allowed as they stand now.",
        "Look at them and trust the target.",
    )


def _over(request: Request) -> _No | None:
    """Abort and the end states absorb (I4)."""
    rollout = request.rollout
    if rollout is None or not rollout.phase.forward_closed:
        return None
    if request.verb in _OPENING and not request.in_plan and rollout.phase.over:
        return None
    words = {
        Phase.STOPPED: "A gate failed, so forward is over in this rollout.",
        Phase.ABORTING: "This rollout is going back, so forward is over in it.",
        Phase.BACK_STOPPED: "The way back of this rollout has stopped: forward is over in it.",
    }
    return _No(
        words.get(rollout.phase, f"This rollout is {rollout.phase.value}: it can't go on."), "Roll back, or make a new plan afterwards."
    )


def _busy(request: Request) -> _No | None:
    """A second forward plan does not begin beside one that is not over."""
    rollout = request.rollout
    if request.in_plan or rollout is None or request.verb not in _OPENING or rollout.phase.forward_closed or rollout.phase is Phase.PLANNED:
        return None
    return _No(f"{rollout.id} is on its way here.", "Promote, hold, abort or roll back that one.")


def _unclear(request: Request) -> _No | None:
    if request.rollout is None or request.rollout.phase is not Phase.UNKNOWN or request.verb is Verb.RESUME:
        return None
    return _No("A step was sent and nobody knows whether it took effect.", "Read the target back, then resume or roll back.")


def _held(request: Request) -> _No | None:
    """A step of a plan does not run while a person holds the rollout, although the hold came after the step was due."""
    if request.in_plan and request.rollout is not None and request.rollout.phase is Phase.HELD:
        return _No("The rollout is held.", "Resume or promote it.")
    return None


def _other_plan(request: Request) -> _No | None:
    approved = request.rollout.plan_hash if request.rollout else ""
    opening = request.verb in _OPENING and not request.in_plan and request.rollout is not None and request.rollout.phase.over
    if opening or not request.plan_hash or not approved or request.plan_hash == approved:
        return None
    return _No("This is not the plan that was approved: its hash differs.", "Make the plan anew and look at it.")


def _wheel(request: Request) -> _No | None:
    """Forward needs the wheel; nobody's wheel may be taken by the way, another's may not."""
    rollout = request.rollout
    if rollout is None or rollout.phase.over:
        return None
    lease = rollout.lease
    live = lease is not None and request.at < lease.expires_at
    if lease is not None and live and lease.holder.console != request.actor.console:
        left_s = (lease.expires_at - request.at).total_seconds()
        return _No(
            f"{lease.holder.name} drives {rollout.id} from {lease.holder.console}; the wheel is theirs for {left_s:.0f} s and renewed.",
            f"Ask {lease.holder.name} for a handover (wheel take asks, wheel hand-over gives). {BACKWARD_OPEN}",
        )
    if rollout.token is None:
        return None
    if lease is None or not live:
        return _No(f"The wheel of {rollout.id} ran out.", "Take the wheel, read the target back, then go on.")
    if lease.token != rollout.token:
        return _No(f"The wheel of {rollout.id} was taken over since (token {lease.token}, ours {rollout.token}).")
    return None


def _quarantined(request: Request) -> _No | None:
    """A version that was rolled back here goes forward again only when a person lifts its quarantine."""
    if request.verb not in _BRINGS_FORWARD:
        return None
    row = request.bad
    if row is None:
        return None
    since = in_words(row.since, request.zone or request.freeze.zone or "UTC", request.at)
    why = f": {row.reason}" if row.reason else ""
    return _No(
        f"{row.version} is quarantined on {request.target.name} since {since} by {row.by} ({row.rollout}){why}.",
        f"Lift the quarantine with a reason, or release another version. {BACKWARD_OPEN}",
    )


def _away(request: Request) -> _No | None:
    """A console that was away acts on what it knew before; a person reads first what happened."""
    away = request.rollout.away if request.rollout is not None and not request.in_plan else ""
    return _No(away, f"Read what happened meanwhile, then ask again. {BACKWARD_OPEN}") if away else None


def _identity(request: Request) -> _No | None:
    name = request.target.name
    reasons = {
        SystemSeen.DIFFERENT: f"Another system answers at the address of {name}: it is not the one that was pinned.",
        SystemSeen.UNREADABLE: f"{name} cannot be read, so nobody knows which system would be changed.",
        SystemSeen.NOT_PINNED: f"The system behind {name} was not pinned yet.",
    }
    reason = reasons.get(request.target.seen)
    return _No(reason, "Check the address. " + BACKWARD_OPEN) if reason else None


def _records(request: Request) -> _No | None:
    return None if request.recordable else _No("The records cannot be written, so nothing goes forward.")


def _signatures(request: Request) -> _No | None:
    if not request.unsigned:
        return None
    return _No(f"This cannot be recorded with a signature: {request.unsigned}.", "Unlock the keyring. " + BACKWARD_OPEN)


def _clocks(request: Request) -> _No | None:
    return _No(f"Clocks disagree: {request.skew.text}.", "Set the clock. " + BACKWARD_OPEN) if request.skew.held else None


def _obstacles(request: Request) -> _No | None:
    if request.obstacles and request.verb in ON_WORKLOADS:
        return _No(" ".join(request.obstacles), "Nothing was changed. Look at it as it is now, then decide.")
    if request.verb is not Verb.START or not request.obstacles:
        return None
    return _No(" ".join(request.obstacles), "Mend the target file and plan again.")


_FORWARD: tuple[Callable[[Request], _No | None], ...] = (
    _frozen,
    _over,
    _not_armed,
    _not_trusted,
    _quarantined,
    _busy,
    _unclear,
    _held,
    _other_plan,
    _wheel,
    _away,
    _identity,
    _records,
    _signatures,
    _clocks,
    _obstacles,
)
