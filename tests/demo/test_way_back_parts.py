"""The parts of the practice shop's way back, one at a time: the token cache, the commands for the database, and the office."""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from console.demo import deploy, ledger, scenario
from console.demo.office import Facts, NotStartedError, Office
from console.demo.tokens import LOCKED, MOST, NEW, OLD, Cache, CacheClient, respond
from console.demo.wire import Reply, Request, serve
from console.model.clock import from_iso


def ask(cache: Cache, method: str, path: str, body: object = None, **query: str) -> tuple[int, dict[str, object]]:
    reply = respond(cache, Request(method, path, query, {}, b"" if body is None else json.dumps(body).encode()), 4711)
    return reply.status, json.loads(reply.body) if reply.kind == "application/json" else {"said": reply.body.decode()}


def test_a_customer_keeps_the_token_of_the_first_try_in_whatever_format_it_is() -> None:
    cache = Cache()
    first = cache.settle("ann", NEW, "")
    assert cache.settle("ann", OLD, "tok-card") is first
    assert cache.settle("ben", OLD, "tok-card").reference == "tok-card"


def test_a_purge_drops_the_new_format_alone_and_leaves_its_handles_as_witnesses() -> None:
    cache = Cache()
    old, new = cache.settle("ann", OLD, "tok-card"), cache.settle("ben", NEW, "ref-card")
    assert cache.purge() == 2, "ben's, and the one that the cache began with"
    assert cache.find(old.handle) is old
    assert cache.find(new.handle) is None
    assert new.handle in cache.stale()
    assert cache.purge() == 0
    assert new.handle in cache.stale()
    assert cache.settle("ben", OLD, "tok-card").format == OLD


def test_there_is_a_stale_token_to_replay_before_any_customer_has_paid() -> None:
    cache = Cache()
    (handle,) = cache.stale()
    assert cache.find(handle) is not None
    cache.purge()
    assert cache.stale() == [handle]
    assert cache.find(handle) is None


def test_tokens_without_a_reference_are_told_as_what_the_old_version_cannot_use() -> None:
    cache = Cache()
    cache.settle("ann", NEW, "ref-card")
    assert ask(cache, "GET", "/fit")[1]["done"] is True
    cache.settle("ben", NEW, "")
    status, told = ask(cache, "GET", "/fit")
    assert (status, told["done"]) == (200, False)
    assert "1 token of format 2 carries no reference" in str(told["detail"])
    cache.purge()
    assert ask(cache, "GET", "/fit")[1]["done"] is True


def test_the_oldest_tokens_fall_out_of_a_full_cache() -> None:
    cache = Cache()
    first = cache.settle("customer", OLD, "x")
    for number in range(MOST):
        cache.settle(str(number), OLD, "x")
    assert cache.find(first.handle) is None
    assert cache.find(cache.settle(str(MOST - 1), OLD, "y").handle) is not None


def test_a_locked_cache_refuses_a_purge_and_names_what_mends_it() -> None:
    cache = Cache(locked=True)
    status, told = ask(cache, "POST", "/purge")
    assert (status, told["said"]) == (423, LOCKED.format(port=4711))
    assert "curl -X POST http://127.0.0.1:4711/repair" in str(told["said"])
    assert ask(cache, "POST", "/repair")[0] == 200
    assert ask(cache, "POST", "/purge") == (200, {"purged": 1})


@pytest.mark.parametrize(
    "body",
    [None, [], {"session": "a"}, {"session": "", "format": 1, "reference": "x"}, {"session": "a", "format": 3, "reference": "x"}, "a"],
)
def test_nonsense_is_not_kept(body: object) -> None:
    assert ask(Cache(), "PUT", "/token", body)[0] == 400


def test_the_cache_answers_what_it_does_not_know_with_an_error() -> None:
    assert ask(Cache(), "GET", "/token", handle="t2-0")[0] == 404
    assert ask(Cache(), "GET", "/purge")[0] == 404


@pytest.mark.anyio
async def test_a_cache_that_does_not_answer_costs_nobody_a_payment() -> None:
    async def broken(_request: Request) -> Reply:
        return Reply(500, b"out of order", "text/plain", {"connection": "close"})

    server, port = await serve(broken)
    async with server:
        assert await CacheClient(port).settle("ann", OLD, "tok-card") == "tok-card"
    assert await CacheClient(port).settle("ann", OLD, "tok-card") == "tok-card"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    ledger.create(tmp_path / "shop.sqlite")
    return tmp_path / "shop.sqlite"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "0052_payment_ref.sql"
    story = scenario.load("healthy")
    path.write_text(";\n".join(story.migration) + ";\n")
    path.with_suffix(".down.sql").write_text(";\n".join(story.undo) + ";\n")
    return path


def columns(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[1] for row in connection.execute("PRAGMA table_info(payment_methods)")}


COLUMN = "payment_methods.payment_ref"


def test_a_migration_is_taken_back_once_and_the_schema_itself_says_so(database: Path, script: Path) -> None:
    assert deploy.is_back(database, script, COLUMN) == 0
    assert deploy.migrate(database, script) == 0
    assert deploy.is_back(database, script, COLUMN) == 1
    assert deploy.take_back(database, script) == 0
    assert deploy.is_back(database, script, COLUMN) == 0
    assert "payment_ref" not in columns(database)
    assert deploy.take_back(database, script) == 0
    assert deploy.migrate(database, script) == 0
    assert "payment_ref" in columns(database)


def test_a_list_that_claims_what_the_schema_does_not_say_is_not_believed(database: Path, script: Path) -> None:
    deploy.migrate(database, script)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM migrations")
    assert deploy.is_back(database, script, COLUMN) == 1


def test_a_way_back_that_fails_changes_nothing(database: Path, script: Path) -> None:
    deploy.migrate(database, script)
    script.with_suffix(".down.sql").write_text("ALTER TABLE payment_methods DROP COLUMN payment_ref;\nDROP TABLE no_such_table;\n")
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        deploy.take_back(database, script)
    assert "payment_ref" in columns(database)
    assert deploy.is_back(database, script, COLUMN) == 1


def test_the_copy_is_from_before_the_migration_and_says_since_when(
    database: Path, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = deploy.snapshot_of(database, script)
    assert deploy.snapshot(database, script) == 0
    assert "has not been run" in capsys.readouterr().out
    deploy.migrate(database, script)
    assert "payment_ref" not in columns(copy)
    made = copy.stat().st_mtime_ns
    deploy.migrate(database, script)
    assert copy.stat().st_mtime_ns == made, "what has been run is not copied as if it had not"
    capsys.readouterr()
    assert deploy.snapshot(database, script) == 0
    since = capsys.readouterr().out.splitlines()[0].removeprefix("since: ")
    assert from_iso(since).timestamp() == pytest.approx(made / 1e9, abs=1.0)
    copy.unlink()
    assert deploy.snapshot(database, script) == 1


def test_a_check_that_cannot_tell_is_neither_yes_nor_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"no database at all" * 100)
    for words in (["is-back", "shop.sqlite", "0052.sql", COLUMN], ["snapshot", "shop.sqlite", "0052.sql"]):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["deploy.py", *words])
        assert deploy.main() == 2


def test_contracting_is_the_end_of_the_old_way_to_pay(database: Path, script: Path) -> None:
    deploy.migrate(database, script)
    assert deploy.contract(database) == 0
    assert deploy.contract(database) == 0
    assert columns(database) == {"id", "name", "payment_ref"}
    with closing(ledger.Ledger(database, "blue")) as blue, pytest.raises(sqlite3.OperationalError, match="provider_token"):
        blue.token(1)


class Refusing:
    """A deployer whose versions do not start."""

    paused = False

    async def put(self, side: str, version: str) -> None:
        raise NotStartedError(f"version {version} did not start on {side}")

    async def pause(self, *, paused: bool) -> None:
        self.paused = paused


def office(database: Path, port: int = 1) -> Office:
    return Office(Refusing(), Facts("green", "5.1", database, port), {"blue": port, "green": port})


async def told(office: Office, path: str, method: str = "GET") -> tuple[int, dict[str, object]]:
    reply = await office.answer(Request(method, path, {}, {}, b""))
    return reply.status, json.loads(reply.body)


@pytest.mark.anyio
async def test_the_office_never_says_yes_to_what_it_could_not_read(tmp_path: Path) -> None:
    silent = office(tmp_path / "nowhere.sqlite")
    assert (await told(silent, "/code"))[1] == {"done": False, "detail": "nothing on blue, nothing on green"}
    assert (await told(silent, "/ready/old-version"))[1] == {"done": False, "detail": "5.1 runs nowhere"}
    assert (await told(silent, "/tokens"))[0] == 502
    assert (await told(silent, "/ready/schema"))[0] == 502


@pytest.mark.anyio
async def test_the_office_says_when_a_version_does_not_start(database: Path) -> None:
    assert await told(office(database), "/code", "POST") == (500, {"error": "version 5.1 did not start on green"})


@pytest.mark.anyio
async def test_the_office_pauses_and_resumes_and_tells_both(database: Path) -> None:
    at = office(database)
    assert (await told(at, "/reconciler/pause"))[1]["done"] is False
    assert (await told(at, "/reconciler/resume"))[1]["done"] is True
    assert (await told(at, "/reconciler/pause", "POST"))[0] == 200
    assert (await told(at, "/reconciler/pause"))[1]["done"] is True
    assert (await told(at, "/reconciler/resume"))[1]["done"] is False
    assert (await told(at, "/elsewhere"))[0] == 404
    assert (await told(at, "/tokens", "POST"))[0] == 405
    assert (await told(at, "/code", "DELETE"))[0] == 405
