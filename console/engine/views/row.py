"""A target as the list of all targets shows it: what was read anew, in a view whose verdicts still hold."""

from dataclasses import fields, replace
from typing import Any

from console.engine.asking import Asking
from console.engine.state import LiveTarget, Seen
from console.engine.views.alerts import alerts_view
from console.engine.views.charts import sparkline, weight_of
from console.engine.views.target import connections_of
from console.model.notes import ChannelView
from console.model.views import SeriesView, TargetView

_NAMES: dict[type, tuple[str, ...]] = {}
"""The fields of each kind of reading, but for its instant."""


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
    return (
        live.changes,
        _of(live.split, _lasting(live.split.value)),
        _of(live.identity, live.identity.value),
        _of(live.workloads, tuple((side, _lasting(seen)) for side, seen in (live.workloads.value or {}).items())),
        _of(live.flag, _lasting(live.flag.value)),
        _of(live.alerts, _lasting(live.alerts.value)),
        _of(live.metrics, live.metrics.value and live.metrics.value.notes),
        _of(live.silencing, None),
        tuple((name, _of(seen, _lasting(seen.value))) for name, seen in live.looks.items()),
        (live.row, live.drift, live.restarted, live.freeze, live.traffic and (live.traffic.closed, live.traffic.share is None)),
        (live.asked, live.accepted, live.sending, live.stretch, live.quarantined, live.rehearsal),
        (live.rollout and (live.rollout.id, live.rollout.rollout.revision, live.rollout.lease), live.last_done and live.last_done.id),
        (asking.clocks_differ(live), asking.state_of_records(live)),
    )


def _of(seen: Seen[Any], value: Any) -> tuple[Any, ...]:
    return value, seen.at is None, seen.error and seen.error.message


def _lasting(reading: Any) -> tuple[Any, ...]:
    """Return everything that a reading says but when it was true."""
    if reading is None:
        return ()
    kind = type(reading)
    names = _NAMES.get(kind) or _NAMES.setdefault(kind, tuple(each.name for each in fields(kind) if each.name != "at"))
    return tuple([getattr(reading, name) for name in names])


def _requests(live: LiveTarget, before: SeriesView | None) -> SeriesView | None:
    """Return the sparkline; the same one while nothing was added to it."""
    times = live.requests.rate.times
    return before if before is not None and times and before.times[-1] == times[-1] else sparkline(live)
