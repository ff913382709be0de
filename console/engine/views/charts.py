"""Charts of a target: a line for each side, with its role in the rollout."""

from datetime import UTC, datetime

from console.engine.rings import Ring
from console.engine.state import LiveTarget
from console.model.rollout import Phase, Rollout
from console.model.systems import Side
from console.model.target import Panel, PanelKind
from console.model.views import ChartView, Fact, SeriesView, WeightView

PHASES = {Phase.RUNNING.value: "start", Phase.STOPPED.value: "FAIL", Phase.ABORTING.value: "going back"}


def charts_of(live: LiveTarget, rollout: Rollout | None) -> tuple[ChartView, ...]:
    """Return the charts of a target's panels; `rollout` says which side is on trial, None when none is on its way."""
    stable = live.stable if rollout is None else rollout.plan.stable
    return tuple(_chart(live, panel, stable, in_rollout=rollout is not None) for panel in live.target.panels)


def sparkline(live: LiveTarget) -> SeriesView | None:
    """Return the request rate of late; None before two readings."""
    ring = live.requests.rate
    if not ring.times:
        return None
    return SeriesView("", "stable", tuple(ring.times), tuple(ring.values))


def marker_words(text: str, canary: Side) -> str:
    """Return what an action's marker says on a chart: the canary's new weight, the flag, or where the rollout went."""
    verb, colon, value = text.partition(": ")
    if not colon:
        return PHASES.get(text, text)
    if verb.startswith("flag"):
        return "flag off" if value == "off" else "flag on" if value.startswith("on ") else text
    weight = next((part for part in value.split(", ") if part.startswith(f"{canary} ")), "")
    return weight.removeprefix(f"{canary} ") or text


def weight_of(live: LiveTarget, canary: Side) -> WeightView:
    """Return asked, accepted, read back, and the measured share of the canary."""
    split = live.split.value
    read_back = Fact(None, None) if split is None else Fact(split.weights.get(canary), split.at)
    share = live.requests.share(canary)
    measured = Fact(None, None) if share is None else Fact(share[0], share[1])
    return WeightView(live.asked, live.accepted, read_back, measured, drift=bool(live.drift))


def _chart(live: LiveTarget, panel: Panel, stable: Side, *, in_rollout: bool) -> ChartView:
    canary = live.target.other(stable)
    roles = ((canary, "canary"), (stable, "baseline" if in_rollout else "stable"))
    series = tuple(_line(live.charts.rings[panel.name, side], panel, side, role) for side, role in roles)
    leading = canary if in_rollout else stable
    ring = live.charts.rings[panel.name, leading]
    latest = ring.latest
    return ChartView(
        name=panel.name,
        unit=panel.unit,
        series=series,
        latest=None if latest is None else latest * _scale(panel),
        latest_role="canary" if in_rollout else "stable",
        at=_instant(ring),
        problem="" if live.metrics.error is None else live.metrics.error.message,
    )


def _line(ring: Ring, panel: Panel, side: Side, role: str) -> SeriesView:
    scale = _scale(panel)
    values = tuple(ring.values) if scale == 1.0 else tuple(value * scale for value in ring.values)
    return SeriesView(side, role, tuple(ring.times), values)


def _scale(panel: Panel) -> float:
    """Shares are shown in the unit that the file names: per cent where it says so."""
    return 100.0 if panel.kind is PanelKind.SHARE and panel.unit.strip() == "%" else 1.0


def _instant(ring: Ring) -> datetime | None:
    return datetime.fromtimestamp(ring.times[-1], UTC) if ring.times else None
