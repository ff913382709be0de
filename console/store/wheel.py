"""The wheel: a lease on a rollout in the database, with a token that only grows."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from console.model.audit import Entry, RecordKind
from console.model.errors import BadFile, NotAllowed
from console.model.rollout import Actor, Lease
from console.model.stores import WheelSeen
from console.model.wheel import HANDED_OVER, LET_GO, TAKEN
from console.store.database import Database
from console.store.rows import lease_of, stamp
from console.store.schema import leases, rollouts
from console.store.trail import append_to


def lease_on(conn: Connection, rollout_id: str) -> Lease | None:
    """Return the lease on a rollout as stored, expired or not; it counts only while its token is the rollout's."""
    query = select(leases).join(rollouts, rollouts.c.id == leases.c.rollout)
    row = conn.execute(query.where(leases.c.rollout == rollout_id, leases.c.token == rollouts.c.token)).mappings().first()
    return None if row is None else lease_of(row)


def end_lease(conn: Connection, rollout_id: str) -> None:
    """Take the wheel from whoever holds it."""
    conn.execute(delete(leases).where(leases.c.rollout == rollout_id))


class SqliteWheel:
    """Leases on the clock that all who use the store share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, rollout_id: str, holder: Actor, ttl_s: float, reason: str = "", quiet_s: float = 0.0) -> Lease:
        """Take a free or expired wheel, or one's own again, with the next token; raises the rollout's revision. Raises NotAllowed.

        One that another console left without letting it go is free `quiet_s` seconds after its last renewal at the earliest.
        """
        _span(ttl_s)
        wanted = _Wanted(rollout_id, holder, ttl_s, reason, quiet_s)
        return await self._database.write(lambda conn: self._take(conn, wanted))

    def _take(self, conn: Connection, wanted: "_Wanted") -> Lease:
        rollout_id, holder, ttl_s = wanted.rollout, wanted.holder, wanted.ttl_s
        row = conn.execute(select(rollouts.c.token, rollouts.c.target, rollouts.c.plan_hash).where(rollouts.c.id == rollout_id)).first()
        if row is None:
            raise BadFile(f"There is no rollout {rollout_id}.", advice="`release list` shows the rollouts that there are.")
        now = self._database.now(conn)
        before = lease_on(conn, rollout_id)
        if before is not None and before.holder.console != holder.console:
            free_at = max(before.expires_at, before.renewed_at + timedelta(seconds=wanted.quiet_s))
            if free_at > now:
                raise _held(before, free_at)
        lease = Lease(rollout_id, holder, row.token + 1, now, now + timedelta(seconds=ttl_s))
        conn.execute(update(rollouts).where(rollouts.c.id == rollout_id).values(token=lease.token, revision=rollouts.c.revision + 1))
        self._store(conn, lease)
        detail: dict[str, object] = {"token": lease.token, "ttl_s": ttl_s, "before": "" if before is None else before.holder.name}
        if before is not None:
            detail |= {"before_console": before.holder.console, "before_token": before.token, "renewed_at": stamp(before.renewed_at)}
        entry = Entry(RecordKind.TAKEOVER, holder, now, TAKEN, row.target, rollout_id, wanted.reason, "taken", detail=detail)
        append_to(conn, replace(entry, plan_hash=row.plan_hash))
        return lease

    def _store(self, conn: Connection, lease: Lease) -> None:
        end_lease(conn, lease.rollout)
        conn.execute(
            insert(leases),
            {
                "rollout": lease.rollout,
                "holder": lease.holder.name,
                "console": lease.holder.console,
                "token": lease.token,
                "renewed_at": stamp(lease.renewed_at),
                "expires_at": stamp(lease.expires_at),
            },
        )

    async def renew(self, lease: Lease, ttl_s: float) -> Lease:
        """Renew a lease that still holds. Raises NotAllowed when it expired, was released or was overtaken."""
        _span(ttl_s)
        return await self._database.write(lambda conn: self._renew(conn, lease, ttl_s))

    def _renew(self, conn: Connection, lease: Lease, ttl_s: float) -> Lease:
        now = self._database.now(conn)
        current = lease_on(conn, lease.rollout)
        if current is None or current.token != lease.token:
            raise _over(lease, "somebody else took it, or it was let go" if current is None else f"{current.holder.name} has it now")
        if current.expires_at <= now:
            raise _over(lease, "it expired before it was renewed")
        renewed = Lease(lease.rollout, current.holder, current.token, now, now + timedelta(seconds=ttl_s))
        stamps = {"renewed_at": stamp(renewed.renewed_at), "expires_at": stamp(renewed.expires_at)}
        conn.execute(update(leases).where(leases.c.rollout == lease.rollout).values(**stamps))
        return renewed

    async def release(self, lease: Lease, note: str = "", to: str = "") -> None:
        """Let the wheel go, with a note to the next holder; nothing happens when it is not ours any more."""
        await self._database.write(lambda conn: self._release(conn, lease, note, to))

    def _release(self, conn: Connection, lease: Lease, note: str, to: str) -> None:
        current = lease_on(conn, lease.rollout)
        if current is None or current.token != lease.token:
            return
        end_lease(conn, lease.rollout)
        append_to(
            conn,
            Entry(
                RecordKind.TAKEOVER,
                current.holder,
                self._database.now(conn),
                HANDED_OVER if note or to else LET_GO,
                rollout=lease.rollout,
                result="free",
                detail={"token": lease.token, "note": note, "to": to},
            ),
        )

    async def show(self, rollout_id: str) -> Lease | None:
        """Return who holds the wheel now, None when nobody does."""
        return (await self.seen(rollout_id)).live

    async def seen(self, rollout_id: str) -> WheelSeen:
        """Return the wheel as it stands, with the store's time."""
        return await self._database.read(lambda conn: WheelSeen(lease_on(conn, rollout_id), self._database.now(conn)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who wants which wheel, for how long, and why."""

    rollout: str
    holder: Actor
    ttl_s: float
    reason: str
    quiet_s: float


def _span(ttl_s: float) -> None:
    if not 0 < ttl_s < float("inf"):
        raise ValueError(f"a lease of {ttl_s} s is no span of time")


def _held(lease: Lease, free_at: datetime) -> NotAllowed:
    return NotAllowed(
        f"{lease.holder.name} has the wheel of {lease.rollout}.",
        means="Only the holder may go forward; going back is open to you.",
        advice=f"Ask for a handover, or wait: without renewal the wheel is free at {free_at:%H:%M:%S} UTC.",
    )


def _over(lease: Lease, why: str) -> NotAllowed:
    return NotAllowed(
        f"The wheel of {lease.rollout} is not yours any more: {why}.",
        means="Forward moves stop here; going back is open to you.",
        advice="Read the rollout again, and take the wheel when it is free.",
    )
