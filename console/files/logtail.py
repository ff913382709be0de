"""The last lines of the program's own log, for a person to read."""

import json
import os
from datetime import datetime
from pathlib import Path

FROM_END = 128 * 1024
"""So many bytes from the end are read at most, however large the file has grown."""


def last_lines(path: Path, most: int = 200) -> list[str]:
    """Return the newest lines, oldest first, each as `10:10:22 warning text`; a traceback adds its last line. A missing file has none.

    A line that is no record of ours is returned as it stands. Raises OSError where the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - FROM_END))
            found = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    whole = found[1:] if size > FROM_END else found
    return [_in_words(line) for line in whole[-most:]]


def _in_words(line: str) -> str:
    try:
        record = json.loads(line)
        at = datetime.fromisoformat(record["at"]).astimezone()
        trace = str(record.get("traceback", "")).strip().splitlines()
        return "  ".join([f"{at:%H:%M:%S}", f"{record['level']:<8}", str(record["text"]).replace("\n", " "), *trace[-1:]])
    except (ValueError, KeyError, TypeError):
        return line
