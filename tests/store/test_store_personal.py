"""Customers' ids: apart from the records, for a limited time, and without a trace that could be followed back afterwards."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from store_kit import ANN, NOON, opened

from console.model.audit import AuditFilter
from console.model.errors import NotAllowed
from console.store.personal import mark
from console.store.sqlite import RECORDS, SqliteStore

pytestmark = pytest.mark.anyio
IDS = ["anna@example.com", "bert@example.com"]


def left(store: SqliteStore) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw:
        return [(table, raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in ("customers", "salts")]


async def test_records_hold_keyed_hashes_that_only_the_salt_can_follow(store: SqliteStore):
    rollout = await opened(store)
    assert await store.personal.note(rollout.id, [*IDS, IDS[0], ""], 30, ANN, NOON) == 2
    assert await store.personal.note(rollout.id, IDS, 30, ANN, NOON) == 0
    told = (await store.audit.all(AuditFilter(text="note affected customers")))[0]
    assert len(set(told.entry.detail["customers"])) == 2
    assert b"anna" not in told.body
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw:
        (salt,) = raw.execute("SELECT salt FROM salts").fetchone()
    assert told.entry.detail["customers"][0] == mark(salt, IDS[0])
    assert await store.personal.of(rollout.id, NOON) == IDS


async def test_ids_are_never_shown_after_their_time_and_go_with_their_salt(store: SqliteStore):
    rollout = await opened(store)
    await store.personal.note(rollout.id, IDS, 7, ANN, NOON)
    over = NOON + timedelta(days=7)
    assert await store.personal.of(rollout.id, over - timedelta(seconds=1)) == IDS
    assert await store.personal.of(rollout.id, over) == []
    assert await store.personal.purge(over) == 2
    assert left(store) == [("customers", 0), ("salts", 0)]
    assert (await store.audit.verify()).ok


async def test_ids_are_forgotten_on_demand_and_on_record(store: SqliteStore):
    rollout = await opened(store)
    await store.personal.note(rollout.id, IDS, 7, ANN, NOON)
    assert await store.personal.forget(rollout.id, ANN, "asked to", NOON) == 2
    assert left(store) == [("customers", 0), ("salts", 0)]
    assert [record.entry.reason for record in await store.audit.all(AuditFilter(text="forget"))] == ["asked to"]


@pytest.mark.parametrize("days", [0, -1, 100_000])
async def test_a_retention_without_sense_is_refused(store: SqliteStore, days: int):
    with pytest.raises(NotAllowed, match="cannot be kept"):
        await store.personal.note("R-1", IDS, days, ANN, NOON)
