"""The audit's chain: canonical bodies, their hashes, and a verifier that needs no database."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

import rfc8785

from console.model.audit import Entry, Record, RecordKind, VerifyReport
from console.model.clock import from_iso, iso
from console.model.rollout import Actor
from console.store.redact import redact, redact_text

FIRST_PREV = "0" * 64
"""What stands for the hash of the record before the first one."""

FORMAT = 1
_SAFE_INT = 2**53 - 1
_LONGEST_TEXT = 262_144
_DEEPEST = 24

Progress = Callable[[int, int], bool]


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


_SEQ, _KIND, _STEP, _HASH, _SIGNED = (Row._fields.index(name) for name in ("seq", "kind", "step", "hash", "signed"))
_COPIES = ("seq", "kind", "actor", "at", "target", "rollout", "step")


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
    well_formed = value.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(well_formed) <= _LONGEST_TEXT:
        return well_formed
    return f"{well_formed[:_LONGEST_TEXT]}… (cut, {len(well_formed)} characters)"


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def seal(entry: Entry, *, seq: int, prev: str, log_id: str) -> tuple[Record, Row]:
    """Give an entry its place in the chain: clean it, redact it, write its canonical bytes and hash them.

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
    digest = sha256(body).hexdigest()
    row = Row(**{name: fields[name] for name in _COPIES}, hash=digest, body=body, signed=0)
    return Record(seq=seq, entry=entry_of(body), prev=prev, hash=digest, body=body), row


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


@dataclass(slots=True)
class _Walk:
    """How far a verification has come."""

    log_id: str
    prev: str = FIRST_PREV
    seq: int = 0
    checked: int = 0
    unsigned: int = 0


def verify_rows(rows: Iterable[tuple[Any, ...]], log_id: str, size: int, progress: Progress | None = None) -> VerifyReport:
    """Check rows (the fields of Row) in order of their numbers.

    Each body is held against its hash, its place, its log, its indexed copies and the record before it.
    `size` is only told to `progress`, every 1,000 records; when that returns False the report says "cancelled" and how far it came.
    """
    walk = _Walk(log_id)
    open_steps: dict[str, None] = {}
    stream = iter(rows)
    for row in stream:
        if not _holds(row, walk):
            following = next(stream, None)
            return _report(walk, open_steps, *_blame(walk, Row._make(row), None if following is None else Row._make(following)))
        seq = walk.seq = walk.checked = row[_SEQ]
        walk.prev = row[_HASH]
        walk.unsigned += not row[_SIGNED]
        if row[_STEP]:
            _follow(open_steps, row[_KIND], row[_STEP])
        if seq % 1000 == 0 and progress is not None and not progress(seq, size):
            return replace(_report(walk, open_steps, None, ""), problem="cancelled")
    if progress is not None:
        progress(walk.checked, max(size, walk.checked))
    return _report(walk, open_steps, None, "")


def _follow(open_steps: dict[str, None], kind: str, step: str) -> None:
    if kind == "intent":
        open_steps[step] = None
    elif kind == "outcome":
        open_steps.pop(step, None)


def _report(walk: _Walk, open_steps: Mapping[str, None], first_bad: int | None, problem: str) -> VerifyReport:
    head = walk.prev if walk.seq else ""
    return VerifyReport(walk.log_id, walk.checked, head, walk.checked, first_bad, problem, tuple(open_steps), walk.unsigned)


class _Unlinked(str):
    """The problem of a record that does not follow the one before it; which of the two was changed is not yet known."""

    __slots__ = ()


def _holds(row: tuple[Any, ...], walk: _Walk) -> bool:
    """Tell whether a row is in its place, with a body that matches its hash and ends with the indexed copies, upon the record before.

    A canonical body has its keys in order, so that they stand in one known run; comparing it costs a third of parsing the body.
    """
    seq, kind, actor, at, target, rollout, step, digest, body, _ = row
    try:
        end = (
            f'}},"actor":{quoted(actor)},"at":"{at}","kind":"{kind}","log":"{walk.log_id}","prev":"{walk.prev}",'
            f'"rollout":{quoted(rollout)},"seq":{seq},"step":{quoted(step)},"target":{quoted(target)},"v":{FORMAT}}}'
        )
        return bool(seq == walk.seq + 1 and sha256(body).hexdigest() == digest and body.endswith(end.encode()))
    except (TypeError, AttributeError, UnicodeEncodeError):
        return False


def _problem(walk: _Walk, row: Row) -> str:
    """Return what is wrong with a row that does not hold. The order of the checks decides how it is named."""
    expected = walk.seq + 1
    if row.seq != expected:
        if isinstance(row.seq, int) and row.seq > expected:
            return f"missing: record {expected} was deleted (the next one is {row.seq})"
        return f"inserted: a record numbered {row.seq} stands where {expected} belongs"
    if not isinstance(row.body, bytes) or sha256(row.body).hexdigest() != row.hash:
        return "edited: the body does not match its hash"
    return _explain(row, walk)


def _explain(row: Row, walk: _Walk) -> str:
    try:
        fields = json.loads(row.body)
        seq, log, version, prev = fields["seq"], fields["log"], fields["v"], fields["prev"]
    except (ValueError, KeyError, TypeError):
        return "edited: the body is not a record"
    if version != FORMAT:
        return f"unknown: the record is written in format {version}, this program knows {FORMAT}"
    if log != walk.log_id:
        return f"inserted: the record belongs to another log ({str(log)[:40]})"
    if seq != row.seq:
        return f"reordered: the record in place {row.seq} says that it is number {str(seq)[:40]}"
    changed = [name for name in _COPIES if fields.get(name) != getattr(row, name)]
    if changed or prev == walk.prev:
        return f"edited: the row differs from the sealed record in {', '.join(changed) or 'its form'}"
    return _Unlinked(f"edited: record {row.seq} was sealed upon another content of record {walk.seq}")


def _blame(walk: _Walk, row: Row, following: Row | None) -> tuple[int, str]:
    """Return the number of the first bad record and the problem.

    When two records do not fit together, the one whose hash its own follower confirms is the true one.
    """
    problem = _problem(walk, row)
    if problem.startswith("missing:") or not isinstance(row.seq, int):
        return walk.seq + 1, problem
    if not isinstance(problem, _Unlinked) or walk.seq == 0:
        return row.seq, problem
    if following is not None and prev_of(following.body) != row.hash:
        return row.seq, f"edited: record {row.seq} follows neither {walk.seq} nor is it followed by {following.seq}"
    return walk.seq, str(problem)


def verify_export(lines: Iterable[str | bytes], *, partial: bool = False, progress: Progress | None = None) -> VerifyReport:
    """Check an export in JSON Lines, where each line holds `body` (the text that was hashed), `hash` and perhaps `seq`.

    `partial` allows the gaps of an export that was narrowed: then links are checked only between records that are neighbours.
    A line that cannot be read counts as a bad record in its place.
    """
    walk = _Walk("")
    open_steps: dict[str, None] = {}
    for number, row in _exported(lines):
        if row is None:
            return _report(walk, open_steps, walk.seq + 1, f"edited: line {number} is not a record")
        log_id = str(_field(row.body, "log"))
        walk.log_id = walk.log_id or log_id
        if partial and row.seq > walk.seq + 1:
            walk.seq, walk.prev = row.seq - 1, prev_of(row.body)
        if not _holds(row, walk):
            return _report(walk, open_steps, *_blame(walk, row, None))
        walk.seq, walk.prev = row.seq, row.hash
        walk.checked += 1
        walk.unsigned += 1
        if row.step:
            _follow(open_steps, row.kind, row.step)
        if progress is not None and walk.checked % 1000 == 0 and not progress(walk.checked, walk.checked):
            return replace(_report(walk, open_steps, None, ""), problem="cancelled")
    return _report(walk, open_steps, None, "")


def _field(body: bytes, name: str) -> Any:
    return json.loads(body).get(name, "")


def _exported(lines: Iterable[str | bytes]) -> Iterator[tuple[int, Row | None]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
            fields = json.loads(held["body"])
            copies = {name: fields[name] for name in _COPIES} | {"seq": held.get("seq", fields["seq"])}
            yield number, Row(**copies, hash=held["hash"], body=held["body"].encode(), signed=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            yield number, None
