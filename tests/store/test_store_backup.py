"""Backups of both kinds of store, put back; a history that moves into the team's records; and retention."""

import sqlite3
from contextlib import closing
from datetime import time, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection
from store_kit import ANN, BACK, NOON, UP, HandClock, allow, driving, entry, intent_for, make_plan, outcome_for
from team_kit import Team

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import BadFile, CannotRecord, GateFailed, NotAllowed
from console.model.freeze import FreezeWindow, StopTheLine, Weekly
from console.model.readiness import Rehearsal
from console.model.rollout import Actor, GateSample, Phase
from console.model.stores import RolloutChange, TargetRow
from console.model.views import QuarantineView
from console.store.backup import back_up, opened_backup, restore_file, verified
from console.store.postgres import moving
from console.store.postgres.address import address_of
from console.store.postgres.moving import move_history
from console.store.postgres.restoring import restore
from console.store.postgres.setup import people_in, people_text
from console.store.postgres.store import PostgresStore
from console.store.retention import forget
from console.store.sqlite import RECORDS, SqliteStore, open_store

pytestmark = pytest.mark.anyio
BOTH_STORES = True


async def filled(store: SqliteStore) -> None:
    """Keep a little of everything: a target, a window, a rollout that ended, its steps and samples."""
    await store.targets.put(TargetRow("shop", "shop.yaml", armed=True, stable="blue"), ANN, "add", NOON)
    await store.freezes.add(FreezeWindow("w1", "w1", "ann", "sale", "UTC", Weekly(frozenset({4}), time(22), time(23)), ()), ANN, NOON)
    rollout, token = await driving(store)
    for step, key in ((UP, token), (BACK, None)):
        row = await store.journal.send(intent_for(rollout, step, key), allow if key else None)
        await store.journal.settle(row, outcome_for(row.id))
    await store.samples.add([GateSample(rollout.id, "sessions", NOON, 5, 1, 0, 1, 0)])
    rollout = await store.journal.rollout(rollout.id)
    await store.journal.change(rollout, RolloutChange(phase=Phase.ABORTED, ended_at=NOON), entry("abort", RecordKind.PHASE))


async def saved(store: SqliteStore, path: Path) -> None:
    people = await store.database.read_whole(people_text) if store.person else ""
    report = await store.database.read_whole(lambda conn: back_up(conn, path, people))
    assert report.ok
    assert report.size == (await store.audit.verify()).size


async def test_a_backup_is_whole_and_verified_and_comes_back_as_a_folders_records(store: SqliteStore, tmp_path: Path, clock: HandClock):
    await filled(store)
    await saved(store, tmp_path / "copy")
    report = restore_file(tmp_path / "copy", tmp_path / "back", replace=False)
    again = open_store(tmp_path / "back", clock)
    assert (await again.audit.verify()).head == report.head == (await store.audit.verify()).head
    assert await again.journal.rollouts(live=False) == await store.journal.rollouts(live=False)
    assert await again.journal.steps("R-1") == await store.journal.steps("R-1")
    assert await again.freezes.windows() == await store.freezes.windows()
    assert [row.name for row in await again.targets.rows()] == ["shop"]
    assert len(await again.samples.of("R-1")) == 1
    await again.audit.append(entry("goes on"))
    assert (await again.audit.verify()).ok
    await again.close()


async def test_a_backup_overwrites_nothing_and_a_damaged_one_is_not_put_back(store: SqliteStore, tmp_path: Path):
    await filled(store)
    path = tmp_path / "copy"
    await saved(store, path)
    with pytest.raises(BadFile, match="there already"):
        await store.database.read_whole(lambda conn: back_up(conn, path))
    restore_file(path, tmp_path / "back", replace=False)
    with pytest.raises(BadFile, match="records in"):
        restore_file(path, tmp_path / "back", replace=False)
    restore_file(path, tmp_path / "back", replace=True)
    assert (tmp_path / "back" / f"{RECORDS}.before-restore").exists()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TRIGGER audit_no_update")
        raw.execute("UPDATE audit SET target = 'forged' WHERE seq = 2")
    assert verified(path).first_bad == 2
    with pytest.raises(GateFailed, match="Record 2"):
        restore_file(path, tmp_path / "other", replace=False)
    assert not (tmp_path / "other").exists()
    with pytest.raises(BadFile):
        verified(tmp_path / "nothing")


async def test_samples_past_their_retention_go_and_the_audit_stays(store: SqliteStore):
    await filled(store)
    size = (await store.audit.verify()).size
    later = NOON + timedelta(days=40)
    assert await store.database.write(lambda conn: forget(conn, NOON - timedelta(days=1), ANN, later)) == 0
    assert await store.database.write(lambda conn: forget(conn, later - timedelta(days=30), ANN, later)) == 1
    assert await store.samples.of("R-1") == []
    report = await store.audit.verify()
    assert (report.ok, report.size) == (True, size + 2)


@pytest.mark.postgres
@pytest.mark.one_file
async def test_a_teams_backup_fills_an_empty_database_under_its_own_log(team: Team, tmp_path: Path, clock: HandClock):
    ann = team.open("ann", tmp_path / "ann", clock)
    await filled(ann)
    await saved(ann, tmp_path / "copy")
    other = Team(team.server, team.server.new_database())
    address = address_of(other.url())
    with opened_backup(tmp_path / "copy") as backup:
        logins = restore(psycopg.connect(other.url()), address, backup)
    assert {"ann", "oli", "viv"} < set(logins)
    with opened_backup(tmp_path / "copy") as backup, pytest.raises(BadFile, match="records already"):
        restore(psycopg.connect(other.url()), address, backup)
    with team.server.admin() as conn:
        conn.execute(f"GRANT CONNECT ON DATABASE {other.database} TO ann, oli")
    again = other.open("ann", tmp_path / "again", clock)
    before, after = await ann.audit.verify(), await again.audit.verify()
    assert (after.ok, after.head, after.log_id) == (True, before.head, before.log_id)
    assert (await again.journal.open((await again.journal.rollout("R-1")).plan, ANN, "again", NOON)).id == "R-2"
    await again.freezes.remove("w1", ANN, "over", NOON)
    assert [person.login for person in await again.server.read_whole(people_in)].count("ann") == 1
    with other.psql("oli") as raw, pytest.raises(psycopg.Error):
        raw.execute("UPDATE audit SET target = 'x'")
    moved = other.open("ann", tmp_path / "ann", clock)
    assert moved.trouble == ""
    for store in other.stores:
        await store.close()
    team.server.drop_database(other.database)


@pytest.mark.postgres
@pytest.mark.one_file
async def test_a_local_history_moves_into_the_teams_records_with_where_it_came_from(team: Team, tmp_path: Path, clock: HandClock):
    ann: PostgresStore = team.open("ann", tmp_path / "ann", clock)
    await filled(ann)
    await filled(ann.local)
    before = await ann.local.audit.verify()
    size = (await ann.audit.verify()).size
    moved = await move_history(ann, ANN, "one record of all")
    assert (moved.records, moved.rollouts, moved.targets) == (before.size, 1, 0)
    report = await ann.audit.verify()
    assert (report.ok, report.open_intents) == (True, ())
    assert report.size > size + before.size
    copied = [each.entry for each in await ann.audit.all(AuditFilter(rollout="R-2")) if each.entry.verb.startswith("moved: ")]
    assert {told.detail["origin"]["log"] for told in copied} == {before.log_id}
    (rollout,) = await ann.journal.rollouts(live=False, limit=1)
    assert (rollout.id, rollout.phase, len(await ann.journal.steps("R-2"))) == ("R-2", Phase.ABORTED, 2)
    with pytest.raises(NotAllowed, match="moved before"):
        await move_history(ann, ANN, "again")
    assert (await ann.local.audit.verify()).head == before.head


@pytest.mark.postgres
@pytest.mark.one_file
async def test_a_history_does_not_move_while_a_rollout_is_on_its_way_in_it(team: Team, tmp_path: Path, clock: HandClock):
    ann = team.open("ann", tmp_path / "ann", clock)
    await driving(ann.local)
    with pytest.raises(NotAllowed, match="R-1 is on its way here"):
        await move_history(ann, ANN, "too soon")


@pytest.mark.postgres
@pytest.mark.one_file
async def test_two_histories_with_the_same_names_move_with_all_that_holds_in_them(team: Team, tmp_path: Path, clock: HandClock):
    until = NOON + timedelta(days=7)
    for login in ("ann", "oli"):
        store = team.open(login, tmp_path / login, clock)
        me, local = Actor(login, f"desk:{login}"), store.local
        await local.targets.put(TargetRow("shop", "shop.yaml", environment="production"), me, "add", NOON)
        rollout = await local.journal.open(make_plan(), me, 'with token="in quotes"', NOON)
        lease = await local.wheel.take(rollout.id, me, 15)
        rollout = await local.journal.rollout(rollout.id)
        row = await local.journal.send(intent_for(rollout, UP, lease.token, f"{rollout.id}.0.1", actor=me), allow)
        await local.journal.settle(row, outcome_for(row.id))
        await local.samples.add([GateSample(rollout.id, "sessions", NOON, 5, 1, 0, 1, 0)])
        await local.personal.note(rollout.id, [f"{login}@example.com"], 7, me, NOON)
        await local.ways.quarantine("shop", QuarantineView("2.0", NOON, login, "bad", rollout.id, paused=("argo",)), me, NOON)
        await local.ways.rehearsed("shop", Rehearsal(NOON, 1.0, 1.1, {}, ok=True), me, "practice")
        await local.freezes.stop(StopTheLine(login, "customers call", NOON), me)
        await local.audit.append(entry("long", detail={"text": ["x" * 150_000, "y" * 150_000]}))
        await local.journal.change(await local.journal.rollout(rollout.id), RolloutChange(phase=Phase.ABORTED), entry("end"))
        moved = await move_history(store, me, "one record of all")
        assert (moved.rollouts, moved.stops) == (1, 1)
    assert [(await store.journal.steps(name))[0].id for name in ("R-1", "R-2")] == ["R-1.0.1", "R-2.0.1"]
    assert [(each.by, each.rollout, each.paused) for each in await store.ways.quarantines("shop")] == [
        ("ann", "R-1", ("argo",)),
        ("oli", "R-2", ("argo",)),
    ]
    assert {stop.by for stop in await store.freezes.stops()} == {"ann", "oli"}
    assert [await store.personal.of(name, NOON) for name in ("R-1", "R-2")] == [["ann@example.com"], ["oli@example.com"]]
    assert await store.personal.purge(until) == 2
    assert (len(await store.ways.rehearsals("shop")), len(await store.samples.of("R-2"))) == (1, 1)
    assert (await store.audit.verify()).ok


@pytest.mark.postgres
@pytest.mark.one_file
async def test_very_many_samples_move_in_portions_and_go_on_where_the_move_was_cut_off(
    team: Team, tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    ann = team.open("ann", tmp_path / "ann", clock)
    await filled(ann.local)
    await ann.local.samples.add([GateSample("R-1", "sessions", NOON + timedelta(seconds=each), 5, each, 0, 1, 0) for each in range(1, 6)])
    monkeypatch.setattr(moving, "_SAMPLES", 2)
    add, added = moving._add_samples, []

    def cut_off(conn: Connection, rows: list[dict[str, object]]) -> None:
        added.append(len(rows))
        if len(added) == 2:
            raise CannotRecord("cut off")
        add(conn, rows)

    monkeypatch.setattr(moving, "_add_samples", cut_off)
    with pytest.raises(CannotRecord, match="cut off"):
        await move_history(ann, ANN, "one record of all")
    moved = await move_history(ann, ANN, "one record of all")
    assert (moved.rollouts, added) == (1, [2, 2, 2, 2])
    assert [sample.baseline_ok for sample in await ann.samples.of("R-1")] == [1, 1, 2, 3, 4, 5]
    assert len(await ann.journal.rollouts(live=False)) == 1


async def test_samples_go_in_portions_so_that_nobody_waits_long_for_the_records(store: SqliteStore):
    await filled(store)
    await store.samples.add([GateSample("R-1", "sessions", NOON, 5, 1, 0, 1, 0) for _ in range(4)])
    later = NOON + timedelta(days=40)
    gone = [await store.database.write(lambda conn: forget(conn, later, ANN, later, 2)) for _ in range(4)]
    assert gone == [2, 2, 1, 0]
