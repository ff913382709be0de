"""Ids of affected customers: kept apart from the records, for a limited time, and findable in the records only by a keyed hash."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, func, insert, select

from console.model.audit import Entry, RecordKind
from console.model.errors import NotAllowed
from console.model.rollout import Actor
from console.store.database import Database
from console.store.rows import stamp
from console.store.schema import customers, salts
from console.store.trail import append_to

LONGEST_DAYS = 3650
_MARK_DIGITS = 32
_SALT_BYTES = 32


def mark(salt: bytes, customer: str) -> str:
    """Return what a record holds of a customer's id: HMAC-SHA256 (RFC 2104) under the rollout's salt, 128 bits of it."""
    return hmac.new(salt, customer.encode("utf-8", "backslashreplace"), sha256).hexdigest()[:_MARK_DIGITS]


class PersonalData:
    """The customers that a rollout hit. Once its time is over a row is never shown, and it is deleted with the next write here.

    With the last row of a rollout its salt goes, and then nothing tells any more whom the records' marks meant.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, rollout: str, ids: Sequence[str], days: int, actor: Actor, at: datetime) -> int:
        """Keep ids for some days, with a record of their marks; returns how many are new. Raises NotAllowed."""
        if not 1 <= days <= LONGEST_DAYS:
            raise NotAllowed(f"Customers' ids cannot be kept for {days} days.", advice=f"Give between 1 and {LONGEST_DAYS} days.")
        return await self._database.write(lambda conn: _note(conn, rollout, ids, at + timedelta(days=days), actor, at))

    async def of(self, rollout: str, now: datetime) -> Sequence[str]:
        """Return the ids whose time is not over, in the order in which they were noted."""
        query = select(customers.c.customer).where(customers.c.rollout == rollout, customers.c.until > stamp(now))
        return await self._database.read(lambda conn: list(conn.execute(query.order_by(customers.c.number)).scalars()))

    async def forget(self, rollout: str, actor: Actor, reason: str, at: datetime) -> int:
        """Delete a rollout's ids now, on record; returns how many there were."""
        return await self._database.write(lambda conn: _forget(conn, rollout, actor, reason, at))

    async def purge(self, now: datetime) -> int:
        """Delete every id whose time is over; returns how many."""
        return await self._database.write(lambda conn: _purge(conn, now))


def _note(conn: Connection, rollout: str, ids: Sequence[str], until: datetime, actor: Actor, at: datetime) -> int:
    _purge(conn, at)
    salt = conn.execute(select(salts.c.salt).where(salts.c.rollout == rollout)).scalar()
    if salt is None:
        salt = secrets.token_bytes(_SALT_BYTES)
        conn.execute(insert(salts), {"rollout": rollout, "salt": salt})
    held = set(conn.execute(select(customers.c.customer).where(customers.c.rollout == rollout)).scalars())
    fresh = [one for one in dict.fromkeys(ids) if one and one not in held]
    rows = [{"rollout": rollout, "customer": one, "mark": mark(salt, one), "noted_at": stamp(at), "until": stamp(until)} for one in fresh]
    if rows:
        conn.execute(insert(customers), rows)
    detail = {"customers": [row["mark"] for row in rows], "until": stamp(until)}
    append_to(
        conn, Entry(RecordKind.CONSOLE, actor, at, "note affected customers", "", rollout, result=f"{len(rows)} noted", detail=detail)
    )
    return len(rows)


def _forget(conn: Connection, rollout: str, actor: Actor, reason: str, at: datetime) -> int:
    count = conn.execute(delete(customers).where(customers.c.rollout == rollout)).rowcount
    conn.execute(delete(salts).where(salts.c.rollout == rollout))
    append_to(conn, Entry(RecordKind.CONSOLE, actor, at, "forget affected customers", "", rollout, reason, f"{count} deleted"))
    return count


def _purge(conn: Connection, now: datetime) -> int:
    count = conn.execute(delete(customers).where(customers.c.until <= stamp(now))).rowcount
    if count:
        left = select(customers.c.rollout).group_by(customers.c.rollout).having(func.count() > 0)
        conn.execute(delete(salts).where(salts.c.rollout.not_in(left)))
    return count
