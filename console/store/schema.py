"""The tables of our records, and the triggers that let the audit only grow."""

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text

SCHEMA_VERSION = 3
"""Kept in `user_version`; a file with a higher one was written by a newer program and is not written to."""

metadata = MetaData()


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


about = Table("about", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    *_words("kind", "actor", "at", "target", "rollout", "step", "hash"),
    Column("body", LargeBinary, nullable=False),
    Column("signed", Integer, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("signature", LargeBinary),
    Index("audit_by_kind", "kind", "seq"),
    Index("audit_by_target", "target", "seq"),
    Index("audit_by_rollout", "rollout", "seq"),
    Index("audit_by_actor", "actor", "seq"),
    Index("audit_by_time", "at", "seq"),
)

audit_keys = Table(
    "audit_keys",
    metadata,
    Column("id", Text, primary_key=True, comment="the first 32 hex digits of the public key's SHA-256"),
    *_words("public", "person", "place", "made_at"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    *_words("root", "at", "key", "note"),
    Index("checkpoints_by_size", "size"),
)

pins = Table("pins", metadata, Column("number", Integer, primary_key=True), *_words("log", "note", "by", "at"))
"""Checkpoints of other consoles' logs, kept here so that their exports can be held against them."""

customers = Table(
    "customers",
    metadata,
    Column("number", Integer, primary_key=True),
    *_words("rollout", "customer", "mark", "noted_at", "until"),
    Index("customers_by_rollout", "rollout", "number"),
    Index("customers_by_until", "until"),
)
"""Personal data: records hold the mark only, and nothing tells whose it was once the row and its rollout's salt are gone."""

salts = Table("salts", metadata, Column("rollout", Text, primary_key=True), Column("salt", LargeBinary, nullable=False))

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

trains = Table(
    "trains",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    *_words("name", "value", "targets", "plans", "plan_hash", "phase", "started_by", "console", "driver", "driver_console"),
    *_words("reason", "started_at", "note", "rollouts", "held"),
    Column("over", Integer, nullable=False),
    Column("closed", Integer, nullable=False, comment="set when no member starts any more (I4); never cleared"),
    Column("revision", Integer, nullable=False),
    Column("ended_at", Text),
    Index("trains_live", "over"),
)
"""Releases of several targets; `targets`, `plans`, `rollouts` and `held` are JSON."""

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
    Column("environment", Text, nullable=False, server_default=""),
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


def _only_grows(table: str, what: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{what} only grows'); END"
        for verb in ("UPDATE", "DELETE")
    )


_IN_ORDER = """CREATE TRIGGER audit_in_order BEFORE INSERT ON audit WHEN NEW.seq != (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'the audit only grows at its end'); END"""
_OF_SIGNING = (*_only_grows("audit_keys", "the list of keys"), *_only_grows("checkpoints", "the list of checkpoints"))
_APPEND_ONLY = (*_only_grows("audit", "the audit"), _IN_ORDER, *_OF_SIGNING)

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


def upgrade(conn: Connection, found: int) -> None:
    """Bring a file of an older format forward, inside the transaction that is open: its records stay as they are."""
    if found == 1:
        _sign_from_now_on(conn)
    metadata.create_all(conn, checkfirst=True)
    if found == 1:
        for trigger in _OF_SIGNING:
            conn.execute(text(trigger))
    conn.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))


def _sign_from_now_on(conn: Connection) -> None:
    """Give a file of format 1 the columns of signatures; its own records stay unsigned."""
    conn.execute(text("ALTER TABLE audit ADD COLUMN key TEXT NOT NULL DEFAULT ''"))
    conn.execute(text("ALTER TABLE audit ADD COLUMN signature BLOB"))
    conn.execute(text("ALTER TABLE targets ADD COLUMN environment TEXT NOT NULL DEFAULT ''"))
    conn.execute(text("DROP INDEX audit_by_at"))
    conn.execute(text("CREATE INDEX audit_by_time ON audit (at, seq)"))
