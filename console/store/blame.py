"""Says what is wrong with a record that does not hold, and which of two that do not fit together was changed."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from console.store.sealing import COPIES, FIRST_PREV, FORMAT, Row, prev_of

_WITHOUT_KEY = 1
"""The format whose bodies have no `key`."""


@dataclass(slots=True)
class Place:
    """Where a verification stands: the last good record and its hash."""

    log_id: str
    seq: int = 0
    prev: str = FIRST_PREV


class Unlinked(str):
    """The problem of a record that does not follow the one before it; which of the two was changed is not yet known."""

    __slots__ = ()


def holds(row: Row, place: Place) -> bool:
    """Tell whether a row is in its place, with a body that matches its hash and its indexed copies, upon the record before."""
    if not isinstance(row.body, bytes) or not isinstance(row.seq, int) or row.seq != place.seq + 1:
        return False
    return sha256(row.body).hexdigest() == row.hash and _told(row, place) == ""


def _told(row: Row, place: Place) -> str:
    """Return what a body tells that is not so; "" when it fits."""
    try:
        fields = json.loads(row.body)
        seq, log, version, prev = fields["seq"], fields["log"], fields["v"], fields["prev"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "edited: the body is not a record"
    if version not in (FORMAT, _WITHOUT_KEY):
        return f"unknown: the record is written in format {version}, this program knows {FORMAT}"
    if log != place.log_id:
        return f"inserted: the record belongs to another log ({str(log)[:40]})"
    if seq != row.seq:
        return f"reordered: the record in place {row.seq} says that it is number {str(seq)[:40]}"
    if version == _WITHOUT_KEY:
        fields["key"] = ""
    changed = [name for name in COPIES if fields.get(name) != getattr(row, name)]
    if changed:
        return f"edited: the row differs from the sealed record in {', '.join(changed)}"
    if prev != place.prev:
        return Unlinked(f"edited: record {row.seq} was sealed upon another content of record {place.seq}")
    return _unsigned(row)


def _unsigned(row: Row) -> str:
    if (row.signature is not None) == (row.signed == 1) == (row.key != ""):
        return ""
    return "edited: the signature was taken away" if row.signature is None else "edited: a signature was put where there was none"


def blame(place: Place, row: Row, following: Row | None) -> tuple[int, str]:
    """Return the number of the first bad record and the problem.

    When two records do not fit together, the one whose hash its own follower confirms is the true one.
    """
    problem = _problem(place, row)
    if problem.startswith("missing:") or not isinstance(row.seq, int):
        return place.seq + 1, problem
    if not isinstance(problem, Unlinked) or place.seq == 0:
        return row.seq, problem
    if following is not None and prev_of(following.body) != row.hash:
        return row.seq, f"edited: record {row.seq} follows neither {place.seq} nor is it followed by {following.seq}"
    return place.seq, problem


def _problem(place: Place, row: Row) -> str:
    """Return what is wrong with a row that does not hold. The order of the checks decides how it is named."""
    expected = place.seq + 1
    if row.seq != expected:
        if isinstance(row.seq, int) and row.seq > expected:
            return f"missing: record {expected} was deleted (the next one is {row.seq})"
        return f"inserted: a record numbered {_shown(row.seq)} stands where {expected} belongs"
    if not isinstance(row.body, bytes) or sha256(row.body).hexdigest() != row.hash:
        return "edited: the body does not match its hash"
    return _told(row, place) or "edited: the row differs from the sealed record in its form"


def _shown(value: Any) -> str:
    return str(value)[:40]
