"""A team's database with people in it, and stores on it, as different people open them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from attacks import Vault
from servers.postgres_process import ADMIN, PASSWORD, PostgresServer
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import NullPool
from store_kit import NOON, HandClock, settle_now

from console.model.clock import Clock, SystemClock
from console.model.rollout import Actor
from console.store.backup import back_up, opened_backup
from console.store.database import Patience
from console.store.keys import Signer
from console.store.postgres.address import address_of
from console.store.postgres.connecting import TO_WRITE, Door
from console.store.postgres.grants import Groups
from console.store.postgres.restoring import restore
from console.store.postgres.setup import Person, add_person, set_up
from console.store.postgres.store import PostgresStore, door_of, on_server
from console.store.schema import about
from console.store.sqlite import UNSIGNED, open_store

PEOPLE = (
    Person("ann", ("operator", "approver", "admin")),
    Person("viv", ("viewer",)),
    Person("oli", ("operator",)),
    Person("apu", ("approver",)),
    Person("ada", ("admin",)),
    Person("aud", ("auditor",)),
    Person("sam", ("operator",), ("staging",)),
)
PATIENCE = Patience(usual_s=5.0, urgent_s=0.5)


def make_template(server: PostgresServer) -> str:
    """Set a database up as its administrator does, and add people."""
    name = server.new_database()
    address = address_of(server.url(name))
    set_up(psycopg.connect(server.url(name)), address, NOON)
    door = Door(address, lambda: None)
    with door.engine(5.0, TO_WRITE).connect() as conn:
        conn.info["person"] = ADMIN
        for person in PEOPLE:
            add_person(conn, person, by=Actor(ADMIN, "setup"), at=NOON, password=PASSWORD)
        conn.commit()
    return name


def copied(server: PostgresServer, template: str) -> str:
    """Return a copy of a team's database; who may connect is not part of what PostgreSQL copies."""
    name = server.new_database(template)
    with server.admin() as conn:
        conn.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        conn.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(person.login for person in PEOPLE)}")
    return name


def make_bare_template(server: PostgresServer, folder: Path) -> str:
    """Set a database up whose log is empty, as none is that people were added to; ann may write into it."""
    name = server.new_database()
    empty = open_store(folder / "empty", HandClock())
    person = {
        "login": "ann",
        "roles": ["operator", "approver", "admin"],
        "environments": [],
        "added_by": "",
        "added_at": "",
        "removed_at": None,
    }
    empty.database.submit(lambda conn: back_up(conn, folder / "copy", json.dumps([person]))).result()
    log = empty.database.look(lambda conn: str(conn.execute(select(about.c.value).where(about.c.key == "log")).scalar_one()))
    settle_now(empty.close())
    with opened_backup(folder / "copy") as backup:
        restore(psycopg.connect(server.url(name)), address_of(server.url(name)), backup)
    with server.admin() as conn:
        conn.execute(f"GRANT {Groups(log).all} TO ann")
    return name


class PostgresVault(Vault):
    """A team's database, attacked by a superuser."""

    def __init__(self, team: "Team", folder: Path) -> None:
        self._team, self._folder = team, folder

    def open(self, signer: Signer) -> PostgresStore:
        return self._team.open("ann", self._folder, HandClock(), signer=signer)

    @contextmanager
    def unguarded(self) -> Iterator[Connection]:
        options = "-c search_path=release_console -c session_replication_role=replica"
        url = self._team.url().replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, poolclass=NullPool, connect_args={"options": options})
        with engine.begin() as conn:
            yield conn
        engine.dispose()


@dataclass
class Team:
    """One team's database on a server, and the stores that were opened on it."""

    server: PostgresServer
    database: str
    stores: list[PostgresStore] = field(default_factory=list)

    def url(self, login: str = ADMIN) -> str:
        return self.server.url(self.database, login)

    def open(
        self,
        login: str,
        folder: Path,
        clock: Clock | None = None,
        *,
        start_s: float = 20.0,
        password: str = PASSWORD,
        signer: Signer = UNSIGNED,
    ) -> PostgresStore:
        """Open the store as somebody; with a clock that is set by hand that one counts, else the server's."""
        used = clock or SystemClock()
        local = open_store(folder, used, Patience(usual_s=0.2, urgent_s=0.1))
        door = door_of(local, address_of(self.url(login)), lambda ref: PASSWORD)
        door.password = lambda: password
        make = on_server(door, clock=used if isinstance(used, HandClock) else None)
        store = PostgresStore(local, make, used, PATIENCE, signer)
        store.begin(start_s)
        self.stores.append(store)
        return store

    def admin_store(self, folder: Path) -> PostgresStore:
        """Open the store as the administrator of the database."""
        return self.open(ADMIN, folder)

    def psql(self, login: str = ADMIN) -> "psycopg.Connection[tuple[Any, ...]]":
        """Connect past the console, as somebody with a shell would."""
        return psycopg.connect(self.url(login), password=PASSWORD, options="-c search_path=release_console", connect_timeout=5)

    def close(self) -> None:
        self.server.thaw()
        for store in self.stores:
            settle_now(store.close())
        self.server.drop_database(self.database)
