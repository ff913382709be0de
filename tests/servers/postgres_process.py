"""A real PostgreSQL with a cluster of its own, never the system's; it refuses root, so as root it runs as the user postgres."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from servers.children import Child, free_ports, require

INSTALL = "apt-get install postgresql"
ADMIN = "postgres"
PASSWORD = "open sesame"
_ACCESS = """\
local all {admin} trust
host all {admin} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = """\
fsync = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 100
autovacuum = off
log_min_messages = warning
listen_addresses = '127.0.0.1'
"""


@dataclass
class PostgresServer:
    """Where the server listens, and its process; `url` is the administrator's address of a database."""

    port: int
    child: Child
    folder: Path
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def url(self, database: str = "postgres", login: str = ADMIN) -> str:
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def admin(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def new_database(self, template: str = "template1") -> str:
        name = f"team_{os.getpid()}_{next(self._numbers)}"
        with self.admin() as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        with self.admin() as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """Shut down at once, as after a crash of the machine."""
        self.child.stop()
        with suppress(FileNotFoundError):
            (self.folder / "cluster" / "postmaster.pid").unlink()

    def remove(self) -> None:
        """Stop it for good, and leave nothing of it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.child.log.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop every process of the server where it stands, so that connections hang instead of breaking."""
        for pid in self._processes():
            os.kill(pid, 19)

    def thaw(self) -> None:
        for pid in self._processes():
            with suppress(ProcessLookupError):  # the server of a connection that ended meanwhile
                os.kill(pid, 18)

    def _processes(self) -> list[int]:
        import psutil

        if self.child.process is None or self.child.process.poll() is not None:
            return []
        server = psutil.Process(self.child.pid)
        return [self.child.pid, *(each.pid for each in server.children(recursive=True))]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        found = next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)
    return found or ""


def _as_server(argv: list[str], *, dies_with_us: bool = False) -> list[str]:
    """Return a command line that runs as a user whom PostgreSQL accepts."""
    if os.getuid() != 0:
        return argv
    tied = ["--pdeathsig", "KILL"] if dies_with_us else []
    return ["setpriv", "--reuid", ADMIN, "--regid", ADMIN, "--init-groups", *tied, *argv]


def boot_postgres() -> PostgresServer:
    """Make a cluster in a folder of its own and start a server on it."""
    initdb, postgres = _tool("initdb"), _tool("postgres")
    require(bool(initdb and postgres), INSTALL)
    folder = Path(tempfile.mkdtemp(prefix="release-console-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, ADMIN, ADMIN)
    cluster = folder / "cluster"
    made = subprocess.run(
        _as_server([initdb, "-D", str(cluster), "-A", "trust", "-U", ADMIN, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]),
        check=False,
        capture_output=True,
        cwd="/",
        text=True,
    )
    if made.returncode:
        pytest.fail(f"initdb failed as {getpass.getuser()}: {made.stderr[-2000:]}", pytrace=False)
    (cluster / "pg_hba.conf").write_text(_ACCESS.format(admin=ADMIN))
    with (cluster / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)
    (port,) = free_ports(1)
    argv = _as_server([postgres, "-D", str(cluster), "-p", str(port), "-k", str(folder)], dies_with_us=True)
    child = Child(argv, folder.with_suffix(".log"), lambda: _answers(port))
    server = PostgresServer(port, child, folder)
    child.start()
    return server


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://{ADMIN}@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    server = boot_postgres()
    yield server
    server.remove()


@pytest.fixture
def postgres_server(postgres_process: PostgresServer) -> PostgresServer:
    """A real PostgreSQL, running."""
    running = postgres_process.child.process
    if running is None or running.poll() is not None:
        postgres_process.stop()
        postgres_process.child.start()
    postgres_process.thaw()
    return postgres_process
