"""How a record is sealed: its canonical body, the hash of it, and the signature over it."""

import json
import math
from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import Any, NamedTuple

import rfc8785

from console.model.audit import Entry, Record, RecordKind
from console.model.clock import from_iso, iso
from console.model.rollout import Actor
from console.store.redact import redact, redact_text
from console.store.signing import SigningKey

FIRST_PREV = "0" * 64
"""What stands for the hash of the record before the first one."""

FORMAT = 2
"""Format 1 had no `key`; its records are still verified."""
_SAFE_INT = 2**53 - 1
_LONGEST_TEXT = 262_144
_DEEPEST = 24


class Row(NamedTuple):
    """A record as the database holds it: indexed copies of some of the body's fields, the body's hash, and the body itself.

    Nothing is sure of a row before it is verified, not even the kinds of `seq` and `body`: SQLite keeps whatever it was given.
    """

    seq: Any
    kind: str
    actor: str
    at: str
    target: str
    rollout: str
    step: str
    hash: str
    body: Any
    signed: int
    key: str = ""
    signature: bytes | None = None


COPIES = ("seq", "kind", "actor", "at", "target", "rollout", "step", "key")
"""The columns that repeat a field of the body."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it: NaN, Inf and integers beyond 2^53 as strings, enums and instants as text, text well-formed."""
    if depth > _DEEPEST:
        return "(nested too deep)"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= _SAFE_INT else str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return _text(str(value))


def _text(value: str) -> str:
    well_formed = value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")  # no server holds a NUL
    if len(well_formed) <= _LONGEST_TEXT:
        return well_formed
    return f"{well_formed[:_LONGEST_TEXT]}… (cut, {len(well_formed)} characters)"


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def seal(entry: Entry, *, seq: int, prev: str, log_id: str, key: SigningKey | None = None) -> tuple[Record, Row]:
    """Give an entry its place in the chain: clean it, redact it, write its canonical bytes, hash them, and sign them where there is a key.

    What is not indexed stands in `act`, the first key in canonical order, so that all the others stand in one run at the body's end.
    """
    detail = redact(plain(entry.detail))
    step = detail.pop("step") if isinstance(detail.get("step"), str) else ""
    act = {
        "console": _clean(entry.actor.console),
        "detail": detail,
        "plan": _clean(entry.plan_hash),
        "reason": _clean(entry.reason),
        "result": _clean(entry.result),
        "verb": _clean(entry.verb),
    }
    fields: dict[str, Any] = {
        "act": act,
        "actor": _clean(entry.actor.name),
        "at": iso(entry.at),
        "key": "" if key is None else key.id,
        "kind": entry.kind.value,
        "log": log_id,
        "prev": prev,
        "rollout": _clean(entry.rollout),
        "seq": seq,
        "step": step,
        "target": _clean(entry.target),
        "v": FORMAT,
    }
    body = rfc8785.dumps(fields)
    signature = None if key is None else key.sign(body)
    copies = {name: fields[name] for name in COPIES}
    row = Row(**copies, hash=sha256(body).hexdigest(), body=body, signed=int(key is not None), signature=signature)
    return record_of(row), row


def record_of(row: Row) -> Record:
    """Return the record that a row holds. Raises ValueError when its body is not one of ours."""
    return Record(row.seq, entry_of(row.body), prev_of(row.body), row.hash, row.body, bool(row.signed), row.key, row.signature or b"")


def _clean(text: str) -> str:
    return redact_text(_text(str(text)))


def entry_of(body: bytes) -> Entry:
    """Return the entry that a body holds. Raises ValueError when it is not a body of ours."""
    try:
        return _entry(json.loads(body))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record: {error}") from error


def _entry(fields: Mapping[str, Any]) -> Entry:
    act = fields["act"]
    detail = dict(act["detail"])
    if fields["step"]:
        detail["step"] = fields["step"]
    return Entry(
        kind=RecordKind(fields["kind"]),
        actor=Actor(fields["actor"], act["console"]),
        at=from_iso(fields["at"]),
        verb=act["verb"],
        target=fields["target"],
        rollout=fields["rollout"],
        reason=act["reason"],
        result=act["result"],
        plan_hash=act["plan"],
        detail=detail,
    )


def prev_of(body: Any) -> str:
    """Return the hash of the record that a body was sealed upon, "" when it is not a body of ours."""
    try:
        return str(json.loads(body)["prev"])
    except (ValueError, KeyError, TypeError):
        return ""
