"""Sets a team's database up, brings an older one forward, and adds people: each as statements that can be printed or run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, create_engine, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from console.model.audit import Entry, RecordKind
from console.model.errors import BadFile
from console.model.rollout import Actor
from console.store.postgres import words
from console.store.postgres.address import Address
from console.store.postgres.connecting import SCHEMA, Raw, within
from console.store.postgres.grants import ENVIRONMENTS, ROLES, RULES, Groups, checked_roles, table_rules
from console.store.postgres.tables import people
from console.store.rows import stamp
from console.store.schema import SCHEMA_VERSION, about, metadata
from console.store.trail import append_to

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
SETUP_S = 120.0


@dataclass(frozen=True, slots=True)
class Part:
    """Some statements, and what they do in words."""

    what: str
    statements: tuple[str, ...]


def parts(database: str, log: str) -> list[Part]:
    """Return what sets up an empty database for a log, or brings an older one forward, as its administrator."""
    groups = Groups(log)
    owner, member = groups.owner, groups.member
    grants = [f"GRANT USAGE ON SCHEMA {SCHEMA} TO {member}", f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {member}"]
    roles = [*map(_role, (owner, member, *map(groups.of, ROLES))), f"GRANT {member} TO {groups.all}"]
    named = sql.Identifier(database).as_string()
    return [
        Part("roles of the team, which nobody logs in as", tuple(roles)),
        Part(
            f"the schema {SCHEMA}, closed to everybody else",
            (
                f"GRANT {owner} TO CURRENT_USER",
                f"REVOKE ALL ON DATABASE {named} FROM PUBLIC",
                f"GRANT CREATE ON DATABASE {named} TO {owner}",
                f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {owner}",
                f"SET LOCAL ROLE {owner}",
                f"SET LOCAL search_path = {SCHEMA}",
            ),
        ),
        Part("tables and indexes", tuple(each for table in metadata.sorted_tables for each in _table(table))),
        Part("rules of the audit and of state", (files("console.store.postgres").joinpath("rules.sql").read_text(encoding="utf-8"),)),
        Part("rights of each role", (*grants, *[each for table in RULES for each in table_rules(table, groups)])),
        Part("the log and the format", (*_known("log", log, keep=True), *_known("schema", str(SCHEMA_VERSION), keep=False))),
        Part("back to the administrator", ("RESET ROLE",)),
    ]


def _role(name: str) -> str:
    return f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} NOLOGIN; END IF; END $$"


def _table(table: Table) -> Iterator[str]:
    yield str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)).strip()
    for column in table.columns:
        if not column.primary_key:
            yield f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {CreateColumn(column).compile(dialect=_DIALECT)}"
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        yield str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT))


def _known(key: str, value: str, *, keep: bool) -> tuple[str, ...]:
    rest = "NOTHING" if keep else "UPDATE SET value = excluded.value"
    return (f"INSERT INTO about (key, value) VALUES ('{key}', '{value}') ON CONFLICT (key) DO {rest}",)  # noqa: S608


def connected(address: Address, password: str) -> Raw:
    """Connect as an administrator, to a database that may not be set up yet. Raises StoreError in words."""
    try:
        return psycopg.connect(**address.parameters, password=password or None)  # type: ignore[arg-type]
    except (psycopg.Error, OSError) as error:
        raise words.cannot_read(error, address) from error


def set_up(raw: Raw, address: Address, at: datetime) -> list[str]:
    """Set the database up in one transaction, make whoever does it an admin of the team, and return what was done.

    `raw` is closed afterwards. Raises NotAllowed for a login that may not, BadFile for a database of a newer version.
    """
    engine = create_engine("postgresql+psycopg://", creator=lambda: raw, poolclass=NullPool, use_native_hstore=False)
    with told(address), within(raw, SETUP_S), engine.connect() as conn:
        log = log_of(raw)
        if not log:
            refuse_foreign(raw, address)
            log = uuid4().hex
        done = []
        for part in parts(address.database, log):
            for statement in part.statements:
                raw.execute(statement.encode())
            done.append(part.what)
        raw.execute(f"SET LOCAL search_path = {SCHEMA}")
        raw.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(Groups(log).of("admin"))))
        conn.info["person"] = me = address.login
        if me not in {person.login for person in people_in(conn)}:
            _keep(conn, Person(me, ("admin",)), Actor(me, "setup"), at)
            done.append(f"{me} as the first admin of the team")
        conn.commit()
    return done


_FOREIGN = f"""
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('{SCHEMA}', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') LIMIT 1
"""  # noqa: S608


def refuse_foreign(raw: Raw, address: Address) -> None:
    """Raise BadFile for a database that something else uses: it would be closed to everybody who is not of the team."""
    row = raw.execute(_FOREIGN.encode()).fetchone()
    if row is not None:
        raise BadFile(
            f"{address.place} holds tables of something else, such as {row[0]}.",
            means="Nothing was changed. Setting it up would shut others out of it.",
            advice="Make a database of its own for the team's records, and name that.",
        )


@contextmanager
def told(address: Address) -> Iterator[None]:
    """Turn what the server refuses an administrator into words."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        if words.is_refusal(error):
            raise words.refusal(error, address) from error
        raise words.cannot_record(error, address) from error


def log_of(raw: Raw) -> str:
    """Return the log of a database that was set up before, "" for an empty one. Raises BadFile for one of a newer version."""
    if raw.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.about",)).fetchone() == (None,):
        return ""
    rows = raw.execute(f"SELECT key, value FROM {SCHEMA}.about WHERE key IN ('log', 'schema')").fetchall()  # noqa: S608
    known = {str(key): str(value) for key, value in rows}
    if int(known["schema"]) > SCHEMA_VERSION:
        raise BadFile(
            f"The database has format {known['schema']}, and this version knows {SCHEMA_VERSION}.",
            means="Nothing was changed.",
            advice="Run the newer version's `team setup`.",
        )
    return known["log"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the team: a login with roles, in some environments or, with none named, in all."""

    login: str
    roles: tuple[str, ...]
    environments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checked_roles(self.roles)
        unknown = sorted(set(self.environments) - set(ENVIRONMENTS))
        if unknown:
            raise BadFile(f"There is no environment {', '.join(unknown)}.", advice=f"Environments are: {', '.join(ENVIRONMENTS)}.")
        if not self.login or len(self.login.encode()) > 63 or "\0" in self.login or self.login.startswith(("pg_", "release_console")):
            raise BadFile(f"{self.login or 'Nothing'} is no name for a login.", advice="Use up to 63 letters, as PostgreSQL does.")


def add_person(conn: Connection, person: Person, *, by: Actor, at: datetime, password: str) -> list[str]:
    """Give somebody a login and their roles, and no others, in the transaction that is open; returns what was done.

    `password` "" leaves a password as it is. It is sent as the server stores it, so that no log shows it.
    """
    raw = conn.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("people are added to PostgreSQL only")
    login, groups = sql.Identifier(person.login), _groups(conn)
    done = []
    if raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (person.login,)).fetchone() is None:
        raw.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(login))
        done.append(f"a login {person.login}")
    if password:
        stored = raw.pgconn.encrypt_password(password.encode(), person.login.encode(), b"scram-sha-256").decode()
        raw.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(login, sql.Literal(stored)))
        done.append("its password")
    for role in ROLES:
        if role in person.roles:
            raw.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(groups.of(role)), login))
        else:
            _take(raw, groups.of(role), person.login)
    raw.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(raw.info.dbname), login))
    _keep(conn, person, by, at)
    where = ", ".join(person.environments) or "all environments"
    return [*done, f"role {', '.join(checked_roles(person.roles))} in {where}"]


def _groups(conn: Connection) -> Groups:
    return Groups(str(conn.execute(select(about.c.value).where(about.c.key == "log")).scalar_one()))


def _keep(conn: Connection, person: Person, by: Actor, at: datetime) -> None:
    values = {"roles": list(person.roles), "environments": list(person.environments), "removed_at": None}
    if conn.execute(update(people).where(people.c.login == person.login).values(**values)).rowcount == 0:
        conn.execute(insert(people), {"login": person.login, "added_by": by.name, "added_at": stamp(at), **values})
    detail = {"login": person.login, "roles": list(person.roles), "environments": list(person.environments)}
    append_to(conn, Entry(RecordKind.SETTING, by, at, "add person", result="added", detail=detail))


def remove_person(conn: Connection, login: str, *, by: Actor, at: datetime) -> None:
    """Take somebody's rights away; their login and their records stay. Raises BadFile when there is nobody of that name."""
    raw = conn.connection.driver_connection
    done = conn.execute(update(people).where(people.c.login == login, people.c.removed_at.is_(None)).values(removed_at=stamp(at)))
    if done.rowcount == 0 or not isinstance(raw, psycopg.Connection):
        raise BadFile(f"{login} is not one of the team.", advice="`release-console team roles` lists everybody.")
    name, groups = sql.Identifier(login), _groups(conn)
    for role in ROLES:
        _take(raw, groups.of(role), login)
    raw.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(sql.Identifier(raw.info.dbname), name))
    append_to(conn, Entry(RecordKind.SETTING, by, at, "remove person", result="removed", detail={"login": login}))


_GRANTORS = """
SELECT grantor.rolname FROM pg_auth_members m JOIN pg_roles grantor ON grantor.oid = m.grantor
JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles member ON member.oid = m.member WHERE g.rolname = %s AND member.rolname = %s
"""
_BY_GRANTOR = 160_000
"""From this version of PostgreSQL on a group is held as often as somebody gave it, and each of them is taken away by itself."""


def _take(raw: Raw, group: str, login: str) -> None:
    """Take a group from a login, whoever gave it."""
    plain = sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(group), sql.Identifier(login))
    for (grantor,) in raw.execute(_GRANTORS, (group, login)).fetchall():
        by = sql.SQL(" GRANTED BY {}").format(sql.Identifier(grantor))
        raw.execute(plain + by if raw.info.server_version >= _BY_GRANTOR else plain)


def people_in(conn: Connection) -> Sequence[Person]:
    """Return everybody of the team who was not removed."""
    query = select(people).where(people.c.removed_at.is_(None)).order_by(people.c.login)
    return [Person(row.login, tuple(row.roles), tuple(row.environments)) for row in conn.execute(query)]


def people_text(conn: Connection) -> str:
    """Return everybody who ever was of the team, for a backup."""
    return json.dumps([dict(row) for row in conn.execute(select(people).order_by(people.c.login)).mappings()])
