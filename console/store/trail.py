"""The audit in the database: it appends inside somebody's transaction, gives pages, and is verified as a stream."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, insert, select

from console.model.audit import Anchor, AuditFilter, Entry, ExportHead, Record, RecordKind, SignedHead, VerifyReport
from console.model.clock import from_iso, iso
from console.model.errors import CannotRecord, NotAllowed, StoreError
from console.model.rollout import Actor
from console.store import evidence
from console.store.database import Database
from console.store.heads import kept, note_record
from console.store.keys import KEYS, Keys, file_key
from console.store.paging import Cut, page_query
from console.store.persons import acting
from console.store.schema import audit
from console.store.sealing import FIRST_PREV, Row, record_of, seal
from console.store.signing import SigningKey
from console.store.verifying import verify_on
from console.store.words import catch_up, wanted_words

_log = logging.getLogger(__name__)
_MOST_ROUNDS = 10
_PORTION = 500
_EVERYTHING = 2**31 - 1
_HEAD = select(func.coalesce(func.max(audit.c.seq), 0))
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)


def append_to(conn: Connection, entry: Entry) -> Record:
    """Append a record inside the transaction that is open; no other writer may be in one.

    It is signed where its key is at hand, and a checkpoint is signed with it where one is due.
    """
    entry = acting(conn, entry)
    keys: Keys | None = conn.info.get(KEYS)
    key = None if keys is None else keys.of(conn, entry.target, entry.rollout)
    return _append(conn, entry, key, key if keys is None else keys.mine or key)


def _append(conn: Connection, entry: Entry, key: SigningKey | None, head_key: SigningKey | None) -> Record:
    before = kept(conn)
    last = conn.execute(_LAST).first()
    seq, prev = (1, FIRST_PREV) if last is None else (last.seq + 1, last.hash)
    record, row = seal(entry, seq=seq, prev=prev, log_id=before.log_id, key=key)
    conn.execute(insert(audit), row._asdict())
    note_record(conn, before, record, head_key)
    return record


def refuse_unsigned(conn: Connection, target: str) -> None:
    """Raise NotAllowed when a forward move on a target cannot be recorded with a signature and must be."""
    keys: Keys | None = conn.info.get(KEYS)
    why = "" if keys is None else keys.cannot_sign(practice=keys.is_practice(conn, target))
    if why:
        raise NotAllowed(
            f"This cannot be recorded with a signature: {why}.",
            means="Records here are signed, so nothing goes forward unsigned. Going back is open; its records say that they are unsigned.",
            advice="Unlock the keyring and try again.",
        )


def enrol(conn: Connection, key: SigningKey) -> None:
    """Write a person's new key into the transaction that is open, with a record that it signs itself."""
    file_key(conn, key.public)
    detail = {"key": key.id, "public": key.public.public.hex(), "place": key.public.place}
    actor = Actor(key.public.person, "")
    entry = Entry(RecordKind.CONSOLE, actor, from_iso(key.public.made_at), "make a signing key", result="made", detail=detail)
    _append(conn, acting(conn, entry), key, key)


def _record(row: Any) -> Record:
    try:
        return record_of(Row(**row._mapping))
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"Record {row.seq} of the audit cannot be read ({error}).",
            means="It was changed after it was written, or a newer version of this program wrote it.",
            advice="Run `audit verify`; it names the first bad record.",
        ) from error


class AuditTrail:
    """The chained records in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: Entry) -> Record:
        """Append a record, durable when it returns. Raises CannotRecord."""
        return await self._database.write(lambda conn: append_to(conn, entry))

    async def head(self) -> int:
        """Return the number of the newest record, 0 where there is none."""
        return await self._database.read(lambda conn: int(conn.execute(_HEAD).scalar_one()))

    async def page(self, chosen: AuditFilter, before: int | None, limit: int) -> Sequence[Record]:
        """Return records newest first, with seq under `before` (keyset paging)."""
        await self._index_words(chosen)
        cut = Cut(limit) if before is None else Cut(limit, before=before)
        return await self._database.read_whole(lambda conn: _page(conn, chosen, cut))

    async def all(self, chosen: AuditFilter) -> Sequence[Record]:
        """Return all records that fit, oldest first; for few: an export of many takes `parts`."""
        await self._index_words(chosen)
        return await self._database.read_whole(lambda conn: _page(conn, chosen, Cut(_EVERYTHING, newest_first=False)))

    async def export_head(self, chosen: AuditFilter) -> ExportHead:
        """Return what an export begins with: the keys, and the newest checkpoint, by which the rest can be checked."""
        await self._index_words(chosen)
        return await self._database.read_whole(lambda conn: evidence.export_head(conn, partial=chosen != AuditFilter()))

    def parts(self, chosen: AuditFilter, head: ExportHead) -> Iterator[Record | SignedHead]:
        """Yield the records that fit, oldest first, for a thread that may wait for the disk; few are in memory at a time.

        Of everything, with each checkpoint behind the last record that it covers; of a part, with each record's proof.
        """
        prover, last = evidence.Prover(head), 0
        while True:
            cut = Cut(_PORTION, after=last, newest_first=False)
            if head.partial:
                records = self._database.look_whole(partial(_page, chosen=chosen, cut=cut))
                yield from self._database.look_whole(partial(prover.proved, records=records))
            else:
                records, notes = self._database.look_whole(partial(_with_notes, chosen=chosen, cut=cut))
                yield from evidence.interleaved(records, notes)
            if len(records) < _PORTION:
                return
            last = records[-1].seq

    async def verify(
        self, progress: Callable[[int, int], bool] | None = None, anchors: Sequence[Anchor] = (), *, signatures: bool = True
    ) -> VerifyReport:
        """Check every record; `progress(done, size)` is called in a reader thread, and cancels by returning False.

        Without `signatures` it is quick, and looks again with them when something does not hold, to name the first bad record.
        """

        def look(conn: Connection) -> VerifyReport:
            report = verify_on(conn, progress, anchors, signatures=signatures)
            return report if report.ok or signatures else verify_on(conn, progress, anchors, signatures=True)

        return await self._database.read_whole(look)

    async def anchor(self, start: int) -> Anchor:
        """Return what to keep outside of these records: a checkpoint of now, with the digests of the records after `start`."""
        await self._database.write(evidence.sign_now)
        return await self._database.read_whole(lambda conn: evidence.anchor_of(conn, start))

    async def consistency(self, before: int) -> Mapping[str, Any]:
        """Return the proof that the log only grew since the first checkpoint over `before` records; empty where nothing is signed."""
        return await self._database.read_whole(lambda conn: evidence.consistency(conn, before))

    async def pin(self, anchor: Anchor, actor: Actor, at: datetime) -> None:
        """Keep a checkpoint of another console's log here, on record. Raises ValueError when it is none."""

        def move(conn: Connection) -> None:
            evidence.pin_to(conn, anchor.note, actor.name, iso(at))
            append_to(conn, Entry(RecordKind.CONSOLE, actor, at, "pin a checkpoint", result="pinned", detail={"note": anchor.note}))

        await self._database.write(move)

    async def pins(self, log_id: str) -> Sequence[Anchor]:
        """Return the checkpoints of a log that were pinned here."""
        return await self._database.read(lambda conn: evidence.pins_of(conn, log_id))

    def cannot_sign(self, *, practice: bool) -> str:
        """Return in words why a forward move cannot be recorded with a signature; "" when it can, or needs none."""
        return "" if self._database.keys is None else self._database.keys.cannot_sign(practice=practice)

    async def may_sign(self) -> None:
        """Wait for a key that is being loaded, as long as a person needs to unlock the keyring; what goes back must not ask for it."""
        if self._database.keys is not None:
            await self._database.keys.settled(patient=True)

    async def begin_signing(self, *, wait: bool = True) -> str:
        """Load the person's key, or make one when these records have none yet; returns why not, "" when records are signed from now on.

        With `wait` a person gets the time to unlock the keyring; without it the key is loaded beside whatever follows.
        """
        keys = self._database.keys
        if keys is None:
            return "there is no keyring"
        keys.ask(make=True)
        if wait:
            await keys.settled(patient=True)
        return "" if keys.mine is not None else keys.why

    async def _index_words(self, chosen: AuditFilter) -> None:
        """Bring the word index forward before a search, a little in each transaction; appends do not pay for it."""
        if not wanted_words(chosen.text):
            return
        try:
            for _ in range(_MOST_ROUNDS):
                if not await self._database.write(catch_up):
                    return
        except CannotRecord as error:
            _log.warning("searching without the word index: %s", error)


def _with_notes(conn: Connection, chosen: AuditFilter, cut: Cut) -> tuple[list[Record], list[SignedHead]]:
    """Return records and the checkpoints over them; how far those reach is read first, so that what is appended meanwhile is left out.

    The other way round, records that a checkpoint covers would seem to be cut off. Those that are cut off still are.
    """
    reach = evidence.reach(conn)
    records = _page(conn, chosen, cut)
    upto = records[-1].seq if len(records) == cut.limit else reach
    return records, evidence.notes_between(conn, cut.after, upto)


def _page(conn: Connection, chosen: AuditFilter, cut: Cut) -> list[Record]:
    query = page_query(conn, chosen, cut)
    return [] if query is None else [_record(row) for row in conn.execute(query)]
