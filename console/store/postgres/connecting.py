"""Connections to the team's database that never keep anybody waiting: deadlines of our own, and a look at who answers."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.types.string import StrDumper
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool, Pool

from console.model.errors import CannotRecord, SecretsUnavailable
from console.store import schema
from console.store.postgres.address import Address
from console.store.postgres.words import another, too_new, too_old

SCHEMA = "release_console"
CHANNEL = "release_console"
_SESSION = f"-c search_path={SCHEMA} -c idle_in_transaction_session_timeout=10000 -c client_min_messages=warning "
TO_WRITE = _SESSION + "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed -c statement_timeout=60000"
TO_READ = _SESSION + "-c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on"
_WHO = """
SELECT (SELECT system_identifier FROM pg_control_system())::text, (SELECT oid FROM pg_database WHERE datname = current_database())::text,
       coalesce((SELECT value FROM about WHERE key = 'log'), ''), coalesce((SELECT value FROM about WHERE key = 'schema'), '0')
"""

Raw = psycopg.Connection[tuple[Any, ...]]


class _Text(StrDumper):
    """Text as PostgreSQL can hold it: it knows no NUL."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\\x00"))


@dataclass(slots=True)
class Door:
    """What is needed to connect, and what is known of who answers.

    `password` gives None where libpq finds its own (~/.pgpass, a certificate, the system's login). `pinned` is "" before the first use;
    `pin` is told what to keep.
    """

    address: Address
    password: Callable[[], str | None]
    pinned: str = ""
    pin: Callable[[str], None] = field(default=lambda _: None)
    _known: str | None = field(default=None, init=False, repr=False)
    """The password as it was read last, for a keyring that was locked meanwhile."""

    def connect(self, timeout_s: float, session: str) -> Raw:
        """Return a connection to the database that was pinned, within the time given; in transactions as SQLAlchemy wants them.

        Raises psycopg.Error, TimeoutError, CannotRecord (another database, another format to write), SecretsUnavailable.
        """
        opening: Future[Raw] = Future()
        threading.Thread(target=self._open, args=(opening, session), name="store-connect", daemon=True).start()
        try:
            raw = opening.result(timeout_s)
        except TimeoutError:
            opening.add_done_callback(_throw_away)
            raise TimeoutError(f"no connection within {timeout_s:g} s") from None
        try:
            with within(raw, timeout_s):
                self._check(raw, writes=session == TO_WRITE)
                raw.autocommit = False
        except BaseException:
            close(raw)
            raise
        return raw

    def _open(self, opening: "Future[Raw]", session: str) -> None:
        """Connect in a thread that nobody waits for: a name server or a keyring may keep it for long. Hands every error on."""
        try:
            parameters: dict[str, Any] = {**self.address.parameters, "password": self._read_password(), "options": session}
            raw = psycopg.connect(**parameters, autocommit=True)
            raw.adapters.register_dumper(str, _Text)
        except BaseException as error:  # noqa: BLE001
            opening.set_exception(error)
        else:
            opening.set_result(raw)

    def _read_password(self) -> str | None:
        try:
            self._known = self.password()
        except SecretsUnavailable:
            if self._known is None:
                raise
        return self._known

    def _check(self, raw: Raw, *, writes: bool) -> None:
        row = raw.execute(_WHO).fetchone()
        if row is None:
            raise CannotRecord("The database does not say who it is.")
        system, database, log, version = row
        found = f"log {log} in database {database} of system {system}"
        if self.pinned and found != self.pinned:
            raise another(found, self.pinned, self.address)
        if not self.pinned:
            self.pin(found)
            self.pinned = found
        if writes:
            check_version(int(version))

    def engine(self, timeout_s: float, session: str, pool: type[Pool] = NullPool) -> Engine:
        """Return an engine that connects through this door."""
        creator = partial(self.connect, timeout_s, session)
        return create_engine("postgresql+psycopg://", creator=creator, poolclass=pool, use_native_hstore=False)


def check_version(found: int) -> None:
    """Refuse a database of another format. Raises CannotRecord."""
    if found > schema.SCHEMA_VERSION:
        raise too_new(found, schema.SCHEMA_VERSION)
    if found < schema.SCHEMA_VERSION:
        raise too_old(found, schema.SCHEMA_VERSION)


def _throw_away(opening: "Future[Raw]") -> None:
    if opening.exception() is None:
        close(opening.result())


def close(raw: Raw) -> None:
    """Close a connection, whatever state it is in."""
    with suppress(psycopg.Error, OSError):
        raw.close()


@contextmanager
def within(raw: Raw, seconds: float) -> Iterator[None]:
    """Break a connection off when a block takes longer, so that a server that hangs holds nobody up.

    Raises psycopg.Error when the connection is lost, or when this computer has no socket left to watch it with.
    """
    try:
        line = socket.socket(fileno=socket.dup(raw.fileno()))  # os.dup knows no sockets on Windows
    except OSError as error:
        raise psycopg.OperationalError(f"this computer cannot watch over the connection: {error.strerror or error}") from error
    timer = threading.Timer(seconds, _cut, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
