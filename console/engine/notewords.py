"""What a happening tells people outside, in words; pure."""

from dataclasses import dataclass
from datetime import datetime

from console.engine.by import By
from console.model.notes import Note, NoteKind
from console.model.plan import Plan, PlanKind
from console.model.rollout import Actor, Phase, Rollout
from console.model.target import Target

_OF_PHASE = {
    Phase.HELD: NoteKind.HELD,
    Phase.STOPPED: NoteKind.GATE_FAILED,
    Phase.UNKNOWN: NoteKind.STEP_UNKNOWN,
    Phase.ABORTING: NoteKind.GOING_BACK,
    Phase.BACK_STOPPED: NoteKind.BACK_STOPPED,
    Phase.DONE: NoteKind.DONE,
    Phase.ROLLED_BACK: NoteKind.ROLLED_BACK,
    Phase.ABORTED: NoteKind.ROLLED_BACK,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that a note tells: its kind and id, when it was, and the words that go with it."""

    id: str
    kind: NoteKind
    at: datetime
    verdict: str = ""
    why: str = ""
    who: str = ""
    by_person: bool = False
    next: str = ""


def kind_of(before: Rollout, after: Rollout, by: By) -> NoteKind | None:
    """Return what a change of a rollout's row means to people outside, None where it is nothing for them."""
    if after.phase is not before.phase:
        if after.phase is Phase.RUNNING:
            return NoteKind.STARTED if before.phase is Phase.PLANNED else NoteKind.RESUMED
        return _OF_PHASE.get(after.phase)
    if after.stage > before.stage >= 0:
        return NoteKind.STAGE_PASSED
    stopped = before.auto_back_at is not None and after.auto_back_at is None and by.person
    return NoteKind.HELD if stopped and not after.phase.over else None


def of_change(note_id: str, at: datetime, before: Rollout, after: Rollout, by: By) -> Happening | None:
    """Return what a change of a rollout's row tells, None where it tells nothing."""
    kind = kind_of(before, after, by)
    if kind is None:
        return None
    verdict = after.note
    if kind is NoteKind.STAGE_PASSED:
        verdict = f"{_weight(after.plan, before.stage)} % passed its gates, now {_weight(after.plan, after.stage)} %."
    why = by.reason if by.person else ""
    if kind is NoteKind.STARTED:
        why = after.reason
    who = after.started_by.name if kind is NoteKind.STARTED else who_words(by.actor, person=by.person)
    return Happening(note_id, kind, at, verdict, why, who, by.person or kind is NoteKind.STARTED, next_words(kind, after))


def note_of(target: Target, rollout: Rollout | None, happening: Happening) -> Note:
    """Return the note of a happening on a target, and of the rollout that it concerns, if any."""
    plan = rollout.plan if rollout is not None else None
    return Note(
        id=happening.id,
        kind=happening.kind,
        at=happening.at,
        target=target.name,
        title=target.title,
        environment=target.environment.value,
        rollout=rollout.id if rollout is not None else "",
        what=plan.kind.value if plan is not None else "",
        version=_version(plan) if plan is not None else "",
        before=plan.stable_version if plan is not None else "",
        phase=rollout.phase.value if rollout is not None else "",
        weight=rollout.asked_weight if rollout is not None else None,
        verdict=happening.verdict,
        why=happening.why,
        who=happening.who,
        by_person=happening.by_person,
        next=happening.next,
    )


def who_words(actor: Actor, *, person: bool) -> str:
    """Say who acted: a person by name, a console by whose it is and where it runs."""
    if person:
        return actor.name
    host = actor.console.partition(":")[0]
    return f"by itself, on {host}" if actor.name == "engine" else f"by itself, {actor.name}'s console on {host}"


def next_words(kind: NoteKind, rollout: Rollout) -> str:
    """Return what a person can do now."""
    target, back = rollout.plan.target, f"release-console rollback {rollout.plan.target}"
    if kind is NoteKind.GATE_FAILED:
        at = rollout.auto_back_at
        if at is not None:
            return f"Traffic goes back by itself at {at:%H:%M:%S} UTC; hold stops that, and this does it now: {back}"
        return f"Nothing goes back by itself. Look at the gate, then hold, or go back: {back}"
    words = {
        NoteKind.STARTED: "Nothing: it goes on while its gates pass.",
        NoteKind.HELD: f"Resume it (release-console release resume {rollout.id}), or go back: {back}",
        NoteKind.STEP_UNKNOWN: f"Look at what was read back of {target}, then resume or go back. Nothing is sent again by itself.",
        NoteKind.GOING_BACK: "Nothing, while it runs.",
        NoteKind.BACK_STOPPED: f"Retry, skip, sign or stop the row where it stopped: release-console release show {rollout.id}",
        NoteKind.ROLLED_BACK: "Find out why before the version is released again." if _is_release(rollout.plan) else "",
    }
    return words.get(kind, "")


def _weight(plan: Plan, stage: int) -> int:
    return plan.stages[stage].weight if 0 <= stage < len(plan.stages) else 0


def _version(plan: Plan) -> str:
    return plan.release if plan.kind is PlanKind.ROLLOUT else plan.canary_version or plan.release


def _is_release(plan: Plan) -> bool:
    return plan.kind in {PlanKind.ROLLOUT, PlanKind.SWITCH}
