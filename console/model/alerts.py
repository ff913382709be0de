"""The alerts that stand beside a release, and the silence of those that a rollout is expected to raise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.model.systems import SecretRef

MOST = 50
"""More alerts than this are counted and not shown."""


@dataclass(frozen=True, slots=True)
class AlertmanagerAlerts:
    """The alerts of an Alertmanager that `match` (label matchers) says concern the target.

    `silence` are matchers of alerts that a rollout is expected to raise: they are silenced, within `match`, while one is on its way; ""
    silences nothing.
    """

    url: str
    match: str
    silence: str = ""
    poll_s: float = 5.0
    timeout_s: float = 5.0
    token: SecretRef | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A firing alert as plain bounded text; `silenced` says that somebody silenced it, so that nobody is called for it."""

    name: str
    severity: str
    summary: str
    since: datetime
    silenced: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class AlertsNow:
    """What fires now, the worst and newest first; `more` were left out for there being too many."""

    alerts: tuple[Alert, ...]
    at: datetime
    more: int = 0


@dataclass(frozen=True, slots=True)
class SilenceWanted:
    """A silence of the alerts that all `matchers` fit, until an instant; a silence with the same comment is the same one."""

    matchers: str
    until: datetime
    comment: str
    author: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that was accepted: it ends by itself at `until`."""

    id: str
    matchers: str
    until: datetime


@dataclass(frozen=True, slots=True)
class AlertsView:
    """The alerts beside a release. `words` say how many fire, `quiet` that a rollout silences those that it is expected to raise.

    `at` None means that they were never read; `problem` says why they cannot be read now.
    """

    alerts: tuple[Alert, ...]
    words: str
    at: datetime | None
    quiet: str = ""
    problem: str = ""


_ORDER = ("page", "critical", "error", "warning", "info", "none")


def worst_first(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return alerts as they are shown: what is not silenced before what is, the severe before the mild, the newest first."""
    order = {name: number for number, name in enumerate(_ORDER)}
    return tuple(sorted(alerts, key=lambda each: (each.silenced, order.get(each.severity.lower(), 3), -each.since.timestamp(), each.name)))


def alert_words(now: AlertsNow | None) -> str:
    """Return how many alerts fire, in words: `2 alerts fire, 1 silenced`."""
    if now is None:
        return "alerts not read yet"
    silenced = sum(each.silenced for each in now.alerts)
    loud = len(now.alerts) + now.more - silenced
    words = "no alert fires" if not loud else f"{loud} alert{' fires' if loud == 1 else 's fire'}"
    return f"{words}, {silenced} silenced" if silenced else words
