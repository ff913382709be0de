"""The way back as data: its steps in the order of what they wait for, which of them may begin, and how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.model.plan import Step, StepKind
from console.model.rollout import StepState
from console.model.systems import UndoSpec
from console.model.target import Reconciler, Reversibility, Target, UndoKind, UndoStep
from console.model.verbs import Direction, Verb

GOOD = frozenset({StepState.CONFIRMED, StepState.SKIPPED})
"""States of a step after which what waits for it may begin."""

DECLARED = frozenset({StepKind.CODE, StepKind.MIGRATION, StepKind.CACHE, StepKind.EXTERNAL, StepKind.MANUAL, StepKind.RECONCILER})
"""Steps that a target's file declares, as opposed to traffic, flag and pipeline."""

BROUGHT_BACK = frozenset({UndoKind.CODE, UndoKind.MIGRATION})
"""What a reconciler would bring back: it waits until every reconciler is paused."""

PAUSE_S = 1.0


def declared_steps(target: Target, before: Sequence[Step], took_s: Mapping[str, float]) -> tuple[Step, ...]:
    """Return the reconcilers' pauses and the declared steps, numbered after `before`, which are traffic and flag where they are named.

    Pauses come first; the others in the file's order as far as `after` allows. `took_s` is how long each took, by name.
    """
    first = before[-1].seq + 1 if before else 0
    pauses = [replace(_pause(each, took_s), seq=first + number) for number, each in enumerate(target.reconcilers)]
    seqs = {"traffic" if step.kind is StepKind.WEIGHT else "flag": step.seq for step in before}
    steps = list(pauses)
    for number, each in enumerate(in_order(target.undo), first + len(pauses)):
        seqs[each.name] = number
        after = {seqs[name] for name in each.after if name in seqs}
        if each.kind in BROUGHT_BACK:
            after |= {pause.seq for pause in pauses}
        steps.append(_declared(each, number, tuple(sorted(after)), took_s))
    return tuple(steps)


def in_order(undo: Sequence[UndoStep]) -> tuple[UndoStep, ...]:
    """Return declared steps so that each stands behind those it waits for, otherwise in the order given.

    Raises ValueError when steps wait for each other; a checked file has none of these.
    """
    names, placed, left = {step.name for step in undo}, list[UndoStep](), list(undo)
    while left:
        done = {step.name for step in placed}
        free = next((step for step in left if all(name in done or name not in names for name in step.after)), None)
        if free is None:
            raise ValueError(f"steps of the way back wait for each other: {', '.join(step.name for step in left)}")
        placed.append(free)
        left.remove(free)
    return tuple(placed)


def runnable(steps: Sequence[Step], states: Mapping[int, StepState]) -> tuple[Step, ...]:
    """Return the steps that the console may begin now, in order.

    A step begins once everything it waits for is confirmed or skipped. Nothing begins before the traffic was sent, and nothing waits
    for what it does not depend on. A manual step is never begun here: a person does it and signs.
    """
    found = []
    traffic_sent = all(states.get(step.seq, StepState.PLANNED) is not StepState.PLANNED for step in steps if step.kind is StepKind.WEIGHT)
    for step in steps:
        if states.get(step.seq, StepState.PLANNED) is not StepState.PLANNED or step.kind is StepKind.MANUAL:
            continue
        if (step.kind is StepKind.WEIGHT or traffic_sent) and is_due(step, states):
            found.append(step)
    return tuple(found)


def is_due(step: Step, states: Mapping[int, StepState]) -> bool:
    """Tell whether everything that a step waits for is confirmed or skipped."""
    return all(states.get(seq, StepState.PLANNED) in GOOD for seq in step.after)


def open_steps(steps: Sequence[Step], states: Mapping[int, StepState]) -> tuple[Step, ...]:
    """Return the steps that are not confirmed or skipped, those that a person can act on first; empty when the way back is done."""
    left = [step for step in steps if states.get(step.seq, StepState.PLANNED) not in GOOD]
    return tuple(sorted(left, key=lambda step: not is_due(step, states)))


def predicted_s(steps: Sequence[Step], seconds: Mapping[int, float] | None = None) -> float:
    """Return how long a way back takes: the longest chain of steps that wait for each other. `seconds` replaces single predictions."""
    ends: dict[int, float] = {}
    for step in steps:
        own = (seconds or {}).get(step.seq, 0.0 if step.reversibility is Reversibility.ONE_WAY else step.predicted_s)
        ends[step.seq] = own + max((ends.get(seq, 0.0) for seq in step.after), default=0.0)
    return max(ends.values(), default=0.0)


def without_return(target: Target) -> str:
    """Return what of a target's way back needs a signed "no way back" before a start, in words; "" when nothing does."""
    found = []
    if "traffic" not in target.rollback:
        found.append("Nothing takes the traffic back: `rollback` does not name it.")
    found += [
        f"{step.name} loses {step.loses}, and no snapshot restores it."
        for step in target.undo
        if step.reversibility is Reversibility.LOSSY and step.snapshot is None
    ]
    return " ".join(found)


def _pause(each: Reconciler, took_s: Mapping[str, float]) -> Step:
    return Step(
        seq=0,
        kind=StepKind.RECONCILER,
        verb=Verb.PAUSE_RECONCILER,
        direction=Direction.BACKWARD,
        system=each.name,
        want={"done": True},
        deadline_s=_timeout(each.pause),
        predicted_s=took_s.get(f"pause {each.name}", PAUSE_S),
        name=each.name,
    )


def resume_steps(target: Target, names: Sequence[str]) -> tuple[Step, ...]:
    """Return the forward steps that let paused reconcilers run again."""
    chosen = [each for each in target.reconcilers if each.name in names]
    return tuple(
        Step(
            seq=number,
            kind=StepKind.RECONCILER,
            verb=Verb.RESUME_RECONCILER,
            direction=Direction.FORWARD,
            system=each.name,
            want={"done": True},
            deadline_s=_timeout(each.resume),
            predicted_s=PAUSE_S,
            name=each.name,
        )
        for number, each in enumerate(chosen)
    )


def _declared(each: UndoStep, seq: int, after: tuple[int, ...], took_s: Mapping[str, float]) -> Step:
    return Step(
        seq=seq,
        kind=StepKind(each.kind.value),
        verb=Verb.UNDO,
        direction=Direction.BACKWARD,
        system=each.name,
        want={"done": True},
        deadline_s=each.deadline_s,
        predicted_s=took_s.get(each.name, each.predicted_s),
        reversibility=each.reversibility,
        name=each.name,
        after=after,
        loses=each.loses,
    )


def _timeout(spec: UndoSpec) -> float:
    return spec.timeout_s
