"""How commands print: tables for people, JSON with stable keys and UTC times for scripts."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, time
from enum import Enum
from typing import Any

from console.model.clock import iso
from console.model.errors import ConsoleError
from console.model.text import clean

CELL, LINE = 300, 2000
"""Signs that a cell and a line may have: remote text is shown as plain text, bounded."""


def plain(value: Any) -> Any:
    """Return a value as JSON types: dataclasses as objects, instants as ISO 8601 in UTC, NaN and infinities as null."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso(value) if value.tzinfo else value.isoformat()
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return _plain_container(value)


def _plain_container(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, columns as wide as their longest text; an empty table prints its heads only."""
    body = [tuple(clean(cell, CELL) for cell in row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(head, *body, strict=True)]
    for row in (tuple(head), *body):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_error(error: ConsoleError) -> None:
    """Print what happened, what it means for the release and what to do next, each on its own line, to standard error."""
    for part in (error.message, error.means, error.advice):
        for line in part.splitlines():
            print(clean(line, LINE), file=sys.stderr)


def age(at: datetime | None, now: datetime) -> str:
    """Return the age of a reading in words, `never` when nothing was read."""
    if at is None:
        return "never"
    seconds = max(0.0, (now - at).total_seconds())
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
