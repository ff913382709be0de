"""Audit records: one immutable line each for who, when, what, why and with what result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.model.rollout import Actor


class RecordKind(StrEnum):
    """What a record tells."""

    INTENT = "intent"
    OUTCOME = "outcome"
    REFUSAL = "refusal"
    VERDICT = "verdict"
    PHASE = "phase"
    PLAN = "plan"
    TAKEOVER = "takeover"
    FREEZE = "freeze"
    TARGET = "target"
    SETTING = "setting"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes into a record before it gets its place in the chain. `detail` holds JSON values only; secrets never enter it."""

    kind: RecordKind
    actor: Actor
    at: datetime
    verb: str
    target: str = ""
    rollout: str = ""
    reason: str = ""
    result: str = ""
    plan_hash: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A record in its place: `body` are the canonical bytes (RFC 8785) that `hash` (SHA-256, hex) covers; they hold seq and prev."""

    seq: int
    entry: Entry
    prev: str
    hash: str
    body: bytes
    signed: bool = False


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records to show; an empty field does not narrow. `text` is searched in the whole record."""

    kinds: frozenset[RecordKind] = frozenset()
    target: str = ""
    rollout: str = ""
    actor: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found. `first_bad` is the first record that does not hold, with `problem` in words; None when all is well.

    `open_intents` are intents without an outcome, by step id.
    """

    log_id: str
    size: int
    head: str
    bodies_checked: int
    first_bad: int | None
    problem: str
    open_intents: tuple[str, ...]
    unsigned: int

    @property
    def ok(self) -> bool:
        """Tell whether every record holds."""
        return self.first_bad is None
