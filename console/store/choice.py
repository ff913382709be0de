"""Chooses where records are kept: in one's own folder, or in the database of a team that a setting or the environment names."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from console.model.clock import Clock
from console.model.errors import BadFile, CannotRecord, StoreError
from console.model.places import OWN_RECORDS, STORE_VARIABLE
from console.model.systems import SecretRef
from console.store.books import put_row
from console.store.keys import Signer
from console.store.schema import settings
from console.store.sqlite import UNSIGNED, SqliteStore, open_store

TEAM, PASSWORD = "team store", "team password"
"""Settings in a person's own folder: the address, and where its password is (keyring:NAME, env:NAME; "" for libpq's own places)."""
PASSWORD_VARIABLE = "RELEASE_CONSOLE_STORE_PASSWORD"  # noqa: S105  # a variable's name
"""In the environment: the place of the password, in the same words; never the password itself."""

Resolve = Callable[[SecretRef], str]
_log = logging.getLogger(__name__)


def open_any(folder: Path, clock: Clock, resolve: Resolve, signer: Signer = UNSIGNED) -> SqliteStore:
    """Open the records: those of the team that the environment or the settings name, else those in one's own folder.

    Not for the Qt thread. Raises StoreError when the folder cannot be made, BadFile for an address that is none.
    """
    local = open_store(folder, clock, signer=signer)
    where = chosen(local)
    if not where:
        return local
    try:
        from console.store.postgres.store import open_team  # noqa: PLC0415  # psycopg, for teams only
    except ImportError as error:
        raise BadFile(
            f"Records are kept in a team's database, and psycopg is missing ({error}).",
            means="Nothing was opened.",
            advice='Install it: pip install "release-console[postgres]"',
        ) from error
    return open_team(local, where, clock, resolve, signer)


def chosen(local: SqliteStore) -> str:
    """Return the address of the team's database that the environment or the settings name; "" for one's own folder."""
    where = os.environ.get(STORE_VARIABLE, "") or kept(local, TEAM)
    return "" if where == OWN_RECORDS else where


def password_place(local: SqliteStore) -> str:
    """Return where the environment or the settings say that the password is."""
    return os.environ.get(PASSWORD_VARIABLE, "") or kept(local, PASSWORD)


def kept(local: SqliteStore, key: str) -> str:
    """Return a setting of a person's own folder, from a thread; "" when there is none or it cannot be read."""
    try:
        value = local.database.look(lambda conn: conn.execute(select(settings.c.value).where(settings.c.key == key)).scalar())
    except StoreError as error:
        _log.warning("a setting cannot be read: %s", error.message)
        return ""
    return str(value or "")


def keep(local: SqliteStore, key: str, value: str) -> None:
    """Keep a setting in a person's own folder, from a thread; a disk that does not take it is told in the log only."""
    try:
        local.database.submit(lambda conn: put_row(conn, settings.c.key, {"key": key, "value": value})).result()
    except CannotRecord as error:
        _log.warning("the setting %s is not kept: %s", key, error.message)
