"""A records file of format 1 is brought forward when it is opened, and its records still verify."""

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest
import rfc8785
from store_kit import HandClock, entry
from test_store_signing import Drawer

from console.model.audit import AuditFilter
from console.store.keys import Signer
from console.store.sealing import FIRST_PREV
from console.store.sqlite import RECORDS, open_store

pytestmark = pytest.mark.anyio

OLD = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE audit (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, actor TEXT NOT NULL, at TEXT NOT NULL, target TEXT NOT NULL,
  rollout TEXT NOT NULL, step TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL, signed INTEGER NOT NULL);
CREATE TABLE targets (name TEXT PRIMARY KEY, path TEXT NOT NULL, trusted_digest TEXT NOT NULL, fingerprint TEXT NOT NULL,
  stable TEXT NOT NULL, armed INTEGER NOT NULL, practice INTEGER NOT NULL);
INSERT INTO targets VALUES ('shop', '/shop.yaml', '', '', 'blue', 1, 0);
CREATE INDEX audit_by_kind ON audit (kind, seq);
CREATE INDEX audit_by_target ON audit (target, seq);
CREATE INDEX audit_by_rollout ON audit (rollout, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_at ON audit (at);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
INSERT INTO about VALUES ('log', 'an-old-log');
PRAGMA user_version = 1;
"""


async def test_old_records_verify_beside_new_signed_ones(folder):
    folder.mkdir()
    prev = FIRST_PREV
    with closing(sqlite3.connect(folder / RECORDS)) as raw, raw:
        raw.executescript(OLD)
        for seq in (1, 2):
            act = {"console": "desk", "detail": {"n": seq}, "plan": "", "reason": 'a "quoted" one', "result": "", "verb": "old"}
            copies = {"actor": "ann", "at": "2026-01-01T00:00:00.000Z", "kind": "console", "rollout": "", "step": "", "target": "shop"}
            body = rfc8785.dumps({"act": act, **copies, "log": "an-old-log", "prev": prev, "seq": seq, "v": 1})
            prev = sha256(body).hexdigest()
            row = (seq, "console", "ann", copies["at"], "shop", "", "", prev, body, 0)
            raw.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    store = open_store(folder, HandClock(), signer=Signer("ann", Drawer()))
    assert store.trouble == ""
    assert await store.audit.begin_signing() == ""
    await store.audit.append(entry("new"))
    report = await store.audit.verify()
    assert (report.ok, report.size, report.unsigned, report.checkpoints) == (True, 4, 2, 2), report.problem
    assert [row.stable for row in await store.targets.rows()] == ["blue"]
    assert [record.entry.verb for record in await store.audit.all(AuditFilter())] == ["old", "old", "make a signing key", "new"]
    await store.close()
    with closing(sqlite3.connect(folder / RECORDS)) as raw, raw:
        raw.execute("DROP TRIGGER audit_no_update")
        raw.execute("UPDATE audit SET target = 'other' WHERE seq = 2")
    again = open_store(folder, HandClock())
    report = await again.audit.verify()
    await again.close()
    assert report.first_bad == 2
