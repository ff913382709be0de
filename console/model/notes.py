"""What people outside of the console are told of a rollout, through which channels, and the port by which it is told."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from console.model.systems import SecretRef
from console.model.text import clean

NOTE_LINE = 300
"""Characters of each of a note's texts; longer ones are cut."""


class NoteKind(StrEnum):
    """What a note tells: one happening of one rollout."""

    STARTED = "started"
    STAGE_PASSED = "stage passed"
    GATE_FAILED = "gate failed"
    HELD = "held"
    RESUMED = "resumed"
    STEP_UNKNOWN = "step unknown"
    GOING_BACK = "going back"
    BACK_STOPPED = "rollback stopped"
    ROLLED_BACK = "rolled back"
    """Also of an abort, whose phase says so."""
    DONE = "done"
    DRIVER_LOST = "driver lost"
    REFUSED = "refused"
    TEST = "test"
    """Sent by a person to see whether a channel works; never a happening."""


KINDS = tuple(kind for kind in NoteKind if kind is not NoteKind.TEST)
"""What a channel can be told."""

USUAL = tuple(kind for kind in KINDS if kind is not NoteKind.REFUSED)
"""What a channel is told whose file does not say."""


@dataclass(frozen=True, slots=True)
class Note:
    """One happening in plain text, each part bounded and on one line (I10); `id` stays the same however often it is sent.

    `what` is the kind of plan: rollout, switch, rollback, flag, rehearsal or reconcilers. `before` is the version that was stable when it
    began. `verdict` are the words of the gate, or of the step where it stopped; `why` is the reason that somebody gave. `weight` is the
    share of traffic last asked for the version on trial, in per cent. `by_person` says that somebody acted, not the console by itself.
    `next` is what a person can do now.
    """

    id: str
    kind: NoteKind
    at: datetime
    target: str
    title: str
    environment: str
    rollout: str = ""
    what: str = "rollout"
    version: str = ""
    before: str = ""
    phase: str = ""
    weight: int | None = None
    verdict: str = ""
    why: str = ""
    who: str = ""
    by_person: bool = False
    next: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is str:
                object.__setattr__(self, each.name, clean(value, NOTE_LINE))

    @property
    def serious(self) -> bool:
        """Tell whether somebody should look at once."""
        return self.kind in _SERIOUS

    @property
    def headline(self) -> str:
        """Return the note in one line."""
        place = f"{self.title} ({self.environment})"
        if self.kind is NoteKind.TEST:
            return f"TEST, nothing happened: {place}"
        name = " ".join(part for part in (self.what if self.what != "reconcilers" else "resuming", self.rollout) if part)
        of = f" to {self.version}" if self.version and self.what in _TO else ""
        return f"{place}: {self.phase if self.kind is NoteKind.ROLLED_BACK and self.phase else self.kind.value}. {name}{of}"


_SERIOUS = frozenset({NoteKind.GATE_FAILED, NoteKind.STEP_UNKNOWN, NoteKind.BACK_STOPPED, NoteKind.DRIVER_LOST})
_TO = frozenset({"rollout", "switch"})


class Notifier(Protocol):
    """Tells a note to people outside."""

    async def tell(self, note: Note) -> None:
        """Send a note; returns when it was accepted there, or when such a note is none of this channel's.

        Raises ConsoleError; Refused tells in `retry_after_s` how long it was asked to wait. The same note may be sent again.
        """
        ...

    async def aclose(self) -> None:
        """Let go of its connections."""
        ...


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """An incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat, Discord's `/slack`); its address is a secret."""

    address: SecretRef
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class TeamsChannel:
    """A workflow of Microsoft Teams that posts what its webhook gets; its address is a secret."""

    address: SecretRef
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Any receiver of JSON, signed with `key` as Standard Webhooks have it."""

    address: SecretRef
    key: SecretRef
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PagerDutyChannel:
    """A PagerDuty service by its integration key; `url` is that of its region."""

    key: SecretRef
    url: str = "https://events.pagerduty.com"
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class CdeventsChannel:
    """A sink of CDEvents as CloudEvents; `source` names this producer there, as a URI reference."""

    url: str
    token: SecretRef | None = None
    source: str = "/release-console"
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class GrafanaChannel:
    """A Grafana that is told by annotations, on the dashboards of these UIDs, or for the whole organization where none is named."""

    url: str
    token: SecretRef
    dashboards: tuple[str, ...] = ()
    timeout_s: float = 10.0


ChannelSpec = SlackChannel | TeamsChannel | WebhookChannel | PagerDutyChannel | CdeventsChannel | GrafanaChannel

SYSTEMS: dict[type, str] = {
    SlackChannel: "slack",
    TeamsChannel: "teams",
    WebhookChannel: "webhook",
    PagerDutyChannel: "pagerduty",
    CdeventsChannel: "cdevents",
    GrafanaChannel: "grafana",
}
"""How a target file names each kind of channel."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notes of a target are told, and which ones."""

    name: str
    spec: ChannelSpec
    on: tuple[NoteKind, ...] = USUAL

    @property
    def system(self) -> str:
        """Return the kind of channel, as a target file names it."""
        return SYSTEMS[type(self.spec)]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """How a channel stands, as this console knows it: `told`, `waiting` and `dropped` count its own notes.

    `on` are the kinds that it is told, `last_at` is when it took a note last, None when it never did here. `problem` says in words why it
    takes none, `since` when; "" and None where nothing is wrong.
    """

    name: str
    system: str
    on: tuple[str, ...]
    last_at: datetime | None = None
    problem: str = ""
    advice: str = ""
    since: datetime | None = None
    waiting: int = 0
    told: int = 0
    dropped: int = 0

    @property
    def sentence(self) -> str:
        """Return how it stands in words."""
        counts = ((self.waiting, "waiting"), (self.dropped, "dropped"))
        more = ", ".join(f"{count} {word}" for count, word in counts if count)
        if self.problem:
            return f"{self.problem} {more}." if more else self.problem
        told = f"{self.told} told from here" if self.told else "not told anything from here yet"
        return f"{told}, {more}" if more else told


@dataclass(frozen=True, slots=True)
class ChannelTried:
    """What became of a test note: accepted, or the error in words."""

    name: str
    system: str
    accepted: bool
    took_s: float
    problem: str = ""
    advice: str = ""
