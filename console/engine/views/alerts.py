"""The alerts beside a release, as they stand now."""

from console.engine.state import LiveTarget
from console.model.alerts import AlertsView, alert_words


def alerts_view(live: LiveTarget) -> AlertsView | None:
    """Return what fires now, and what a rollout keeps silent; None where the target's file names no source of alerts."""
    if live.target.alerts is None:
        return None
    seen, held = live.alerts, live.quiet.held if live.quiet is not None else None
    problem = seen.error.message if seen.error is not None else ""
    return AlertsView(
        alerts=() if seen.value is None else seen.value.alerts,
        words=alert_words(seen.value),
        at=seen.at,
        quiet="" if held is None else f"expected ones are silenced, at the latest until {held.until.astimezone():%H:%M}",
        problem=problem or (live.silencing.error.message if live.silencing.error is not None else ""),
    )
