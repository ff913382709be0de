"""Pages of records by number, each found through an index whatever the filter, and as quickly deep down as at the top."""

from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, cast, func, select, text, union_all
from sqlalchemy.types import Text

from console.model.audit import AuditFilter
from console.model.clock import iso
from console.store.persons import found_by_server
from console.store.schema import WORDS_TABLE, audit
from console.store.words import indexed, wanted_words

_BEYOND = 2**62


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of what fits: `limit` records with numbers after `after` and under `before`, newest first or oldest first."""

    limit: int
    after: int = 0
    before: int = _BEYOND
    newest_first: bool = True


def page_query(conn: Connection, chosen: AuditFilter, cut: Cut) -> Select[Any] | None:
    """Return the query of a page; None when the filter's time holds no record.

    Each kind, and each way in which a text can be found, is searched by itself in order of number and cut off, so that nothing is sorted
    but a page or two.
    """
    low, high = _between(conn, chosen, cut)
    if low > high:
        return None
    order = audit.c.seq.desc() if cut.newest_first else audit.c.seq
    common = [audit.c.seq >= low, audit.c.seq <= high, *_equal(chosen), *_times(chosen)]
    branches = [[*kind, *words] for kind, words in product(_kinds(chosen), _texts(conn, chosen.text))]
    if len(branches) == 1:
        return select(audit).where(*common, *branches[0]).order_by(order).limit(cut.limit)
    parts = [select(audit.c.seq).where(*common, *branch).order_by(order).limit(cut.limit).subquery() for branch in branches]
    found = union_all(*(select(part.c.seq) for part in parts)).scalar_subquery()
    return select(audit).where(audit.c.seq.in_(found)).order_by(order).limit(cut.limit)


def _equal(chosen: AuditFilter) -> list[ColumnElement[bool]]:
    wanted = ((audit.c.target, chosen.target), (audit.c.rollout, chosen.rollout), (audit.c.actor, chosen.actor))
    return [column == value for column, value in wanted if value]


def _times(chosen: AuditFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if chosen.since is not None:
        conditions.append(audit.c.at >= iso(chosen.since))
    if chosen.until is not None:
        conditions.append(audit.c.at < iso(chosen.until))
    return conditions


def _between(conn: Connection, chosen: AuditFilter, cut: Cut) -> tuple[int, int]:
    """Return the first and the last number that a page may hold; a span of time is turned into numbers by its own index."""
    low, high = cut.after + 1, cut.before - 1
    times = _times(chosen)
    if times:
        first, last = conn.execute(select(func.min(audit.c.seq), func.max(audit.c.seq)).where(*times)).one()
        low, high = (1, 0) if first is None else (max(low, first), min(high, last))
    return low, high


def _kinds(chosen: AuditFilter) -> list[list[ColumnElement[bool]]]:
    return [[audit.c.kind == kind] for kind in sorted(kind.value for kind in chosen.kinds)] or [[]]


def _texts(conn: Connection, typed: str) -> list[list[ColumnElement[bool]]]:
    """Search by the word index, and letter by letter in the records that it does not hold yet."""
    if not typed.strip():
        return [[]]
    if conn.dialect.name == "postgresql":
        return [found_by_server(typed)]
    parts: list[ColumnElement[bool]] = [cast(audit.c.body, Text).contains(part, autoescape=True) for part in typed.split()]
    words, done = wanted_words(typed), indexed(conn)
    if not words or done is None:
        return [parts]
    found = text(f"SELECT rowid FROM {WORDS_TABLE} WHERE {WORDS_TABLE} MATCH :words").bindparams(words=words)  # noqa: S608
    return [[audit.c.seq.in_(found.columns(audit.c.seq).scalar_subquery())], [audit.c.seq > done, *parts]]
