"""What one's own folder keeps beside its records: the team's database that was chosen, and the little that is remembered of it."""

import logging
import os
from collections.abc import Callable

from sqlalchemy import select

from console.model.errors import CannotRecord, StoreError
from console.model.systems import SecretRef
from console.store.books import put_row
from console.store.schema import settings
from console.store.sqlite import SqliteStore

TEAM, PASSWORD = "team store", "team password"
"""Settings in a person's own folder: the address, and where its password is (keyring:NAME, env:NAME; "" for libpq's own places)."""
PASSWORD_VARIABLE = "RELEASE_CONSOLE_STORE_PASSWORD"  # noqa: S105  # a variable's name
"""In the environment: the place of the password, in the same words; never the password itself."""

Resolve = Callable[[SecretRef], str]
_log = logging.getLogger(__name__)


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
