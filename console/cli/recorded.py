"""Recorded counts of sessions, as `judge` reads them from a CSV file."""

import csv
import io
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from console.analysis.counts import Counts
from console.analysis.history import NO_HISTORY, History
from console.analysis.numbers import LARGEST_COUNT, finite, whole
from console.model.errors import BadFile

COLUMNS = ("time_s", "baseline_attempts", "baseline_ok", "canary_attempts", "canary_ok")
LARGEST_FILE = 64 * 1024 * 1024
LATEST_S = 1e11
"""Times are seconds from any origin, also from 1970; beyond this no calendar follows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One interval: the sessions resolved in it, and when it ended."""

    time_s: float
    counts: Counts


def read_rows(path: Path) -> list[Row]:
    """Return the intervals of a file, in order of time.

    Raises BadFile, naming file, line, column, the value found and the value wanted.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    rows: list[Row] = []
    try:
        order = _order(path, next(reader, []))
        for fields in reader:
            if fields and any(field.strip() for field in fields):
                rows.append(_row(_Line(path, reader.line_num, fields, order), rows[-1].time_s if rows else None))
    except csv.Error as error:
        raise BadFile(f"{path}, line {reader.line_num}: {error}.", advice="Save it as plain comma-separated values.") from error
    if not rows:
        raise BadFile(f"{path} holds no interval.", advice=f"Give one row per interval under the header {','.join(COLUMNS)}.")
    return rows


def parse_baseline(text: str) -> History:
    """Return the history that `OK/N` gives; none for an empty text. Raises BadFile for anything else."""
    if not text:
        return NO_HISTORY
    ok_text, slash, total_text = text.partition("/")
    ok, total = whole(ok_text), whole(total_text)
    if not slash or ok is None or total is None or ok > total or total == 0:
        raise BadFile(f"--baseline is {text[:40]!r}.", advice="Give OK/N, such as 1940/2000: so many of N sessions were ok.")
    return History(ok, total)


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    number: int
    fields: list[str]
    order: dict[str, int]

    def field(self, column: str) -> str:
        """Return the text of a column. Raises BadFile when the line is too short."""
        place = self.order[column]
        if place >= len(self.fields):
            raise BadFile(f"{self.path}, line {self.number}, column {column}: found nothing.", advice="Wanted a number.")
        return self.fields[place].strip()

    def bad(self, column: str, wanted: str) -> BadFile:
        """Return the error that names what was found in a column and what was wanted."""
        return BadFile(f"{self.path}, line {self.number}, column {column}: found {self.field(column)[:40]!r}.", advice=f"Wanted {wanted}.")


def _text(path: Path) -> str:
    """Return the file's text."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}.", advice="Give a CSV file that you may read.") from error
    if len(content) > LARGEST_FILE:
        raise BadFile(f"{path} is larger than {LARGEST_FILE // 1024**2} MiB.", advice="Give fewer or longer intervals.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.start + 1].hex()
        raise BadFile(f"{path}, line {line}: found byte 0x{found}, which is no text.", advice="Save it as CSV in UTF-8.") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadFile(f"{path}, line {line}: found a NUL byte.", advice="Save it as CSV in UTF-8.")
    return text


def _order(path: Path, header: list[str]) -> dict[str, int]:
    """Return where each column stands; other columns are left alone."""
    names = [name.strip() for name in header]
    for column in COLUMNS:
        if names.count(column) > 1:
            raise BadFile(f"{path}, line 1: the column {column} stands there twice.", advice="Wanted it once.")
        if column not in names:
            near = get_close_matches(column, names, 1)
            found = f"; {near[0][:40]!r} comes nearest" if near else ""
            raise BadFile(f"{path}, line 1: the column {column} is missing{found}.", advice=f"Wanted the header {','.join(COLUMNS)}.")
    return {column: names.index(column) for column in COLUMNS}


def _row(line: _Line, before_s: float | None) -> Row:
    """Return one interval."""
    time_s = finite(line.field("time_s"))
    if time_s is None or abs(time_s) > LATEST_S:
        raise line.bad("time_s", "a time in seconds")
    if before_s is not None and time_s <= before_s:
        raise line.bad("time_s", f"a time later than the row before, {before_s:g} s")
    (kb, fb), (kc, fc) = _side(line, "baseline"), _side(line, "canary")
    return Row(time_s, Counts(kb, fb, kc, fc))


def _side(line: _Line, side: str) -> tuple[int, int]:
    """Return (ok, failed) of one side."""
    attempts, ok = (_count(line, f"{side}_{what}") for what in ("attempts", "ok"))
    if ok > attempts:
        raise line.bad(f"{side}_ok", f"at most the {attempts:,} of {side}_attempts")
    return ok, attempts - ok


def _count(line: _Line, column: str) -> int:
    number = whole(line.field(column))
    if number is None:
        raise line.bad(column, f"a whole number from 0 to {LARGEST_COUNT:,}")
    return number
