"""Turns what a person typed about a freeze window into a window, or into what is wrong with each field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from console.model.freeze import FreezeWindow, OneOff, Weekly
from console.policy.walltime import find_zone


@dataclass(frozen=True, slots=True)
class Draft:
    """A window as typed, in wall time of `zone`: `first` and `last` count when it is once, `days`, `start` and `end` when it is weekly.

    `targets` None means every target.
    """

    name: str
    owner: str
    reason: str
    zone: str
    weekly: bool
    first: datetime
    last: datetime
    days: frozenset[int]
    start: time
    end: time
    targets: tuple[str, ...] | None


def problems(draft: Draft, now: datetime) -> Mapping[str, str]:
    """Return what is wrong, by field: name, owner, reason, zone, span, targets. Empty when the window can be saved."""
    wrong = {
        field: text
        for field, value, text in (
            ("name", draft.name, "Give it a name: it stands in the banner."),
            ("owner", draft.owner, "Say who can be asked about it."),
            ("reason", draft.reason, "Say why: it stands in every refusal."),
        )
        if not value.strip()
    }
    zone = find_zone(draft.zone.strip())
    if zone is None:
        wrong["zone"] = "No such time zone. Write it as Europe/Berlin."
    span = _wrong_week(draft) if draft.weekly else _wrong_once(draft, zone, now)
    if span:
        wrong["span"] = span
    if draft.targets is not None and not draft.targets:
        wrong["targets"] = "Choose at least one target, or every target."
    return wrong


def _wrong_week(draft: Draft) -> str:
    return "" if draft.days else "Choose at least one day."


def _wrong_once(draft: Draft, zone: ZoneInfo | None, now: datetime) -> str:
    if draft.last <= draft.first:
        return "The end must come after the start."
    if zone is None:
        return ""
    for wall in (draft.first, draft.last):
        if skipped(wall, zone):
            return f"{wall:%H:%M} does not exist on {wall:%d %b}: clocks go forward then."
    if draft.last.replace(tzinfo=zone).astimezone(UTC) <= now:
        return "This span is already over."
    return ""


def skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a wall time does not exist, since clocks jump over it."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall


def window_of(draft: Draft, window_id: str) -> FreezeWindow:
    """Return the window. Call it only when there are no `problems`."""
    span = Weekly(draft.days, draft.start, draft.end) if draft.weekly else OneOff(draft.first, draft.last)
    return FreezeWindow(
        window_id, draft.name.strip(), draft.owner.strip(), draft.reason.strip(), draft.zone.strip(), span, draft.targets or ()
    )
