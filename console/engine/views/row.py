"""A target as the list of all targets shows it: what was read anew, in a view whose verdicts still hold."""

from dataclasses import replace
from typing import Any

from console.engine.asking import Asking
from console.engine.state import LiveTarget, Seen
from console.engine.views.alerts import alerts_view
from console.engine.views.charts import sparkline, weight_of
from console.engine.views.target import connections_of
from console.model.notes import ChannelView
from console.model.readings import SideVersion
from console.model.systems import Side
from console.model.views import SeriesView, TargetView


def row_view(live: LiveTarget, drawn: TargetView, channels: tuple[ChannelView, ...]) -> TargetView:
    """Return a view drawn whole with the newest instants, shares and notes in it; for a target whose `substance` is what it was then."""
    return replace(
        drawn,
        weight=weight_of(live, live.canary),
        connections=connections_of(live),
        requests=_requests(live, drawn.requests),
        traffic=live.traffic,
        channels=channels,
        alerts=alerts_view(live),
    )


def substance(live: LiveTarget, asking: Asking) -> tuple[Any, ...]:
    """Return everything that readings may change and that a verb, a state or a word of a target's view is made of, ages left out.

    What is changed elsewhere is told by `LiveTarget.touch`, which is counted in it.
    """
    skew = asking.skew(live)
    return (
        live.changes,
        _split(live),
        _of(live.identity, live.identity.value),
        _of(live.workloads, _versions(live.workloads.value)),
        _flag(live),
        _of(live.alerts, None if live.alerts.value is None else live.alerts.value.alerts),
        _of(live.metrics, None if live.metrics.value is None else live.metrics.value.notes),
        live.silencing.error is None,
        tuple((name, _of(seen, _look(seen.value))) for name, seen in live.looks.items()),
        (live.row, live.drift, live.restarted, live.freeze, live.traffic and (live.traffic.closed, live.traffic.share is None)),
        (live.asked, live.accepted, live.sending, live.stretch, live.quarantined, live.rehearsal),
        (live.rollout and (live.rollout.id, live.rollout.rollout.revision, live.rollout.lease), live.last_done and live.last_done.id),
        (skew.warn, skew.held, asking.state_of_records(live)),
    )


def _of(seen: Seen[Any], value: Any) -> tuple[Any, ...]:
    return value, seen.at is None, seen.error and seen.error.message


def _split(live: LiveTarget) -> tuple[Any, ...]:
    split = live.split.value
    return _of(live.split, split and (split.weights, split.note))


def _flag(live: LiveTarget) -> tuple[Any, ...]:
    flag = live.flag.value
    return _of(live.flag, flag and (flag.on, flag.percent, flag.in_effect, flag.note))


def _look(state: Any) -> tuple[Any, ...] | None:
    return state and (state.done, state.detail, state.since)


def _versions(found: dict[Side, SideVersion] | None) -> tuple[Any, ...]:
    return tuple((side, each.version, each.healthy, each.detail) for side, each in (found or {}).items())


def _requests(live: LiveTarget, before: SeriesView | None) -> SeriesView | None:
    """Return the sparkline; the same one while nothing was added to it."""
    times = live.requests.rate.times
    return before if before is not None and times and before.times[-1] == times[-1] else sparkline(live)
