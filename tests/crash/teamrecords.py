"""Records of a crash case in a team's database: a copy of one that is as it was before the work, as a home is copied for a file."""

from contextlib import closing
from dataclasses import dataclass, field

import psycopg
from servers.postgres_process import ADMIN, PASSWORD, PostgresServer

from console.model.clock import SystemClock
from console.model.rollout import Actor
from console.store.choice import PASSWORD_VARIABLE
from console.store.postgres.address import address_of
from console.store.postgres.connecting import TO_WRITE, Door
from console.store.postgres.setup import Person, add_person, set_up

DRIVER = Person("crash_driver", ("operator", "admin"))
PLACE = {PASSWORD_VARIABLE: "env:CRASH_SECRET", "CRASH_SECRET": PASSWORD}
"""What a console needs in its environment beside the address."""


@dataclass
class TeamRecords:
    """Databases on one server: one by name for each state that cases begin from, and the copy that the case at hand uses."""

    server: PostgresServer
    known: dict[str, str] = field(default_factory=dict)
    now: str = ""

    @property
    def url(self) -> str:
        """Return the address that a console uses."""
        return self.server.url(self.now, DRIVER.login)

    @property
    def admin_url(self) -> str:
        return self.server.url(self.now)

    def begin(self) -> None:
        """Use an empty database that is set up."""
        self.now = self.server.new_database()
        address, at = address_of(self.admin_url), SystemClock().now()
        set_up(psycopg.connect(self.admin_url), address, at)
        with Door(address, lambda: None).engine(10.0, TO_WRITE).connect() as conn:
            conn.info["person"] = ADMIN
            add_person(conn, DRIVER, by=Actor(ADMIN, "setup"), at=at, password=PASSWORD)
            conn.commit()

    def keep_as(self, name: str) -> None:
        """Keep the records as they are now for cases to begin from."""
        self.known[name] = self.now

    def copy(self, name: str) -> None:
        """Use a copy of records that were kept; who may connect is not part of what PostgreSQL copies."""
        self.now = self.server.new_database(self.known[name])
        with self.server.admin() as conn:
            conn.execute(f"GRANT CONNECT ON DATABASE {self.now} TO {DRIVER.login}")

    def drop(self) -> None:
        """Forget the records of the case at hand."""
        self.server.drop_database(self.now)

    def let_leases_run_out(self) -> None:
        """Make it as if fifteen seconds had gone by since the last renewal of every wheel."""
        options = "-c search_path=release_console -c session_replication_role=replica"
        with closing(psycopg.connect(self.admin_url, options=options, autocommit=True)) as raw:
            raw.execute("UPDATE leases SET renewed_at = %s, expires_at = %s", LONG_AGO)


LONG_AGO = ("2020-01-01T00:00:00.000000+00:00", "2020-01-01T00:00:15.000000+00:00")
