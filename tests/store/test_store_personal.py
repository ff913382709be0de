"""Customers' ids: apart from the records, for a limited time, and without a trace that could be followed back afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from store_kit import ANN, NOON, HandClock, make_plan, opened
from team_kit import Team

from console.model.audit import AuditFilter
from console.model.errors import NotAllowed, StoreError
from console.model.rollout import Actor
from console.model.stores import TargetRow
from console.store.personal import mark
from console.store.schema import customers, metadata, salts
from console.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
BOTH_STORES = True
IDS = ["anna@example.com", "bert@example.com"]


def left(store: SqliteStore) -> list[int]:
    """Return how many ids and how many salts the database holds, asked past the part under test."""
    return [
        store.database.look(lambda conn, table=table: conn.execute(select(func.count()).select_from(table)).scalar_one())
        for table in (customers, salts)
    ]


async def test_records_hold_keyed_hashes_that_only_the_salt_can_follow(store: SqliteStore):
    rollout = await opened(store)
    assert await store.personal.note(rollout.id, [*IDS, IDS[0], ""], 30, ANN, NOON) == 2
    assert await store.personal.note(rollout.id, IDS, 30, ANN, NOON) == 0
    told = (await store.audit.all(AuditFilter(text="note affected customers")))[0]
    assert len(set(told.entry.detail["customers"])) == 2
    assert b"anna" not in told.body
    salt = store.database.look(lambda conn: bytes(conn.execute(select(salts.c.salt)).scalar_one()))
    assert told.entry.detail["customers"][0] == mark(salt, IDS[0])
    assert await store.personal.of(rollout.id, NOON) == IDS


async def test_ids_are_never_shown_after_their_time_and_go_with_their_salt(store: SqliteStore):
    rollout = await opened(store)
    await store.personal.note(rollout.id, IDS, 7, ANN, NOON)
    over = NOON + timedelta(days=7)
    assert await store.personal.of(rollout.id, over - timedelta(seconds=1)) == IDS
    assert await store.personal.of(rollout.id, over) == []
    other = await store.journal.open(make_plan("search"), ANN, "go", NOON)
    await store.personal.note(other.id, ["cora@example.com"], 30, ANN, NOON)
    assert await store.personal.purge(over) == 2
    assert left(store) == [1, 1]
    assert await store.personal.of(other.id, over) == ["cora@example.com"]
    assert (await store.audit.verify()).ok


async def test_the_next_ids_that_are_noted_take_those_with_them_whose_time_is_over(store: SqliteStore):
    rollout = await opened(store)
    await store.personal.note(rollout.id, IDS, 7, ANN, NOON)
    await store.personal.note(rollout.id, ["cora@example.com"], 7, ANN, NOON + timedelta(days=8))
    assert left(store) == [1, 1]


async def test_ids_are_forgotten_on_demand_and_on_record(store: SqliteStore):
    rollout = await opened(store)
    await store.personal.note(rollout.id, IDS, 7, ANN, NOON)
    assert await store.personal.forget(rollout.id, ANN, "asked to", NOON) == 2
    assert left(store) == [0, 0]
    assert [record.entry.reason for record in await store.audit.all(AuditFilter(text="forget"))] == ["asked to"]


@pytest.mark.parametrize("days", [0, -1, 100_000])
async def test_a_retention_without_sense_is_refused(store: SqliteStore, days: int):
    with pytest.raises(NotAllowed, match="cannot be kept"):
        await store.personal.note("R-1", IDS, days, ANN, NOON)


@pytest.mark.postgres
@pytest.mark.one_file
async def test_in_a_team_only_who_needs_the_ids_reads_or_deletes_them_and_no_copy_of_the_state_has_them(
    team: Team, tmp_path: Path, clock: HandClock
):
    ann = team.open("ann", tmp_path / "ann", clock)
    await ann.targets.put(TargetRow("shop", "shop.yaml", environment="production"), ANN, "add", NOON)
    rollout = await opened(ann)
    await ann.personal.note(rollout.id, IDS, 7, ANN, NOON)
    read, deleted = {}, {}
    for login in ("viv", "apu", "aud", "sam", "oli"):
        store = team.open(login, tmp_path / login, clock)
        for found, asked in ((read, store.personal.of(rollout.id, NOON)), (deleted, store.personal.purge(NOON + timedelta(days=7)))):
            try:
                found[login] = len(await asked) if found is read else await asked
            except (StoreError, NotAllowed):
                found[login] = None
        await store.close()
    assert read == {"viv": None, "apu": None, "aud": 2, "sam": 2, "oli": 2}
    assert deleted == {"viv": None, "apu": None, "aud": None, "sam": 0, "oli": 2}, "sam's rights end at staging"
    await ann.personal.note(rollout.id, IDS, 7, ANN, NOON)
    assert await ann.personal.forget(rollout.id, Actor("ann", ""), "asked to", NOON) == 2
    await ann.close()
    with team.psql() as raw:
        for table in metadata.tables:
            rows = raw.execute(f"SELECT * FROM {table}").fetchall()
            assert not [row for row in rows if any(one in str(row) for one in IDS)], table
    assert not [path for path in (tmp_path / "ann").rglob("*") if path.is_file() and IDS[0].encode() in path.read_bytes()]
