"""How a step reads, sends and compares on the system that it acts on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.engine.state import LiveTarget
from console.model.errors import BadFile, ConsoleError, WrongSystem
from console.model.plan import Step, StepKind
from console.model.ports import Undo
from console.model.readings import SplitChange
from console.model.verbs import Direction, Verb
from console.policy.wayback import DECLARED
from console.policy.workloads import workload_words

NEAR = 0.6
"""Per cent by which a weight read back may differ from the one wanted: routers keep weights as small whole numbers."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a system says now, in the shape of a step's `want`, with the instant."""

    values: Mapping[str, Any]
    at: datetime


async def read(live: LiveTarget, step: Step) -> Found:
    """Read the system that a step acts on, and keep the reading. Raises RemoteError, or BadFile when the target has no such system."""
    if step.kind is StepKind.WEIGHT:
        split = await live.connections.router.split()
        live.split.took(split, split.at)
        return Found(dict(split.weights), split.at)
    if step.kind is StepKind.FLAG and live.connections.flags is not None:
        flag = await live.connections.flags.state()
        live.flag.took(flag, flag.at)
        on = flag.on if flag.in_effect is not False else not flag.on  # asked for, but not yet seen by those who evaluate it
        return Found({"on": on, "percent": flag.percent}, flag.at)
    if step.kind is StepKind.WORKLOAD and live.connections.work is not None:
        there = await live.connections.work.state(step.name)
        return Found({**there.values, "changed": there.changed}, there.at)
    if step.kind in DECLARED:
        state = await _undo(live, step).look()
        live.look(connection_name(step)).took(state, state.at)
        return Found({"done": state.done, "detail": state.detail} if state.detail else {"done": state.done}, state.at)
    raise _absent(live, step)


async def send(live: LiveTarget, step: Step, key: str, *, backward: bool) -> None:
    """Send what a step wants, as absolute values; returns when it was accepted. Raises RemoteError, OutcomeUnknown."""
    if step.kind is StepKind.WEIGHT:
        weights = {side: int(weight) for side, weight in step.want.items()}
        await live.connections.router.set_split(SplitChange(weights, key, backward))
    elif step.kind is StepKind.FLAG and live.connections.flags is not None:
        await live.connections.flags.set_flag(on=bool(step.want["on"]), percent=int(step.want["percent"]), key=key)
    elif step.kind in DECLARED:
        await _undo(live, step).run(key)
    elif step.kind is StepKind.WORKLOAD and live.connections.work is not None:
        await live.connections.work.change(step.name, step.verb, step.want, backward=backward)
    else:
        raise _absent(live, step)


def as_wanted(step: Step, values: Mapping[str, Any]) -> bool:
    """Tell whether what was read is what the step wants."""
    return fits(step.kind, step.want, values)


def fits(kind: StepKind, want: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether what was read is as described. Nothing and all must be exact; between them a weight may be off by `NEAR`."""
    if kind is StepKind.WEIGHT:
        return all(side in values and _near(float(weight), float(values[side])) for side, weight in want.items())
    if kind is StepKind.FLAG:
        return values.get("on") == want.get("on") and (not want.get("on") or _near(float(want["percent"]), float(values["percent"])))
    return all(values.get(key) == value for key, value in want.items())


def words(kind: StepKind, values: Mapping[str, Any] | None) -> str:
    """Return a state in words: `blue 95 %, green 5 %`."""
    if values is None:
        return "nothing"
    if kind is StepKind.WEIGHT:
        return ", ".join(f"{side} {float(weight):.4g} %" for side, weight in values.items())
    if kind is StepKind.FLAG:
        return f"on for {float(values['percent']):.4g} %" if values.get("on") else "off"
    if kind in DECLARED:
        return ("done" if values.get("done") else "not done") + (f" ({values['detail']})" if values.get("detail") else "")
    if kind is StepKind.WORKLOAD:
        return workload_words(values)
    return ", ".join(f"{key} {value}" for key, value in values.items())


def connection_name(step: Step) -> str:
    """Return the name under which a target's connections hold what a declared step is done and verified by."""
    if step.kind is StepKind.RECONCILER:
        return f"{'pause' if step.verb is Verb.PAUSE_RECONCILER else 'resume'} {step.name}"
    if step.kind is StepKind.MIGRATION and step.direction is Direction.FORWARD:
        return f"migrate {step.name}"
    return step.name


def clock_name(step: Step) -> str:
    """Return the name under which it is kept how long a step took."""
    return f"undo {connection_name(step)}" if step.kind in DECLARED else step.kind.value


async def check_identity(live: LiveTarget) -> None:
    """Read who answers at the router's address and compare with the pinned one (I11). Raises RemoteError, WrongSystem."""
    identity = await live.connections.router.identity()
    if live.row.fingerprint and identity.fingerprint != live.row.fingerprint:
        raise wrong_system(live, identity.fingerprint)


def other_system(live: LiveTarget) -> str:
    """Return the fingerprint of another system that was last read at the router's address; "" when it is the pinned one or unread."""
    identity = live.identity.value
    if identity is None or not live.row.fingerprint or identity.fingerprint == live.row.fingerprint:
        return ""
    return identity.fingerprint


def wrong_system(live: LiveTarget, found: str) -> ConsoleError:
    """Return the error for a router that is not the pinned one."""
    return WrongSystem(
        f"This is not the router that {live.name} was pinned to: {found or 'unnamed'} answers instead of {live.row.fingerprint}.",
        means="Nothing was sent: the weights of another system would have changed.",
        advice="Look what runs at the router's address. Arm the target again when the new one is right.",
    )


def _undo(live: LiveTarget, step: Step) -> Undo:
    found = live.connections.undo.get(connection_name(step))
    if found is None:
        raise _absent(live, step)
    return found


def _near(want: float, value: float) -> bool:
    return abs(want - value) < (0.01 if want in {0.0, 100.0} else NEAR)


def _absent(live: LiveTarget, step: Step) -> ConsoleError:
    what = f"{step.kind.value} {step.name}".strip()
    return BadFile(f"{live.name} has no {what} to act on.", advice="Name it in the target file, then plan again.")
