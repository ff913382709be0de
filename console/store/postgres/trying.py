"""Tries a team's database under one login, before anything is chosen: who answers, and what it lets that login do."""

import psycopg
from sqlalchemy.exc import DBAPIError

from console.model.errors import CannotRecord, StoreError
from console.model.team import TeamTried
from console.store.postgres import words
from console.store.postgres.address import Address
from console.store.postgres.connecting import TO_WRITE, Door
from console.store.postgres.grants import MEANS
from console.store.postgres.setup import people_in

TRY_S = 8.0


def tried(address: Address, password: str) -> TeamTried:
    """Connect, read, and let go again; writes nothing and keeps nothing. "" leaves the password to libpq. Raises StoreError in words."""
    door = Door(address, lambda: password or None)
    engine = door.engine(TRY_S, TO_WRITE)  # a session to write is refused by a database of another format
    try:
        with engine.connect() as conn:
            mine = [person for person in people_in(conn) if person.login == address.login]
    except (psycopg.Error, DBAPIError, TimeoutError, CannotRecord) as error:
        cause, advice = words.cause_of(error)
        means = "Nothing was changed: records are kept where they were."
        raise StoreError(f"The database {address} cannot be used. {cause}.", means=means, advice=advice) from error
    finally:
        engine.dispose()
    roles, environments = (mine[0].roles, mine[0].environments) if mine else ((), ())
    may = tuple(MEANS.get(role, "") for role in roles)
    return TeamTried(str(address), address.login, door.pinned, roles, environments, may, address.protection)
