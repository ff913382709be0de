"""What stands over every page: which target the window is for, its words in the bars, and the ribbons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.desktop import forms
from console.desktop.widgets.ribbon import RibbonView
from console.model.readiness import Light
from console.model.verbs import State

if TYPE_CHECKING:
    from datetime import datetime

    from console.desktop.known import Known
    from console.model.views import Problem, QuarantineView, RolloutView, TargetView

WORST_FIRST = (State.FAILED, State.UNKNOWN, State.DRIFT, State.ROLLING_BACK, State.HELD, State.IN_ROLLOUT)
KINDS = {
    "stop the line": "The line is stopped",
    "blackout": "Peak traffic: frozen",
    "calendar broken": "The freeze calendar cannot be used, so this is frozen",
}
ENFORCED = {
    "target": ("At the target", "the system itself refuses forward moves"),
    "shared": ("Shared authority", "no console can pass a freeze"),
    "console": ("This console only", "others can move it: drift is shown"),
}


def first_target(known: Known) -> str:
    """Return the target to show before a person chose one: the worst, then one in a rollout, then the first by name; "" for none."""
    places = {state: place for place, state in enumerate(WORST_FIRST)}
    return min(known.targets.values(), key=lambda view: (places.get(view.state, 99), view.name)).name if known.targets else ""


def acts_on(target: TargetView | None) -> str:
    """Return what the bottom bar acts on: "checkout-eu, 5 % canary"."""
    if target is None:
        return ""
    seen = target.weight.read_back.value
    if seen is None:
        return f"{target.name}, not read"
    return f"{target.name}, {forms.per_cent(seen)} canary" if seen else f"{target.name}, all stable"


def failing(target: TargetView | None, rollout: RolloutView | None) -> bool:
    """Tell whether a gate fails now: then the keys of the bottom bar act at once."""
    return State.FAILED in {target.state if target is not None else None, rollout.state if rollout is not None else None}


def shut(rollout: RolloutView | None) -> bool:
    """Tell whether a rollout is past the point of no return."""
    return rollout is not None and rollout.readiness is not None and rollout.readiness.light is Light.SHUT


def title(target: TargetView | None) -> str:
    """Return the window's title; it begins with the environment."""
    return "release-console" if target is None else f"{target.environment.upper()}, {target.name} - release-console"


def ribbons(
    target: TargetView | None, rollout: RolloutView | None, store_problem: Problem | None, now: datetime, known: Known | None = None
) -> list[RibbonView]:
    """Return the ribbons for a target, and for any rollout whose driver is lost; a link's key is a page, or `wheel`, `resume`, `lift`."""
    found = _of_all(known, now) if known is not None else []
    if store_problem is not None:
        found.append(RibbonView("audit", State.UNKNOWN, store_problem.what, store_problem.means or store_problem.advice, rank=5))
    if target is None:
        return found
    if rollout is not None and rollout.unknowns:
        step = rollout.unknowns[0]
        sent = f"Sent {forms.clock(step.sent_at)}, not confirmed. {step.read}"
        found.append(RibbonView("releases", State.UNKNOWN, f"{step.what}: outcome unknown", sent, "Resume or roll back", 4))
    if target.weight.drift:
        seen = target.weight.read_back.value
        text = "nobody here asked for it" if seen is None else f"{forms.per_cent(seen)} was read back, nobody here asked for it"
        found.append(
            RibbonView("releases" if rollout else "targets", State.DRIFT, f"{target.name} changed around the console", text, "Open", 3)
        )
    if target.freeze.frozen:
        found.append(_freeze(target, now))
    found += [_quarantine(target, row) for row in target.quarantine if not row.paused and not row.lifted]
    found += _taken_over(known, rollout)
    if not target.armed:
        text = "It is read, never written. Roll back still goes."
        found.append(RibbonView("targets", State.MISCONFIGURED, f"{target.name} is observe-only", text, "Arm it", 1))
    return found


def _of_all(known: Known, now: datetime) -> list[RibbonView]:
    """Return what has to be seen whatever target the window is for: rollouts without a driver, and what a rollback paused."""
    lost = [_lost(view, now) for view in known.rollouts.values() if view.lost_holder and not view.phase.over]
    return lost + [_quarantine(view, row) for view in known.targets.values() for row in view.quarantine if row.paused]


def _taken_over(known: Known | None, rollout: RolloutView | None) -> list[RibbonView]:
    lease = rollout.wheel.lease if rollout is not None and not rollout.phase.over else None
    over = known.lost_wheel(rollout) if known is not None and rollout is not None else None
    if lease is None or over is None:
        return []
    strong = f"The wheel is with {lease.holder.name} since {forms.minute(over.since)}"
    return [RibbonView("releases", State.HELD, strong, f"Your lease {over.mine} is over: this window reads, and can go back.", rank=2)]


def lost_words(view: RolloutView, now: datetime) -> str:
    """Say whose console was lost, and how long ago."""
    ago = f" {forms.countdown((now - view.lost_since).total_seconds())} ago" if view.lost_since is not None else ""
    return f"{view.lost_holder}'s console lost{ago}"


def _lost(view: RolloutView, now: datetime) -> RibbonView:
    seen = view.weight.read_back.value
    where = "its weight is not read" if seen is None else f"held at {forms.per_cent(seen)}"
    return RibbonView(f"wheel:{view.id}", State.STALE, lost_words(view, now), f"{view.title} {where}.", "Take the wheel", 4)


def _quarantine(target: TargetView, row: QuarantineView) -> RibbonView:
    """Return the ribbon of a version that may not go forward, or of what stays paused because of it."""
    lift = "" if row.lifted else f"lift:{target.name}@{row.version}"
    why = f"{target.name}, rolled back {forms.clock(row.since)} by {row.by}" + (f": {row.reason}" if row.reason else "")
    if not row.paused:
        return RibbonView(
            lift, State.HELD, f"{row.version} in quarantine", f"{why}. It may not go forward.", "Lift …", 1, family=State.STALE
        )
    names = " and ".join(row.paused)
    strong = f"{names} paused" + ("" if row.lifted else f", {row.version} in quarantine")
    also = ("", "") if row.lifted else ("Lift …", lift)
    return RibbonView(f"resume:{target.name}", State.HELD, strong, f"{why}.", "Resume …", 2, *also, family=State.STALE)


def _freeze(target: TargetView, now: datetime) -> RibbonView:
    freeze = target.freeze
    until = f" until {forms.day_minute(freeze.until, now)}" if freeze.until is not None else ""
    who = f"by {freeze.owner}" if freeze.kind == "stop the line" and freeze.owner else "" if freeze.kind in KINDS else freeze.name
    what = ". ".join(part[:1].upper() + part[1:] for part in (who, freeze.reason) if part).rstrip(".")
    words = f"{KINDS.get(freeze.kind, 'Frozen')}{until}"
    return RibbonView("calendar", State.FROZEN, words, f"{what}. Backward moves are open.".lstrip(". "), "Open calendar", 2)
