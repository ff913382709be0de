"""Exports: audit records as JSON Lines that can be verified later, other documents as JSON, and cells that no spreadsheet runs."""

import base64
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from console.files.atomic import write_whole
from console.files.problems import shown
from console.model.audit import ExportHead, Record, SignedHead
from console.model.errors import BadFile

FORMAT = 2
"""Format 1 had records only, without signatures."""
MAX_LINE = 4 * 1024 * 1024
_LOOKED_AT = 20
_HEAD, _NOTE = '{"export":', '{"checkpoint":'
_RUNS = ("=", "+", "-", "@", "\t", "\r")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exported:
    """A record as an export holds it: `body` is the text that `hash` covers."""

    seq: int
    hash: str
    body: str


def write_export(path: Path, parts: Iterable[Record | SignedHead], head: ExportHead | None = None) -> int:
    """Write records as JSON Lines and return how many. Raises BadFile.

    The first line is the head: the keys and the newest checkpoint; a record is `{"seq", "hash", "body", "signature", "proof"}`, where
    `body` is the canonical text that was hashed and signed; a checkpoint stands behind the last record that it covers.
    """
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        if head is not None:
            yield head_line(head) + "\n"
        for part in parts:
            count += isinstance(part, Record)
            yield (export_line(part) if isinstance(part, Record) else json.dumps({"checkpoint": part.note})) + "\n"

    write_whole(path, lines())
    return count


def head_line(head: ExportHead) -> str:
    """Return the first line of an export, without its end."""
    keys = [
        {"id": key.id, "public": key.public.hex(), "person": key.person, "place": key.place, "made_at": key.made_at} for key in head.keys
    ]
    return json.dumps({"export": FORMAT, "log": head.log_id, "partial": head.partial, "keys": keys, "newest": head.newest})


def export_line(record: Record) -> str:
    """Return a record as one line of an export, without its end."""
    line: dict[str, Any] = {"seq": record.seq, "hash": record.hash, "body": record.body.decode("utf-8")}
    if record.signature:
        line["signature"] = base64.b64encode(record.signature).decode()
    if record.proof:
        line["proof"] = list(record.proof)
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"))


def read_export(path: Path) -> Iterator[str]:
    """Yield the lines of an export as they stand, for a verifier that judges each of them.

    Raises BadFile at once when the file cannot be read or holds nothing that looks like an export.
    """
    beginning = list(islice(_lines(path), _LOOKED_AT))
    if beginning and not any(line.startswith(_HEAD) or _holds_record(line) for line in beginning):
        raise BadFile(f"{path}:1: found {shown(beginning[0].strip())}, wanted an audit export in JSON Lines.")
    return _lines(path)


def read_records(path: Path) -> Iterator[Exported]:
    """Yield the records of an export. Raises BadFile with file and line at the first line that is none."""
    for number, line in enumerate(_lines(path), 1):
        if line.strip() and not line.startswith((_HEAD, _NOTE)):
            yield _record(line, f"{path}:{number}")


def read_text(path: Path) -> str:
    """Return a short text file. Raises BadFile."""
    return "".join(_lines(path))


def write_json(path: Path, document: Any) -> None:
    """Write a document of JSON values, indented. Raises BadFile."""
    write_whole(path, [json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"])


def safe_name(text: str, ending: str = "") -> str:
    """Return a file name made from any text: no folder, no hidden file, no reserved name, at most 80 characters."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:80].strip("-.")
    if not kept or _RESERVED.fullmatch(kept):
        kept = f"export-{kept}" if kept else "export"
    return kept + ending


def csv_cell(text: str) -> str:
    """Return a cell that a spreadsheet shows and does not run: one that begins as a formula gets an apostrophe (CWE-1236)."""
    return "'" + text if text.startswith(_RUNS) else text


def csv_line(cells: Sequence[str]) -> str:
    """Return a row of CSV (RFC 4180) with every cell guarded, its end included."""
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([csv_cell(cell) for cell in cells])
    return out.getvalue()


def _lines(path: Path) -> Iterator[str]:
    """Yield a file's lines; raises BadFile when it cannot be read, or holds a line that is too long or no UTF-8."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
                if len(line) == MAX_LINE:
                    raise BadFile(f"{path}:{number}: found a line of more than {MAX_LINE // 1024 // 1024} MiB, wanted a record.")
                yield line.decode("utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadFile(f"{path} cannot be read: {reason.lower()}.") from error


def _holds_record(line: str) -> bool:
    try:
        _record(line, "")
    except BadFile:
        return False
    return True


def _record(line: str, place: str) -> Exported:
    try:
        held = json.loads(line)
        digest, body = held["hash"], held["body"]
        seq = held["seq"] if "seq" in held else json.loads(body)["seq"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFile(f"{place}: found {shown(line.strip())}, wanted a record with seq, hash and body.") from error
    if not isinstance(seq, int) or not isinstance(digest, str) or not isinstance(body, str):
        raise BadFile(f"{place}: found {shown(line.strip())}, wanted seq as a number, hash and body as texts.")
    return Exported(seq, digest, body)
