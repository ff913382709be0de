"""Who may do what in a team's database, tried with real logins: through the console, and past it with a shell."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from servers.postgres_process import PASSWORD, PostgresServer
from store_kit import ANN, BACK, NOON, UP, allow, back_plan, entry, intent_for, make_plan
from team_kit import Team

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import CannotRecord, NotAllowed, StaleWrite, StoreError
from console.model.freeze import FreezeWindow, StopTheLine, Weekly
from console.model.rollout import Actor, GateSample
from console.model.stores import TargetChange, TargetRow, TrainChange
from console.model.train import Member, Train, TrainPlan
from console.store.postgres.address import address_of
from console.store.postgres.grants import ROLES, RULES
from console.store.postgres.setup import Person, add_person, remove_person, set_up
from console.store.postgres.store import PostgresStore
from console.store.schema import metadata

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

LOGINS = {"viewer": "viv", "operator": "oli", "approver": "apu", "admin": "ada", "auditor": "aud"}
DRIVES = {"operator", "admin"}
STOPS = {"operator", "approver", "admin"}
ENDS = {"approver", "admin"}
ALL = set(ROLES)
Act = Callable[[PostgresStore, Actor], Awaitable[Any]]


def window(name: str) -> FreezeWindow:
    return FreezeWindow(name, name, "ann", "sale", "UTC", Weekly(frozenset({4}), time(22), time(23)), ("shop",))


async def go_back(store: PostgresStore, actor: Actor) -> None:
    row = await store.journal.send(intent_for(await store.journal.rollout("R-1"), BACK, actor=actor), None)
    if row.recorded != "journal":
        raise NotAllowed(f"It was recorded in this computer's own journal: {row.recorded}")


async def go_forward(store: PostgresStore, actor: Actor) -> None:
    lease = await store.wheel.take("R-1", actor, 15)
    await store.journal.send(intent_for(await store.journal.rollout("R-1"), UP, lease.token, actor=actor), allow)


async def open_train(store: PostgresStore, actor: Actor, *targets: str) -> Train:
    plan = TrainPlan("autumn", tuple(Member(name, "2.0") for name in targets))
    return await store.trains.open(plan, {name: make_plan(name) for name in targets}, actor, "go", NOON)


SAMPLE = GateSample("R-1", "sessions", NOON, 5, 1, 0, 1, 0)
ACTIONS: dict[str, tuple[set[str], Act]] = {
    "read rollouts": (ALL, lambda s, a: s.journal.rollouts(live=True)),
    "read and verify the audit": (ALL, lambda s, a: s.audit.verify()),
    "record a refusal": (ALL, lambda s, a: s.audit.append(entry("asked", RecordKind.REFUSAL, actor=a))),
    "say that it is here": (ALL, lambda s, a: s.settings.put("x", "y")),
    "open a rollout": (DRIVES, lambda s, a: s.journal.open(make_plan(f"for {a.name}"), a, "go", NOON)),
    "open a train": (DRIVES, lambda s, a: open_train(s, a, f"for {a.name}")),
    "drive forward": (DRIVES, go_forward),
    "go back": (DRIVES, go_back),
    "plan a way back": (DRIVES, lambda s, a: s.journal.open(back_plan(), a, "go", NOON)),
    "keep samples": (DRIVES, lambda s, a: s.samples.add([SAMPLE])),
    "add a target": (DRIVES, lambda s, a: s.targets.put(TargetRow("blog", "blog.yaml"), a, "add", NOON)),
    "forget a target": (DRIVES, lambda s, a: s.targets.drop("blog", a, NOON)),
    "freeze": (STOPS, lambda s, a: s.freezes.add(window(f"by-{a.name}"), a, NOON)),
    "stop the line": (STOPS, lambda s, a: s.freezes.stop(StopTheLine(a.name, "smoke", NOON), a)),
    "end a freeze": (ENDS, lambda s, a: s.freezes.remove(f"for {a.name}", a, "over", NOON)),
    "lift the line": (ENDS, lambda s, a: s.freezes.lift(a, "over", NOON)),
}


async def prepared(team: Team, folder: Path) -> PostgresStore:
    ann = team.open("ann", folder)
    await ann.targets.put(TargetRow("shop", "shop.yaml", environment="production"), ANN, "add", NOON)
    await ann.targets.put(TargetRow("search", "search.yaml", environment="staging"), ANN, "add", NOON)
    await ann.journal.open(make_plan("shop"), ANN, "go", NOON)
    for login in LOGINS.values():
        await ann.freezes.add(window(f"for {login}"), ANN, NOON)
    return ann


def record(raw: "psycopg.Connection[Any]", **changes: Any) -> dict[str, Any]:
    """Return a row of the audit that would be right, but for the changes."""
    last = raw.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    (log,) = raw.execute("SELECT value FROM about WHERE key = 'log'").fetchone()
    act = {"console": "", "detail": {}, "plan": "", "reason": "", "result": "", "verb": "by hand"}
    fields = {"seq": last[0] + 1, "prev": last[1], "log": log, "kind": "freeze", "actor": raw.info.user, "at": "2026-03-01T12:00:00.000Z"}
    fields |= {"target": "", "rollout": "", "step": "", "v": 1, "act": act} | changes.pop("told", {})
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    columns = ("seq", "kind", "actor", "at", "target", "rollout", "step")
    row = {name: fields[name] for name in columns} | {"hash": sha256(body).hexdigest(), "body": body, "signed": 0, "key": ""}
    return row | changes


def insert(raw: "psycopg.Connection[Any]", row: dict[str, Any]) -> None:
    names = ", ".join(row)
    raw.execute(f"INSERT INTO audit ({names}) VALUES ({', '.join('%s' for _ in row)})", tuple(row.values()))


async def test_each_role_does_what_the_table_says_and_nothing_else(team: Team, tmp_path: Path):
    await prepared(team, tmp_path / "ann")
    stores = {role: team.open(login, tmp_path / login) for role, login in LOGINS.items()}
    found: dict[str, set[str]] = {}
    said: set[str] = set()
    for action, (_, act) in ACTIONS.items():
        found[action] = set()
        for role, store in stores.items():
            try:
                await act(store, Actor(LOGINS[role], f"desk:{role}"))
            except NotAllowed as refused:
                said.add(refused.message.partition(":")[0])
            else:
                found[action].add(role)
            if action == "drive forward" and role in found[action]:
                await store.wheel.release((await store.wheel.seen("R-1")).lease)
    assert found == {action: roles for action, (roles, _) in ACTIONS.items()}
    assert said == {"The team's database refuses it"}
    assert (await stores["auditor"].audit.verify()).ok


FORBIDDEN = [
    "UPDATE audit SET target = 'x' WHERE seq = 1",
    "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
    "TRUNCATE audit",
    "TRUNCATE rollouts CASCADE",
    "UPDATE rollouts SET phase = 'done', revision = revision + 1",
    "UPDATE rollouts SET token = token + 1, revision = revision + 1",
    "DELETE FROM rollouts",
    "UPDATE trains SET phase = 'running', closed = 0, revision = revision + 1",
    "UPDATE trains SET rollouts = '{}', revision = revision + 1",
    "DELETE FROM trains",
    "INSERT INTO steps (id, rollout, step, state, actor, console, sent_at, detail, recorded) SELECT 'x', 'R-1', '', '', '', '', '', '', ''",
    "INSERT INTO leases (rollout, holder, console, renewed_at, expires_at, token) VALUES ('R-1', 'x', 'x', '', '9', 1)",
    "UPDATE leases SET expires_at = '9'",
    "DELETE FROM leases",
    "DELETE FROM windows",
    "UPDATE windows SET value = '{}'",
    "UPDATE windows SET removed_at = 'now'",
    "INSERT INTO stops (value, since) VALUES ('{}', '')",
    "UPDATE targets SET armed = 1",
    "DELETE FROM targets",
    "UPDATE people SET roles = '{admin}'",
    "INSERT INTO people VALUES ('eve', '{admin}', '{}', 'eve', '')",
    "UPDATE about SET value = 'x' WHERE key = 'log'",
    "UPDATE about SET value = '99' WHERE key = 'schema'",
    "DELETE FROM about WHERE key = 'schema' RETURNING 1/0",
    "UPDATE checkpoints SET root = 'x'",
    "DELETE FROM checkpoints",
    "UPDATE audit_keys SET person = session_user",
    "INSERT INTO audit_keys (id, public, person, place, made_at) VALUES ('k', '', 'somebody else', 'keyring', '')",
    "INSERT INTO permits (id, plan_hash, value, requested_by, requested_at, expires_at) VALUES ('p', '', '', 'somebody else', '', '')",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_checked ON audit",
    "CREATE OR REPLACE FUNCTION release_console.check_record() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "CREATE TABLE release_console.mine (x int)",
    "CREATE TEMP TABLE audit (x int)",
    "DO $$ BEGIN EXECUTE 'SET ROLE ' || (SELECT tableowner FROM pg_tables WHERE tablename = 'audit'); END $$",
    "SET ROLE postgres",
    "SET session_replication_role = replica",
    "SET SESSION AUTHORIZATION postgres",
    "DROP TABLE audit",
]


@pytest.mark.parametrize("login", [*LOGINS.values(), "ann"])
async def test_nobody_gets_past_the_console_with_a_shell(team: Team, tmp_path: Path, login: str):
    ann = await prepared(team, tmp_path / "ann")
    await ann.wheel.take("R-1", ANN, 15)
    await open_train(ann, ANN, "shop")
    with team.psql() as raw:
        before = [raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in metadata.tables]
    passed = []
    for statement in FORBIDDEN:
        if login in {"ann", "ada"} and "people" in statement:
            statement = statement.replace("eve", "session_user")
        with team.psql(login) as raw:
            try:
                done = raw.execute(statement)
                raw.commit()
            except psycopg.Error:
                raw.rollback()
            else:
                if done.rowcount != 0:
                    passed.append(statement)
    assert passed == (["UPDATE leases SET expires_at = '9'"] if login == "ann" else [])  # the holder renews their own wheel
    with team.psql() as raw:
        after = [raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in metadata.tables]
    if login != "ann":
        assert after == before


async def test_a_record_is_written_under_ones_own_name_at_the_end_and_as_its_body_says(team: Team, tmp_path: Path):
    ann = await prepared(team, tmp_path / "ann")
    size = (await ann.audit.verify()).size
    cases = {
        "actor": {"told": {"actor": "ann"}},
        "body": {"target": "other"},
        "hash": {"hash": "0" * 64},
        "end": {"told": {"prev": "0" * 64}},
        "only grows at its end": {"told": {"seq": size}},
        "at its end": {"told": {"seq": size + 2}},
        "this log": {"told": {"log": "another"}},
        "canonical": {"body": b"\xff"},
        "key": {"key": "somebody's"},
        "whole": {"told": {"act": {}}},
        "no rights": {"told": {"kind": "phase", "target": "shop"}},
        "may not record": {"told": {"kind": "setting"}},
    }
    for word, changes in cases.items():
        with team.psql("sam") as raw:
            row = record(raw, **changes)
            with pytest.raises(psycopg.Error, match=word):
                insert(raw, row)
    with team.psql("oli") as raw:
        insert(raw, record(raw))
    report = await ann.audit.verify()
    assert report.size == size + 1


async def test_a_record_of_something_else_covers_no_change(team: Team, tmp_path: Path):
    await prepared(team, tmp_path / "ann")
    with team.psql("oli") as raw:
        insert(raw, record(raw, told={"kind": "phase", "rollout": "R-2"}))
        raw.execute("UPDATE rollouts SET phase = 'done', revision = revision + 1 WHERE id = 'R-1'")
        with pytest.raises(psycopg.Error, match="rollouts change only together with a record"):
            raw.commit()
    with team.psql("oli") as raw:
        insert(raw, record(raw, told={"kind": "phase", "rollout": "R-1"}))
        raw.execute("UPDATE rollouts SET note = 'by hand', revision = revision + 1 WHERE id = 'R-1'")
    with team.psql("oli") as raw, pytest.raises(psycopg.Error, match="only grow"):
        raw.execute("UPDATE rollouts SET token = -1, revision = revision + 1 WHERE id = 'R-1'")


async def test_a_permit_is_given_by_another_person_once(team: Team, tmp_path: Path):
    await prepared(team, tmp_path / "ann")
    ask = "INSERT INTO permits (id, plan_hash, value, requested_by, requested_at, expires_at) VALUES (%s, 'h', '{}', session_user, '', '')"
    give = "UPDATE permits SET approved_by = session_user, approved_at = 'now' WHERE id = %s"
    for login in ("oli", "ann"):
        with team.psql(login) as raw:
            insert(raw, record(raw, told={"kind": "permit"}))
            raw.execute(ask, (login,))
    with team.psql("ann") as raw, pytest.raises(psycopg.Error, match="another_person_approves"):
        raw.execute(give, ("ann",))
    with team.psql("oli") as raw, pytest.raises(psycopg.Error, match="by an approver"):
        raw.execute(give, ("ann",))
    with team.psql("apu") as raw:
        insert(raw, record(raw, told={"kind": "permit"}))
        raw.execute(give, ("ann",))
    with team.psql("ann") as raw, pytest.raises(psycopg.Error, match="given once"):
        raw.execute(give, ("ann",))
    with team.psql("apu") as raw, pytest.raises(psycopg.Error, match="not changed"):
        raw.execute("UPDATE permits SET plan_hash = 'another' WHERE id = 'ann'")


async def test_rights_end_at_the_environments_that_a_person_was_given(team: Team, tmp_path: Path):
    await prepared(team, tmp_path / "ann")
    sam = team.open("sam", tmp_path / "sam")
    me = Actor("sam", "desk:sam")
    with pytest.raises(NotAllowed, match="row-level security"):
        await sam.wheel.take("R-1", me, 15)
    with pytest.raises(NotAllowed):
        await sam.targets.put(TargetRow("new", "new.yaml", environment="production"), me, "add", NOON)
    with pytest.raises(NotAllowed):
        await sam.samples.add([SAMPLE])
    assert (await sam.journal.open(make_plan("search"), me, "go", NOON)).id == "R-2"
    assert (await sam.wheel.take("R-2", me, 15)).holder == me
    await sam.targets.put(TargetRow("new", "new.yaml", environment="staging"), me, "add", NOON)
    with team.psql("sam") as raw:
        insert(raw, record(raw, told={"kind": "target", "target": "new"}))
        with pytest.raises(psycopg.Error, match="row-level security"):
            raw.execute("UPDATE targets SET environment = 'production' WHERE name = 'new'")


async def test_a_train_is_steered_by_who_has_rights_on_each_of_its_targets(team: Team, tmp_path: Path):
    ann = await prepared(team, tmp_path / "ann")
    train = await open_train(ann, ANN, "search", "shop")
    sam, me = team.open("sam", tmp_path / "sam"), Actor("sam", "desk:sam")
    with pytest.raises((NotAllowed, StaleWrite)):
        await sam.trains.change(train, TrainChange(note="mine"), entry("train hold", RecordKind.PHASE, actor=me, target=""))
    with pytest.raises((NotAllowed, StaleWrite)):
        await sam.trains.board(train, "search", me, "", NOON)
    assert await ann.trains.train("T-1") == train
    with team.psql("oli") as raw:
        insert(raw, record(raw, told={"kind": "phase", "rollout": "T-1"}))
        raw.execute("UPDATE trains SET note = 'by hand', revision = revision + 1")
    with team.psql("oli") as raw, pytest.raises(psycopg.Error, match="only grow"):
        raw.execute("UPDATE trains SET targets = '[]', revision = revision + 1")


async def test_a_console_cannot_speak_for_another_person(team: Team, tmp_path: Path):
    store = team.open("oli", tmp_path / "oli")
    told = await store.audit.append(entry("as ann", RecordKind.FREEZE, actor=ANN))
    assert told.entry.actor.name == "oli"
    assert told.entry.detail["on_behalf_of"] == "ann"
    assert (await store.audit.page(AuditFilter(actor="ann"), None, 9)) == []


async def test_eight_writers_make_one_chain_without_a_fork_or_a_gap(team: Team, tmp_path: Path):
    writers = [team.open(login, tmp_path / f"{login}{n}") for n in range(2) for login in ("ann", "oli", "ada", "apu")]

    async def write(store: PostgresStore, number: int) -> None:
        for count in range(25):
            await store.audit.append(entry(f"writer {number} record {count}", RecordKind.FREEZE))

    before = (await writers[0].audit.verify()).size
    await asyncio.gather(*[write(store, number) for number, store in enumerate(writers)])
    report = await writers[0].audit.verify()
    assert (report.ok, report.size) == (True, before + 200)
    with team.psql() as raw:
        rows = raw.execute("SELECT seq, hash, convert_from(body, 'UTF8')::json ->> 'prev' FROM audit ORDER BY seq").fetchall()
    assert [row[0] for row in rows] == list(range(1, before + 201))
    assert [row[2] for row in rows[1:]] == [row[1] for row in rows[:-1]]


def test_every_table_has_its_rights_named():
    assert set(RULES) == {*metadata.tables, "people", "permits"}


async def test_who_loses_their_role_can_still_read_and_no_more(team: Team, tmp_path: Path):
    admin = team.admin_store(tmp_path / "admin")
    me, login = Actor("postgres", "setup"), f"new_{team.database}"
    for roles in (("operator",), ("viewer",)):
        person = Person(login, roles)
        await admin.server.write(lambda conn, person=person: add_person(conn, person, by=me, at=NOON, password=PASSWORD))
        if roles == ("operator",):
            store = team.open(login, tmp_path / "new")
            assert (await store.journal.open(make_plan(), Actor(login, ""), "go", NOON)).id == "R-1"
    with pytest.raises(NotAllowed, match="permission denied"):
        await store.journal.open(make_plan("other"), Actor(login, ""), "go", NOON)
    assert len(await store.journal.rollouts(live=True)) == 1
    await admin.server.write(lambda conn: remove_person(conn, login, by=me, at=NOON + timedelta(seconds=1)))
    with pytest.raises((NotAllowed, StaleWrite, CannotRecord)):  # by version the server shows its tables no more, or refuses them
        await store.audit.append(entry("still here", RecordKind.REFUSAL))
    with pytest.raises(psycopg.Error, match="permission denied for database"):
        team.psql(login)
    told = [record.entry.verb for record in await admin.audit.page(AuditFilter(), None, 3)]
    assert told == ["remove person", "rollout", "add person"]
    assert (await admin.audit.verify()).ok


@pytest.fixture
def theirs(postgres_server: PostgresServer) -> Iterator[Team]:
    """An empty database of an administrator who is no superuser; their login is called like it."""
    name = postgres_server.new_database()
    with postgres_server.admin() as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        conn.execute(f"ALTER DATABASE {name} OWNER TO {name}")
    made = Team(postgres_server, name)
    yield made
    made.close()


async def test_an_administrator_who_is_no_superuser_sets_up_adds_and_another_one_takes_all_rights_away(theirs: Team, tmp_path: Path):
    dba, login = theirs.database, f"p_{theirs.database}"
    set_up(theirs.psql(dba), address_of(theirs.url(dba)), NOON)
    set_up(theirs.psql(dba), address_of(theirs.url(dba)), NOON)
    owner = theirs.open(dba, tmp_path / "dba")
    person = Person(login, ("operator", "auditor"))
    await owner.server.write(lambda conn: add_person(conn, person, by=Actor(dba, ""), at=NOON, password=PASSWORD))
    store = theirs.open(login, tmp_path / "person")
    assert (await store.journal.open(make_plan(), Actor(login, ""), "go", NOON)).id == "R-1"
    set_up(theirs.psql(), address_of(theirs.url()), NOON)
    superuser = theirs.admin_store(tmp_path / "admin")
    await superuser.server.write(lambda conn: remove_person(conn, login, by=Actor("postgres", ""), at=NOON))
    with theirs.server.admin(theirs.database) as conn:
        groups = [row[0] for row in conn.execute("SELECT rolname FROM pg_roles WHERE pg_has_role(%s, oid, 'MEMBER')", (login,))]
        may = conn.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", (login, theirs.database)).fetchone()
    assert (groups, may) == ([login], (False,))
    with pytest.raises(StoreError):
        await store.audit.append(entry("still here", RecordKind.REFUSAL))
    assert (await owner.audit.verify()).ok


async def test_rights_follow_a_target_into_another_environment_and_nobody_pulls_one_into_theirs(team: Team, tmp_path: Path):
    ann = await prepared(team, tmp_path / "ann")
    sam, me = team.open("sam", tmp_path / "sam"), Actor("sam", "desk:sam")
    with pytest.raises(NotAllowed):
        await sam.targets.amend("shop", TargetChange(environment="staging"), me, "environment is staging", NOON)
    with pytest.raises(NotAllowed, match="row-level security"):
        await sam.wheel.take("R-1", me, 15)
    await ann.targets.amend("shop", TargetChange(environment="staging"), ANN, "environment is staging", NOON)
    assert (await sam.wheel.take("R-1", me, 15)).holder == me
    with pytest.raises(NotAllowed):
        await sam.targets.amend("shop", TargetChange(environment="production"), me, "environment is production", NOON)
