"""The `team` commands, from an empty database to a history that moved into it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.postgres_process import PASSWORD, PostgresServer
from store.store_kit import make_plan

from console.cli.main import run
from console.model.clock import SystemClock
from console.model.rollout import Actor
from console.store.postgres.store import open_team
from console.store.sqlite import open_store


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.new_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture(autouse=True)
def _no_login_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_SECRET", PASSWORD)
    monkeypatch.delenv("RELEASE_CONSOLE_STORE", raising=False)


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run a command, check its exit code, and return all it said."""
    found = run(words)
    said = capsys.readouterr()
    assert found == code, said
    assert PASSWORD not in said.out + said.err
    return said.out + said.err


@pytest.mark.postgres
def test_a_team_is_set_up_joined_filled_saved_and_left(
    postgres_server: PostgresServer, database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    admin, ann = postgres_server.url(database), postgres_server.url(database, "cli_ann")
    assert "CREATE TABLE IF NOT EXISTS audit" in told(capsys, "team", "setup", admin, "--print")
    assert "tables and indexes" in told(capsys, "team", "setup", admin)
    assert "rights of each role" in told(capsys, "team", "setup", admin)
    roles = ("--role", "operator", "--role", "admin", "--environment", "production")
    added = told(capsys, "team", "add-person", "cli_ann", *roles, "--secret", "env:TEAM_SECRET", "--url", admin)
    assert "role operator, admin in production" in added
    told(capsys, "freeze", "stop-the-line", "--reason", "before the team")
    told(capsys, "team", "use", ann, "--password", "env:TEAM_SECRET")
    shown = json.loads(told(capsys, "team", "show", "--json"))
    assert (shown["login"], shown["trouble"], shown["password"]) == ("cli_ann", "", "env:TEAM_SECRET")
    assert "log " in shown["pinned"]
    people = json.loads(told(capsys, "team", "roles", "--json"))["people"]
    assert [person["login"] for person in people] == ["cli_ann", "postgres"]
    assert "In the team's records now: 1 records" in told(capsys, "team", "move", "--reason", "one history")
    assert "moved: stop the line" in told(capsys, "audit", "list")
    told(capsys, "audit", "verify")
    assert "samples deleted" in told(capsys, "team", "retention", "--days", "30")
    assert "all of them hold" in told(capsys, "team", "backup", str(tmp_path / "copy"))
    told(capsys, "team", "remove-person", "cli_ann", "--url", admin)
    told(capsys, "freeze", "stop-the-line", "--reason", "not any more", code=4)
    told(capsys, "team", "leave")
    assert "before the team" in told(capsys, "audit", "list")
    assert "restored" in told(capsys, "team", "restore", str(tmp_path / "copy"), "--replace")
    assert "moved: stop the line" in told(capsys, "audit", "list")


def test_what_cannot_be_used_is_said_in_words(capsys: pytest.CaptureFixture[str]):
    assert "holds a password" in told(capsys, "team", "use", "postgresql://ann:secret@db/team", code=2)
    assert "names no login" in told(capsys, "team", "use", "postgresql://db/team", code=2)
    assert "no place for the password" in told(capsys, "team", "use", "postgresql://ann@db/team", "--password", "hunter2", code=2)
    assert "your own folder" in told(capsys, "team", "roles", code=3)
    unreachable = told(capsys, "team", "use", "postgresql://ann@127.0.0.1:1/team", code=4)
    assert "rollback still works" in unreachable
    told(capsys, "team", "leave")
    assert "no role captain" in told(capsys, "team", "add-person", "x", "--role", "captain", code=2)


async def hit_somebody(folder: Path, url: str) -> str:
    """Open a rollout in a team's records and note whom it hit; returns the rollout."""
    store = open_team(open_store(folder, SystemClock()), url, SystemClock(), lambda _: PASSWORD, place="env:TEAM_SECRET")
    me, now = Actor(store.person, ""), SystemClock().now()
    rollout = await store.journal.open(make_plan(), me, "go", now)
    await store.personal.note(rollout.id, ["anna@example.com"], 7, me, now)
    await store.close()
    return rollout.id


@pytest.mark.postgres
def test_an_administrators_password_is_used_the_pin_stays_and_an_auditor_sees_customers(
    postgres_server: PostgresServer, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    dba, joe, eve = f"dba_{database}", f"joe_{database}", f"eve_{database}"
    monkeypatch.setenv("DBA_SECRET", "of the dba")
    with postgres_server.admin() as conn:
        conn.execute(f"CREATE ROLE {dba} LOGIN CREATEROLE PASSWORD 'of the dba'")
        conn.execute(f"ALTER DATABASE {database} OWNER TO {dba}")
    admin, here = postgres_server.url(database, dba), postgres_server.url(database, joe)
    as_dba = ("--url", admin, "--password", "env:DBA_SECRET")
    told(capsys, "team", "setup", admin, "--password", "env:DBA_SECRET")
    told(capsys, "team", "add-person", joe, "--role", "operator", "--secret", "env:TEAM_SECRET", *as_dba)
    said = told(capsys, "team", "use", here, "--password", "env:TEAM_SECRET")
    assert "does not leave this computer" in said
    pinned = json.loads(told(capsys, "team", "show", "--json"))["pinned"]
    told(capsys, "team", "add-person", eve, "--role", "auditor", "--secret", "env:TEAM_SECRET", *as_dba)
    assert json.loads(told(capsys, "team", "show", "--json"))["pinned"] == pinned != ""
    told(capsys, "team", "use", here, "--password", "env:TEAM_SECRET")
    monkeypatch.setenv("RELEASE_CONSOLE_STORE", postgres_server.url(database, eve))
    monkeypatch.setenv("RELEASE_CONSOLE_STORE_PASSWORD", "env:TEAM_SECRET")
    assert "in the environment says where" in told(capsys, "team", "use", here, code=3)
    assert "in the environment says where" in told(capsys, "team", "leave", code=3)
    assert json.loads(told(capsys, "team", "show", "--json"))["login"] == eve
    rollout = asyncio.run(hit_somebody(tmp_path / "joe", here))
    assert told(capsys, "audit", "customers", rollout) == "anna@example.com\n"
    monkeypatch.delenv("RELEASE_CONSOLE_STORE")
    assert f"as {database} on" in told(capsys, "team", "trust")
    told(capsys, "team", "leave")


@pytest.mark.postgres
def test_a_teams_backup_goes_into_an_empty_database_whose_administrator_is_then_an_admin_of_it(
    postgres_server: PostgresServer, database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    admin, kim, max_ = postgres_server.url(database), f"kim_{database}", f"max_{database}"
    told(capsys, "team", "setup", admin)
    for login in (kim, max_):
        told(capsys, "team", "add-person", login, "--role", "admin", "--secret", "env:TEAM_SECRET", "--url", admin)
    told(capsys, "team", "remove-person", max_, "--url", admin)
    told(capsys, "team", "use", postgres_server.url(database, kim), "--password", "env:TEAM_SECRET")
    told(capsys, "team", "backup", str(tmp_path / "copy"))
    other, dba = postgres_server.new_database(), f"dba_of_{database}"
    with postgres_server.admin() as conn:
        conn.execute(f"CREATE ROLE {dba} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    there = ("--url", postgres_server.url(other, dba), "--password", "env:TEAM_SECRET")
    said = told(capsys, "team", "restore", str(tmp_path / "copy"), *there)
    assert f"{kim} needs a login again" in said
    assert max_ not in said
    assert "role auditor" in told(capsys, "team", "add-person", kim, "--role", "auditor", *there)
    assert "records already" in told(capsys, "team", "restore", str(tmp_path / "copy"), *there, code=2)
    told(capsys, "team", "leave")
    postgres_server.drop_database(other)


@pytest.mark.postgres
def test_a_database_of_something_else_is_not_closed_to_it(
    postgres_server: PostgresServer, database: str, capsys: pytest.CaptureFixture[str]
):
    with postgres_server.admin(database) as conn:
        conn.execute("CREATE TABLE carts (id int)")
    assert "holds tables of something else, such as public.carts" in told(capsys, "team", "setup", postgres_server.url(database), code=2)
    with postgres_server.admin(database) as conn:
        assert conn.execute("SELECT datacl FROM pg_database WHERE datname = current_database()").fetchone() == (None,)
        assert conn.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'release_console'").fetchone() == (0,)
