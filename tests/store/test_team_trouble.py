"""A team's database in trouble: stopped, hanging, another one, of another version; forward is refused in words, backward goes on."""

import asyncio
import os
import socket
import time
from pathlib import Path

import psycopg
import pytest
from servers.postgres_process import PASSWORD, PostgresServer
from sqlalchemy import func, select
from store_kit import ANN, BACK, NOON, UP, allow, driving, entry, intent_for, make_plan, outcome_for
from team_kit import PATIENCE, Team, copied, make_template

from console.model.audit import AuditFilter, RecordKind
from console.model.clock import SystemClock
from console.model.errors import CannotRecord, NotAllowed, SecretsUnavailable, StoreError
from console.model.rollout import Actor, Rollout, StepState
from console.model.stores import TargetRow
from console.store.choice import kept
from console.store.emergency import EmergencyJournal
from console.store.postgres.store import JOURNAL, PostgresStore, open_team, pin_of
from console.store.schema import checkpoints, rollouts
from console.store.sqlite import open_store

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
WIRE_S = 2.0


async def until_back(store: PostgresStore) -> None:
    """Wait until the store has found its server again."""
    async with asyncio.timeout(20):
        while True:
            try:
                await store.ready()
                await store.server.write(lambda _: None)
            except CannotRecord:
                await store.changed()
            else:
                return


async def go_back(store: PostgresStore, rollout: Rollout) -> float:
    """Send and settle a backward step, as the engine does: read what is known, then send; returns the seconds to the wire."""
    began = time.monotonic()
    known = await store.journal.rollout(rollout.id)
    row = await store.journal.send(intent_for(known, BACK, step_id="back"), None)
    to_wire = time.monotonic() - began
    assert (row.state, row.recorded) == (StepState.SENT, "emergency")
    settled = await store.journal.settle(row, outcome_for("back"))
    assert settled.state is StepState.CONFIRMED
    assert "back" in [step.id for step in await store.journal.steps(rollout.id)]
    return to_wire


async def check_merged(store: PostgresStore, rollout: Rollout) -> None:
    merged = [record.entry for record in await store.audit.all(AuditFilter(rollout=rollout.id)) if "origin" in record.entry.detail]
    assert [told.kind for told in merged] == [RecordKind.INTENT, RecordKind.OUTCOME]
    origin = f"journal {kept(store.local, JOURNAL)} of one console"
    assert {str(told.detail["origin"]) for told in merged} == {origin}
    assert {told.actor.name for told in merged} == {"ann"}
    (step,) = [row for row in await store.journal.steps(rollout.id) if row.id == "back"]
    assert (step.state, step.recorded) == (StepState.CONFIRMED, "emergency")
    report = await store.audit.verify()
    assert (report.ok, report.open_intents) == (True, ())


@pytest.mark.parametrize("trouble", ["stopped", "hanging"])
async def test_with_the_server_gone_forward_is_refused_and_backward_is_on_the_wire_and_merged_later(
    team: Team, tmp_path: Path, trouble: str
):
    store = team.open("ann", tmp_path / "ann")
    rollout, token = await driving(store)
    await until_mirrored(store, rollout.id)
    if trouble == "stopped":
        team.server.stop()
    else:
        team.server.freeze()
    to_wire = await go_back(store, rollout)
    assert to_wire < WIRE_S
    began = time.monotonic()
    with pytest.raises(CannotRecord, match="rollback still works"):
        await store.journal.send(intent_for(rollout, UP, token), allow)
    with pytest.raises(CannotRecord):
        await store.ready()
    assert time.monotonic() - began < WIRE_S
    with pytest.raises(StoreError, match="team's database"):
        await store.audit.page(AuditFilter(), None, 9)
    if trouble == "stopped":
        team.server.child.start()
    team.server.thaw()
    await until_back(store)
    await check_merged(store, rollout)


async def test_a_console_opened_while_the_server_is_gone_knows_the_targets_and_goes_back(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    await store.targets.put(TargetRow("shop", "/here/shop.yaml", armed=True, stable="blue"), ANN, "add", NOON)
    rollout, _ = await driving(store)
    await until_mirrored(store, rollout.id)
    team.server.stop()
    await store.close()
    again = team.open("ann", tmp_path / "ann", start_s=1.0)
    assert "rollback still works" in again.trouble
    assert [row.stable for row in await again.targets.rows()] == ["blue"]
    assert await go_back(again, rollout) < WIRE_S
    team.server.child.start()
    await until_back(again)
    await check_merged(again, rollout)


async def until_mirrored(store: PostgresStore, rollout: str) -> None:
    async with asyncio.timeout(10):
        while rollout not in await mirrored(store):
            await asyncio.sleep(0.02)


async def mirrored(store: PostgresStore) -> list[str]:
    return list(await asyncio.to_thread(store.server._mirror.look, lambda conn: list(conn.execute(select(rollouts.c.id)).scalars())))


async def test_a_commit_whose_answer_was_lost_is_not_recorded_twice(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(store)
    row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    assert row.recorded == "journal"
    assert await store._spool.keep_intent(intent_for(rollout, BACK, step_id="back"))
    await store.journal.settle(row, outcome_for("back"))
    kinds = [record.entry.kind for record in await store.audit.all(AuditFilter(rollout=rollout.id))]
    assert kinds.count(RecordKind.INTENT) == 1
    assert store._file.empty


async def test_a_kept_record_that_the_team_refuses_stops_no_write_and_is_told(team: Team, tmp_path: Path):
    viv = team.open("viv", tmp_path / "viv")
    ann = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(ann)
    assert await viv._spool.keep_intent(intent_for(rollout, BACK, step_id="back"))
    await viv.audit.append(entry("asked", RecordKind.REFUSAL))
    told = [record.entry.result for record in await ann.audit.all(AuditFilter(actor="viv"))]
    assert told == ["a record that cannot be understood", ""]
    assert await ann.journal.steps(rollout.id) == []


async def test_another_database_behind_the_address_is_refused_in_words(team: Team, tmp_path: Path, team_template: str):
    store = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(store)
    assert kept(store.local, pin_of(store.address)).startswith("log ")
    await store.close()
    with team.server.admin() as conn:
        conn.execute(f"DROP DATABASE {team.database} WITH (FORCE)")
        other = copied(team.server, team_template)
        conn.execute(f"ALTER DATABASE {other} RENAME TO {team.database}")
    again = team.open("ann", tmp_path / "ann")
    assert "is not the team's" in again.trouble
    assert "team trust" in again.trouble
    with pytest.raises(CannotRecord, match="is not the team's"):
        await again.audit.append(entry("into the wrong one"))
    assert [each.id for each in await again.journal.rollouts(live=True)] == [rollout.id]  # as the mirror has it
    with team.psql() as raw:
        assert raw.execute("SELECT count(*) FROM rollouts").fetchone() == (0,)


@pytest.mark.parametrize(("version", "words"), [(99, "brought to format 99 by a newer version"), (1, r"format 1.*team setup")])
async def test_a_database_of_another_version_is_read_and_not_written(team: Team, tmp_path: Path, version: int, words: str):
    store = team.open("ann", tmp_path / "ann")
    rollout, token = await driving(store)
    with team.psql() as raw:
        raw.execute("UPDATE about SET value = %s WHERE key = 'schema'", (str(version),))
    with pytest.raises(CannotRecord, match=words):
        await store.journal.send(intent_for(rollout, UP, token), allow)
    assert (await store.journal.rollout(rollout.id)).id == rollout.id
    assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "emergency"
    again = team.open("ann", tmp_path / "again")
    with pytest.raises(CannotRecord, match=words):
        await again.audit.append(entry("x"))


async def test_a_wrong_password_is_said_in_words_and_never_shown(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann", password="not the right one")
    assert "does not accept this login" in store.trouble
    assert "not the right one" not in store.trouble
    with pytest.raises(CannotRecord):
        await store.audit.append(entry("x"))


async def test_another_console_that_hangs_in_its_turn_keeps_nobody_from_going_back(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    rollout, token = await driving(store)
    with team.psql("oli") as raw:
        raw.execute("SELECT pg_advisory_xact_lock(32199663576773477)")
        forward = asyncio.create_task(store.journal.send(intent_for(rollout, UP, token), allow))
        assert await go_back(store, rollout) < WIRE_S
        assert not forward.done()
        raw.rollback()
    assert (await forward).recorded == "journal"
    await store.audit.append(entry("all is well again"))
    await check_back(store)


async def check_back(store: PostgresStore) -> None:
    intents = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.INTENT})))
    assert len(intents) == 2
    assert (await store.audit.verify()).ok


async def test_every_console_hears_of_a_change_at_once(team: Team, tmp_path: Path):
    ann, oli = team.open("ann", tmp_path / "ann"), team.open("oli", tmp_path / "oli")
    await ann.changed()
    took = []
    for number in range(20):
        before = await ann.version()
        heard = asyncio.create_task(ann.changed())
        await asyncio.sleep(0.06)  # past the gap in which changes are told together
        await oli.audit.append(entry(f"change {number}", RecordKind.FREEZE))
        began = time.monotonic()
        await asyncio.wait_for(heard, 2)
        while await ann.version() == before:  # what it heard first was the change before
            await asyncio.wait_for(ann.changed(), 2)
        took.append(time.monotonic() - began)
        assert await ann.version() != before
    assert sorted(took)[10] < 0.1


async def test_ones_own_change_wakes_nobody_here(team: Team, tmp_path: Path):
    ann = team.open("ann", tmp_path / "ann")
    await ann.changed()
    heard = asyncio.create_task(ann.changed())
    before = await ann.version()
    await ann.audit.append(entry("mine"))
    assert await ann.version() != before
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard, 0.3)


async def test_a_target_lies_where_each_person_has_it(team: Team, tmp_path: Path):
    ann, oli = team.open("ann", tmp_path / "ann"), team.open("oli", tmp_path / "oli")
    await ann.targets.put(TargetRow("shop", "/ann/shop.yaml", armed=True), ANN, "add", NOON)
    assert (await oli.targets.rows())[0].path == "/ann/shop.yaml"
    await oli.targets.put(TargetRow("shop", "/oli/shop.yaml", armed=True), Actor("oli", ""), "add", NOON)
    assert (await ann.targets.rows())[0].path == "/ann/shop.yaml"
    assert (await oli.targets.rows())[0].path == "/oli/shop.yaml"


async def test_settings_stay_in_ones_own_folder(team: Team, tmp_path: Path):
    ann, oli = team.open("ann", tmp_path / "ann"), team.open("oli", tmp_path / "oli")
    await ann.settings.put("theme", "dark")
    assert await oli.settings.get("theme", "none") == "none"


async def test_on_the_servers_clock_a_lease_runs_out_whatever_a_console_thinks(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    rollout = await store.journal.open(make_plan(), ANN, "go", NOON)
    lease = await store.wheel.take(rollout.id, ANN, 15)
    with team.psql() as raw:
        (now,) = raw.execute("SELECT clock_timestamp()").fetchone()
    assert abs((lease.renewed_at - now).total_seconds()) < 5
    with pytest.raises(NotAllowed):
        await team.open("oli", tmp_path / "oli").wheel.take(rollout.id, Actor("oli", "desk:oli"), 15)


def test_a_person_without_a_login_of_the_team_is_refused_by_the_server(team: Team):
    with team.server.admin() as conn:
        conn.execute("DROP ROLE IF EXISTS eve")
        conn.execute("CREATE ROLE eve LOGIN PASSWORD 'x'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(team.url("eve"), password="x")
    assert PATIENCE.urgent_s < WIRE_S


async def test_a_keyring_that_was_locked_meanwhile_loses_no_database_that_was_reached_before(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(store)
    door = store.server.door
    door.password = locked
    store.server._drop()
    assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "journal"
    door._known = None
    store.server._drop()
    with pytest.raises(CannotRecord, match="keyring is locked"):
        await store.audit.append(entry("nobody knows the password now"))
    assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "emergency"
    door.password = lambda: PASSWORD
    await until_back(store)
    assert store._file.empty


def locked() -> str:
    raise SecretsUnavailable("The keyring is locked.", advice="Unlock it.")


@pytest.mark.parametrize("lacks", [OSError(24, "Too many open files"), psycopg.OperationalError("the connection is lost")])
async def test_what_this_computer_lacks_is_told_in_words_and_a_way_back_goes_on(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: Exception
):
    store = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(store)
    await until_mirrored(store, rollout.id)

    def none_left(_: int) -> int:
        raise lacks

    with monkeypatch.context() as patched:
        patched.setattr(socket, "dup", none_left)
        assert (await store.journal.rollout(rollout.id)).id == rollout.id
        with pytest.raises(CannotRecord, match="rollback still works"):
            await store.audit.append(entry("x"))
        with pytest.raises(StoreError, match="team's database"):
            await store.audit.page(AuditFilter(), None, 9)
        assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "emergency"
    await until_back(store)
    assert (await store.audit.verify()).ok


async def test_what_waits_for_one_team_is_neither_written_to_another_nor_shown_as_its_state(
    team: Team, tmp_path: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
):
    other_name = make_template(postgres_server)
    monkeypatch.setenv("TEAM_SECRET", PASSWORD)

    def opened_on(database: str) -> PostgresStore:
        local = open_store(tmp_path / "ann", SystemClock())
        url = postgres_server.url(database, "ann")
        store = open_team(local, url, SystemClock(), lambda ref: os.environ[ref.name], place="env:TEAM_SECRET")
        team.stores.append(store)
        return store

    first = opened_on(team.database)
    pinned = first.server.door.pinned
    await first.close()
    store = opened_on(team.database)
    assert store.server.door.pinned == pinned
    rollout, _ = await driving(store)
    await until_mirrored(store, rollout.id)
    assert await store._spool.keep_intent(intent_for(rollout, BACK, step_id="back"))
    waits = store._file._path
    await store.close()
    other = opened_on(other_name)
    assert await other.journal.rollouts(live=True) == []
    await other.audit.append(entry("of the other team"))
    assert [record.entry.kind for record in await other.audit.all(AuditFilter()) if "origin" in record.entry.detail] == []
    await other.close()
    assert EmergencyJournal(waits).empty is False
    back = opened_on(team.database)
    assert back.server.door.pinned == pinned
    await back.audit.append(entry("here again"))
    assert [record.entry.kind for record in await back.audit.all(AuditFilter(rollout=rollout.id)) if "origin" in record.entry.detail] == [
        RecordKind.INTENT
    ]
    await back.close()
    postgres_server.drop_database(other_name)


async def test_the_copy_of_the_live_state_does_not_grow_with_the_log(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    rollout, _ = await driving(store)
    with team.psql() as raw:
        raw.execute("INSERT INTO checkpoints (size, root, at, key, note) SELECT n, '', '', '', '' FROM generate_series(1000, 1100) n")
    await store.audit.append(entry("x"))
    await until_mirrored(store, rollout.id)
    copied_rows = await asyncio.to_thread(
        store.server._mirror.look, lambda conn: conn.execute(select(func.count()).select_from(checkpoints)).scalar()
    )
    assert copied_rows == 0


async def test_an_export_that_the_server_leaves_ends_with_an_error_and_not_as_if_that_were_all(team: Team, tmp_path: Path):
    store = team.open("ann", tmp_path / "ann")
    await driving(store)
    head = await store.audit.export_head(AuditFilter())
    team.server.stop()
    with pytest.raises(StoreError, match="team's database"):
        await asyncio.to_thread(list, store.audit.parts(AuditFilter(), head))
    team.server.child.start()
