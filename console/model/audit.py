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
    """A record in its place: `body` are the canonical bytes (RFC 8785) that `hash` (SHA-256, hex) covers; they hold seq and prev.

    `key` is the id of the key that signed the body, "" when none did; `signature` is Ed25519 (RFC 8032) over the body.
    """

    seq: int
    entry: Entry
    prev: str
    hash: str
    body: bytes
    signed: bool = False
    key: str = ""
    signature: bytes = b""
    proof: tuple[str, ...] = ()
    """The hashes, in hex, that lead from this record to the root of an export's newest checkpoint (RFC 9162, section 2.1.3)."""


@dataclass(frozen=True, slots=True)
class AuditKey:
    """The public half of a key that signs records. `id` is the first 32 hex digits of the SHA-256 of its 32 bytes, so it can't be swapped.

    `place` is where the other half lies: `keyring`, or `practice` for the practice shop's own key, which anybody on this computer can read.
    """

    id: str
    public: bytes
    person: str
    place: str
    made_at: str = ""

    @property
    def label(self) -> str:
        """Return how people know the key."""
        return f"{self.person} ({self.place}, {self.id[:8]})"


@dataclass(frozen=True, slots=True)
class Anchor:
    """What was kept outside of the records: a checkpoint as a signed note, and where it came from.

    `digests` are the first 6 bytes of the hash of each record after `start` up to the checkpoint's size, so that the first record that was
    rewritten can be named; b"" where only the checkpoint was kept.
    """

    note: str
    source: str
    at: str = ""
    start: int = 0
    digests: bytes = b""


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """A place outside of the records that anchors of this log are kept in: a file, or with `git` a folder in a repository.

    `anchors` counts those that it holds now, the newest over `size` records. `problem` says why none can be used, "" when they can.
    """

    path: str
    git: bool = False
    anchors: int = 0
    size: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint over the first `size` records, as a signed note."""

    size: int
    note: str


@dataclass(frozen=True, slots=True)
class ExportHead:
    """What an export begins with: the log, the public keys, the newest checkpoint, and whether records were left out."""

    log_id: str
    keys: tuple[AuditKey, ...]
    newest: str
    partial: bool


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

    `open_intents` are intents without an outcome, by step id. `root` is that of the tree over all records, in hex.
    `signatures` counts the signatures that were checked and hold, by the key's label. `checkpoints` counts those that were found to agree,
    `anchors` those from outside. `unanchored` counts the records after the last anchor; None when no anchor was given.
    """

    log_id: str
    size: int
    head: str
    bodies_checked: int
    first_bad: int | None
    problem: str
    open_intents: tuple[str, ...]
    unsigned: int
    root: str = ""
    signatures: Mapping[str, int] = field(default_factory=dict)
    checkpoints: int = 0
    anchors: int = 0
    unanchored: int | None = None

    @property
    def ok(self) -> bool:
        """Tell whether every record holds."""
        return self.first_bad is None
