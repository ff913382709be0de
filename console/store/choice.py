"""Chooses where records are kept: in one's own folder, or in the database of a team that a setting or the environment names."""

import os
from pathlib import Path

from console.model.clock import Clock
from console.model.errors import BadFile
from console.model.places import OWN_RECORDS, STORE_VARIABLE
from console.store.kept import PASSWORD, PASSWORD_VARIABLE, TEAM, Resolve, keep, kept, password_place
from console.store.keys import Signer
from console.store.sqlite import UNSIGNED, SqliteStore, open_store

__all__ = ["PASSWORD", "PASSWORD_VARIABLE", "TEAM", "Resolve", "chosen", "keep", "kept", "open_any", "password_place"]


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
