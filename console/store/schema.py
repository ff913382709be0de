"""The tables of our records, and the triggers that let the audit only grow."""

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text

SCHEMA_VERSION = 1
"""Kept in `user_version`; a file with a higher one was written by a newer program and is not written to."""

metadata = MetaData()


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


about = Table("about", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    *_words("kind", "actor", "at", "target", "rollout", "step", "hash"),
    Column("body", LargeBinary, nullable=False),
    Column("signed", Integer, nullable=False),
    Index("audit_by_kind", "kind", "seq"),
    Index("audit_by_target", "target", "seq"),
    Index("audit_by_rollout", "rollout", "seq"),
    Index("audit_by_actor", "actor", "seq"),
    Index("audit_by_at", "at"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    *_words("target", "plan", "plan_hash", "phase", "started_by", "console", "reason", "started_at", "note"),
    Column("over", Integer, nullable=False),
    Column("closed", Integer, nullable=False, comment="set when forward is over for good (I4); never cleared"),
    Column("revision", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("stage_since", Text),
    Column("asked_weight", Integer, nullable=False),
    Column("auto_back_at", Text),
    Column("ended_at", Text),
    Column("history", Text),
    Index("rollouts_live", "over", "target"),
)

steps = Table(
    "steps",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    *_words("rollout", "step", "state", "actor", "console", "sent_at", "detail", "recorded"),
    Column("accepted_at", Text),
    Column("read_back_at", Text),
    Column("seen", Text),
    Index("steps_by_rollout", "rollout", "number"),
    Index("steps_by_state", "state"),
)

leases = Table(
    "leases",
    metadata,
    Column("rollout", Text, primary_key=True),
    *_words("holder", "console", "renewed_at", "expires_at"),
    Column("token", Integer, nullable=False),
)

consoles = Table(
    "consoles",
    metadata,
    Column("console", Text, primary_key=True),
    *_words("person", "version", "kind", "seen_at"),
)
"""Processes that were alive when they said so last."""

merged = Table("merged", metadata, Column("id", Text, primary_key=True))
"""Emergency records that are in the audit already, so that a crash while merging adds none twice."""

windows = Table(
    "windows",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    *_words("value", "added_by", "added_at"),
    Column("removed_at", Text),
)

stops = Table(
    "stops",
    metadata,
    Column("number", Integer, primary_key=True),
    *_words("value", "since"),
    Column("lifted_at", Text),
)

targets = Table(
    "targets",
    metadata,
    Column("name", Text, primary_key=True),
    *_words("path", "trusted_digest", "fingerprint", "stable"),
    Column("armed", Integer, nullable=False),
    Column("practice", Integer, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("number", Integer, primary_key=True),
    *_words("rollout", "gate", "at"),
    *[Column(name, Integer, nullable=False) for name in ("weight", "baseline_ok", "baseline_failed", "canary_ok", "canary_failed")],
    Index("samples_by_rollout", "rollout", "at"),
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("number", Integer, primary_key=True),
    *_words("target", "version", "since", "who", "reason", "rollout", "paused"),
    Column("lifted_at", Text),
    Index("quarantines_by_target", "target", "number"),
)
"""Versions that were rolled back; `paused` is a JSON list of reconcilers that wait for a person."""

rehearsals = Table(
    "rehearsals",
    metadata,
    Column("number", Integer, primary_key=True),
    *_words("target", "at", "value"),
    Index("rehearsals_by_target", "target", "number"),
)

settings = Table("settings", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

_APPEND_ONLY = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END",
    """CREATE TRIGGER audit_in_order BEFORE INSERT ON audit WHEN NEW.seq != (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'the audit only grows at its end'); END""",
)

WORDS_TABLE = "audit_words"


def create(conn: Connection, log_id: str) -> None:
    """Create everything in an empty file, inside the transaction that is open, and name the audit's log."""
    metadata.create_all(conn, checkfirst=False)
    for trigger in _APPEND_ONLY:
        conn.execute(text(trigger))
    if "ENABLE_FTS5" in {str(row[0]) for row in conn.execute(text("PRAGMA compile_options"))}:
        conn.execute(text(f"CREATE VIRTUAL TABLE {WORDS_TABLE} USING fts5(words, content='', detail=full)"))
    conn.execute(about.insert(), [{"key": "log", "value": log_id}])
    conn.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
