"""What the schema of a database promises, against a real PostgreSQL: Alembic's table by Alembic, Flyway's and Django's made by hand."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from faults.proxy import Fault, fault_proxy
from servers.postgres_process import PostgresServer
from servers.shop_database import (
    DJANGO,
    FLYWAY,
    MIGRATOR,
    MIGRATOR_PASSWORD,
    WATCHER_PASSWORD,
    ShopDatabase,
    alembic_folder,
    shop_database,
)

from console.model.clock import SystemClock
from console.model.database import Applied, ColumnWanted, Migration, MigrationPhase, MigrationTool, Migrator, PostgresDatabase
from console.model.errors import ConsoleError, Malformed, NotAllowed, Refused, Unreachable, WrongSystem
from console.model.postgres import address_of
from console.policy.schema import column_problem, in_the_way
from console.providers.clients.postgres import worded
from console.providers.schema.columns import column
from console.providers.schema.migration import MigrationStep, Surroundings
from console.providers.schema.postgres import PostgresSchema

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="drives POSIX signals")]

ADDRESS = address_of("postgresql://watcher@h/shop", "the database")
EXPAND = Migration("payment ref", "0042", tables=("orders",), columns=(ColumnWanted("orders", "payment_ref", "text", max_null=0.01),))
CONTRACT = Migration("drop note", "0043", MigrationPhase.CONTRACT, tables=("orders",))


@pytest.fixture
def shop(postgres_server: PostgresServer) -> Iterator[ShopDatabase]:
    with shop_database(postgres_server) as made:
        yield made


def secret(text: str) -> Callable[[], Awaitable[str]]:
    async def fetch() -> str:
        return text

    return fetch


def database(shop: ShopDatabase, tool: MigrationTool = MigrationTool.ALEMBIC, **more: object) -> PostgresDatabase:
    base = "0041" if tool is MigrationTool.ALEMBIC else ""
    spec = PostgresDatabase(shop.address, tool, (EXPAND, CONTRACT), base=base, migrator=Migrator(MIGRATOR), timeout_s=4.0)
    return replace(spec, **more)  # type: ignore[arg-type]


def schema(shop: ShopDatabase, password: str = WATCHER_PASSWORD, **more: object) -> PostgresSchema:
    return PostgresSchema(database(shop, **more), SystemClock(), secret(password))  # type: ignore[arg-type]


def at(shop: ShopDatabase, revision: str) -> None:
    """Let Alembic's table say a revision, as Alembic makes it."""
    shop.admin.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)")
    shop.admin.execute("DELETE FROM alembic_version")
    shop.admin.execute("INSERT INTO alembic_version VALUES (%s)", (revision,))


class Alembic:
    """A real Alembic beside the target file."""

    def __init__(self, folder: Path, shop: ShopDatabase, up: str = "ALTER TABLE orders ADD payment_ref text DEFAULT 'x'") -> None:
        self.folder, self.shop, self.argv = folder, shop, alembic_folder(folder, up)

    def __call__(self, *words: str) -> None:
        url = f"postgresql+psycopg://{MIGRATOR}:{MIGRATOR_PASSWORD}@127.0.0.1:{self.shop.server.port}/{self.shop.name}"
        given = {"SHOP_URL": url, "PATH": os.environ["PATH"]}
        subprocess.run([*self.argv, *words], cwd=self.folder, check=True, env=given, capture_output=True)

    def step(self, *, back: bool = False, timeout_s: float = 30.0, trusted: bool = True, **more: object) -> MigrationStep:
        run, undo = (*self.argv, "upgrade", "0042"), (*self.argv, "downgrade", "0041")
        spec = database(self.shop, migrations=(replace(EXPAND, run=run, undo=undo), CONTRACT), **more)
        reader = PostgresSchema(spec, SystemClock(), secret(WATCHER_PASSWORD))
        around = Surroundings(self.folder, SystemClock(), lambda: trusted, secret(MIGRATOR_PASSWORD))
        return MigrationStep(reader, EXPAND.name, around, timeout_s, back=back)


async def test_what_alembic_has_applied_is_read_in_its_own_table(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0041")
    before = await schema(shop).state()
    assert [seen.applied for seen in before.migrations] == [Applied.NO, Applied.NO]
    assert (before.current, before.problems, before.read_only) == ("0041", (), False)
    assert before.columns[0].exists is False
    alembic("upgrade", "0042")
    after = await schema(shop).state()
    assert [seen.applied for seen in after.migrations] == [Applied.YES, Applied.NO]
    assert after.columns[0].null_share == 0.0
    assert (after.columns[0].type, after.columns[0].default, after.columns[0].nullable) == ("text", "'x'::text", True)
    assert after.identity == await schema(shop).identity()


async def test_a_revision_that_the_file_does_not_know_is_no_yes_and_no_no(shop: ShopDatabase):
    at(shop, "0050_somebody_elses")
    state = await schema(shop).state()
    assert {seen.applied for seen in state.migrations} == {Applied.UNKNOWN}
    assert "0050_somebody_elses" in state.migrations[0].detail


async def test_flyways_table_tells_success_failure_undo_baseline_and_another_file(shop: ShopDatabase):
    names = {"1.0": "old", "7": "baselined", "9": "fails", "10": "undone", "11": "changed", "012": "good", "13": "pending"}
    declared = tuple(Migration(name, version, checksum=5 if name == "changed" else None) for version, name in names.items())
    shop.admin.execute(FLYWAY)
    shop.flyway(
        ("7", "<< Flyway Baseline >>", "BASELINE", None, True),
        ("9", "fails", "SQL", 1, False),
        ("10", "undone", "SQL", 1, True),
        ("10", "undone", "UNDO_SQL", 1, True),
        ("11", "changed", "SQL", 6, True),
        (None, "views", "SQL", 77, True),
        ("12", "good", "SQL", 1, True),
    )
    state = await schema(shop, tool=MigrationTool.FLYWAY, migrations=declared).state()
    found = {seen.name: seen.applied for seen in state.migrations}
    assert found == {
        "old": Applied.YES,
        "baselined": Applied.YES,
        "fails": Applied.FAILED,
        "undone": Applied.NO,
        "changed": Applied.YES,
        "good": Applied.YES,
        "pending": Applied.NO,
    }
    assert state.current == "12 good"
    seen = {each.name: each for each in state.migrations}
    assert "repair" in seen["fails"].detail
    assert "checksum 6" in seen["changed"].detail
    assert seen["good"].at == datetime(2026, 11, 24, 10, tzinfo=UTC)


async def test_djangos_table_names_each_migration(shop: ShopDatabase):
    shop.admin.execute(DJANGO)
    shop.admin.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0042_payment_ref', '2026-11-24 10:00:00+01')")
    declared = (replace(EXPAND, revision="shop.0042_payment_ref"), replace(CONTRACT, revision="shop.0043_drop_note"))
    state = await schema(shop, tool=MigrationTool.DJANGO, migrations=declared).state()
    assert [seen.applied for seen in state.migrations] == [Applied.YES, Applied.NO]
    assert state.migrations[0].at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert state.current == "shop.0042_payment_ref"


async def test_a_missing_table_or_one_of_another_tool_is_never_nothing_applied(shop: ShopDatabase):
    state = await schema(shop).state()
    assert state.migrations == ()
    assert "no table alembic_version" in state.problems[0]
    shop.admin.execute("CREATE TABLE alembic_version (version text)")
    assert "other columns" in (await schema(shop).state()).problems[0]
    with pytest.raises(Malformed):
        await schema(shop).migration(EXPAND.name)


async def test_a_small_table_is_counted_and_a_large_one_estimated_and_each_says_which(shop: ShopDatabase, monkeypatch):
    wanted = ColumnWanted("orders", "note", "text", max_null=0.03)
    counted = column(shop.admin, wanted)
    assert (counted.null_share, counted.how) == (0.1, "counted in 200 rows")
    assert column_problem(wanted, counted) == "orders.note is 10 % null (counted in 200 rows), and at most 3 % may be"
    monkeypatch.setattr("console.providers.schema.columns.SMALL_BYTES", -1)
    unknown = column(shop.admin, wanted)
    assert unknown.null_share is None
    assert "ANALYZE public.orders" in unknown.problem
    shop.admin.execute("ANALYZE orders")
    estimated = column(shop.admin, wanted)
    assert estimated.null_share == pytest.approx(0.1)
    assert estimated.how.startswith("estimated from statistics made ")
    shop.admin.execute("UPDATE orders SET note = NULL WHERE id <= 100")
    await changed_rows_are_counted(shop)
    assert "% of its rows changed since" in column(shop.admin, wanted).how


async def changed_rows_are_counted(shop: ShopDatabase) -> None:
    """Wait until the server's own counters know of an update; a session tells them when it is idle."""
    for _ in range(200):
        shop.admin.execute("SELECT pg_stat_force_next_flush()")
        row = shop.admin.execute("SELECT n_mod_since_analyze FROM pg_stat_all_tables WHERE relname = 'orders'").fetchone()
        if row is not None and row[0]:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the server's counters do not know of the update")


async def test_a_locked_table_keeps_nobody_waiting(shop: ShopDatabase):
    shop.admin.execute("ALTER TABLE orders ADD payment_ref text; ANALYZE orders")
    at(shop, "0042")
    with shop.idle("LOCK TABLE orders"):
        begun = time.monotonic()
        state = await schema(shop).state()
        assert time.monotonic() - begun < 3.0
    assert state.columns[0].null_share == 1.0
    assert "keeps the table locked" in state.columns[0].how
    assert state.migrations[0].applied is Applied.YES


async def test_who_holds_a_lock_on_a_table_is_named_with_how_long(shop: ShopDatabase):
    at(shop, "0041")
    with shop.idle() as pid:
        state = await schema(shop).state()
    (holder,) = state.locks
    assert (holder.table, holder.state, holder.pid, holder.who) == ("orders", "idle in transaction", pid, "postgres (cart-worker)")
    assert 0 <= (holder.for_s or 0.0) < 5
    long = replace(holder, for_s=240.0)
    expected = "an idle transaction of postgres (cart-worker) has held a lock on orders for 4 min: a change of it would wait, and time out"
    assert in_the_way(long, 0.3) == f"{expected} after 300 ms"
    assert in_the_way(holder, 0.3) == "", "a moment is ordinary work"
    assert (await schema(shop).state()).locks == ()


async def test_without_the_right_to_see_sessions_nobody_is_taken_for_idle(shop: ShopDatabase):
    at(shop, "0041")
    shop.admin.execute("REVOKE pg_read_all_stats FROM watcher")
    try:
        with shop.idle():
            (holder,) = (await schema(shop).state()).locks
    finally:
        shop.admin.execute("GRANT pg_read_all_stats TO watcher")
    assert holder.for_s is None


async def test_rights_that_are_missing_are_named_with_what_gives_them(shop: ShopDatabase):
    at(shop, "0042")
    shop.admin.execute("ALTER TABLE orders ADD payment_ref text")
    shop.admin.execute("REVOKE SELECT ON alembic_version, orders FROM watcher")
    state = await schema(shop).state()
    assert state.migrations == ()
    assert "The login watcher may not read public.alembic_version." in state.problems[0]
    assert "GRANT SELECT ON public.alembic_version TO watcher" in state.problems[0]
    assert state.columns[0].exists
    assert state.columns[0].null_share is None
    assert "GRANT SELECT (payment_ref) ON public.orders TO watcher" in state.columns[0].problem
    with pytest.raises(Refused):
        await schema(shop).migration(EXPAND.name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wrong"}, "does not accept this login"),
        ({"address": "postgresql://watcher@127.0.0.1:{port}/no_such_shop"}, "does not exist"),
        ({"address": "postgresql://watcher@127.0.0.1:1/shop"}, "cannot be reached"),
        ({"address": "postgresql://watcher@127.0.0.1:{port}/shop?sslmode=require"}, "does not encrypt"),
    ],
    ids=["password", "database", "refused", "encryption"],
)
async def test_what_keeps_it_from_connecting_is_said_in_words(shop: ShopDatabase, change: dict[str, str], words: str):
    more = {key: value.format(port=shop.server.port) for key, value in change.items() if key == "address"}
    with pytest.raises((Refused, Unreachable)) as caught:
        await schema(shop, change.get("password", WATCHER_PASSWORD), **more).state()
    assert words in caught.value.message
    assert caught.value.advice
    assert WATCHER_PASSWORD not in str(caught.value)
    assert "wrong" not in str(caught.value)


async def test_a_server_that_hangs_is_given_up_at_the_deadline_and_read_again_after_it(shop: ShopDatabase):
    at(shop, "0042")
    reader = schema(shop, timeout_s=1.0)
    await reader.state()
    shop.server.freeze()
    try:
        begun = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await reader.state()
        assert time.monotonic() - begun < 3.0
    finally:
        shop.server.thaw()
    assert caught.value.message == f"The database {reader.address.place} did not answer in 1 s."
    assert not caught.value.sent
    assert (await schema(shop).state()).migrations[0].applied is Applied.YES


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.GARBAGE, Fault.HANG_BEFORE])
async def test_a_line_that_breaks_or_talks_nonsense_is_an_error_in_words(shop: ShopDatabase, fault: Fault):
    at(shop, "0042")
    async with fault_proxy(f"http://127.0.0.1:{shop.server.port}") as proxy:
        proxy.set(fault)
        address = f"postgresql://watcher@127.0.0.1:{proxy.port}/{shop.name}?sslmode=disable"
        with pytest.raises(ConsoleError) as caught:
            await schema(shop, address=address, timeout_s=1.5).state()
    assert isinstance(caught.value, Unreachable | Refused)
    assert WATCHER_PASSWORD not in str(caught.value)


async def test_another_database_than_the_pinned_one_is_not_read(shop: ShopDatabase, postgres_server: PostgresServer):
    at(shop, "0042")
    mine = (await schema(shop).identity()).fingerprint
    assert (await schema(shop, identity=mine).state()).current == "0042"
    with shop_database(postgres_server) as other:
        at(other, "0043")
        with pytest.raises(WrongSystem) as caught:
            await schema(other, identity=mine).state()
    assert mine in caught.value.message


async def test_a_database_that_is_replaced_while_the_program_runs_is_noticed(shop: ShopDatabase):
    at(shop, "0042")
    reader = schema(shop)
    await reader.state()
    shop.admin.close()
    shop.server.drop_database(shop.name)
    with shop.server.admin() as raw:
        raw.execute(f"CREATE DATABASE {shop.name}")
    with pytest.raises(WrongSystem):
        await reader.state()


async def test_a_reader_can_change_nothing(shop: ShopDatabase):
    reader = PostgresSchema(database(shop, address=shop.address.replace("watcher", "postgres")), SystemClock())
    with pytest.raises(Refused) as caught:
        await reader._client.ask(lambda raw: raw.execute("DELETE FROM orders"))
    assert "read-only" in caught.value.message


async def test_a_migration_runs_once_and_is_done_when_its_table_and_its_column_say_so(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0041")
    step = alembic.step()
    before = await step.look()
    assert (before.done, before.detail) == (False, "0042 is not applied")
    await step.run("r1.0.1")
    after = await step.look()
    assert (after.done, after.detail) == (True, "0042 is applied")
    shop.admin.execute("ALTER TABLE orders RENAME TO moved")  # a second run would fail now
    await step.run("r1.0.2")
    shop.admin.execute("ALTER TABLE moved RENAME TO orders")
    back = alembic.step(back=True)
    assert not (await back.look()).done
    await back.run("r1.5.1")
    assert (await back.look()).done
    await back.run("r1.5.2")


async def test_a_column_that_was_added_and_not_filled_is_not_done(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop, "ALTER TABLE orders ADD payment_ref text")
    alembic("upgrade", "0041")
    step = alembic.step()
    await step.run("r1.0.1")
    seen = await step.look()
    assert not seen.done
    assert seen.detail == "0042 is applied; orders.payment_ref is 100 % null (counted in 200 rows), and at most 1 % may be"


async def test_a_change_behind_an_idle_transaction_gives_up_after_its_lock_timeout(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0041")
    step = alembic.step()
    with shop.idle(), pytest.raises(Refused) as caught:
        await step.run("r1.0.1")
    assert "lock timeout" in caught.value.message
    assert "0042 is not applied" in caught.value.means
    assert not (await step.look()).done
    await step.run("r1.0.2")
    assert (await step.look()).done


async def test_nothing_is_run_into_a_lock_that_was_held_for_long(shop: ShopDatabase, tmp_path: Path, monkeypatch):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0041")
    monkeypatch.setattr("console.policy.schema.LONG_S", 0.0)
    with shop.idle():
        with pytest.raises(NotAllowed) as caught:
            await alembic.step().run("r1.0.1")
        assert "an idle transaction of postgres (cart-worker) has held a lock on orders" in caught.value.message
    with shop.idle("SELECT 1"):
        await alembic.step().run("r1.0.2")


async def test_a_command_that_ended_badly_after_its_effect_is_done_by_the_read(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0041")
    wrapped = ("/bin/sh", "-c", '"$@"; exit 3', "sh", *alembic.argv)
    alembic.argv = wrapped
    step = alembic.step()
    await step.run("r1.0.1")
    assert (await step.look()).done


async def test_a_command_gets_the_time_outs_and_the_migrators_login_and_shows_no_secret(shop: ShopDatabase, tmp_path: Path):
    at(shop, "0041")
    alembic = Alembic(tmp_path, shop)
    alembic.argv = ("/bin/sh", "-c", 'echo "$PGOPTIONS|$PGUSER|$PGDATABASE|$RELEASE_STEP_KEY|$PGPASSWORD|$HIDDEN"; exit 1')
    with pytest.raises(Refused) as caught:
        await alembic.step(statement_timeout_s=600.0).run("r1.0.1")
    told = f"-c lock_timeout=300 -c statement_timeout=600000|migrator|{shop.name}|r1.0.1|***|"
    assert told in caught.value.message
    assert MIGRATOR_PASSWORD not in str(caught.value)


async def test_flyway_gets_them_by_its_own_names(shop: ShopDatabase, tmp_path: Path):
    shop.admin.execute(FLYWAY)
    alembic = Alembic(tmp_path, shop)
    alembic.argv = ("/bin/sh", "-c", 'echo "$FLYWAY_INIT_SQL|$FLYWAY_USER|$FLYWAY_URL"; exit 1')
    with pytest.raises(Refused) as caught:
        await alembic.step(tool=MigrationTool.FLYWAY, base="").run("r1.0.1")
    assert f"SET lock_timeout = 300|migrator|jdbc:postgresql://127.0.0.1:{shop.server.port}/{shop.name}" in caught.value.message


async def test_nothing_runs_without_trust_or_on_another_database(shop: ShopDatabase, tmp_path: Path):
    at(shop, "0041")
    alembic = Alembic(tmp_path, shop)
    for step in (alembic.step(trusted=False), alembic.step(identity="1/2"), alembic.step(identity="1/2", back=True)):
        with pytest.raises(NotAllowed):
            await step.run("r1.0.1")
    assert shop.admin.execute("SELECT version_num FROM alembic_version").fetchone() == ("0041",)


async def test_going_back_is_tried_although_the_table_cannot_be_read_and_forward_is_not(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop)
    alembic("upgrade", "0042")
    shop.admin.execute("REVOKE SELECT ON alembic_version FROM watcher")
    with pytest.raises(NotAllowed):
        await alembic.step().run("r1.0.1")
    await alembic.step(back=True).run("r1.5.1")
    assert shop.admin.execute("SELECT version_num FROM alembic_version").fetchone() == ("0041",)


async def test_a_command_that_hangs_ends_at_its_deadline_and_its_transaction_with_it(shop: ShopDatabase, tmp_path: Path):
    alembic = Alembic(tmp_path, shop, "SELECT pg_sleep(60)")
    alembic("upgrade", "0041")
    with pytest.raises(Unreachable) as caught:
        await alembic.step(timeout_s=3.0).run("r1.0.1")
    assert caught.value.sent
    assert not (await alembic.step().look()).done


def test_a_session_of_the_reader_is_read_only_and_bounded(shop: ShopDatabase):
    asked = asyncio.run(
        schema(shop)._client.ask(
            lambda raw: [
                raw.execute(f"SHOW {name}").fetchone() for name in ("default_transaction_read_only", "statement_timeout", "lock_timeout")
            ]
        )
    )
    assert asked == [("on",), ("2s",), ("300ms",)]


@pytest.mark.parametrize(
    ("said", "words", "kind"),
    [
        ("FATAL:  unsupported startup parameter: options", "takes no options", Refused),
        ("FATAL:  sorry, too many clients already", "has no connection left", Refused),
        ("FATAL:  the database system is shutting down", "is stopping or starting", Refused),
        ('server certificate for "a" does not match host name "b"', "a certificate for another name", Refused),
        ("SSL error: certificate verify failed", "cannot be checked", Refused),
        ("connection refused \x1b[31m<b>", "cannot be reached", Unreachable),
    ],
)
def test_what_a_server_says_before_there_is_a_session_is_said_with_what_to_do(said: str, words: str, kind: type[ConsoleError]):
    error = worded(psycopg.OperationalError(f'connection failed: connection to server at "h", port 5432 failed: {said}'), ADDRESS)
    assert type(error) is kind
    assert words in error.message
    assert error.advice
    assert "\x1b" not in error.message
