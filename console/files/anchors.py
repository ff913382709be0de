"""Anchor files: checkpoints of the audit kept outside of the records, in a file that only grows or in a git repository."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from console.files.problems import shown
from console.model.audit import Anchor
from console.model.errors import BadFile

_LONGEST = 64 * 1024 * 1024
_GIT_S = 60.0


def anchor_line(anchor: Anchor) -> str:
    """Return an anchor as one line of an anchor file, without its end."""
    digests = base64.b64encode(anchor.digests).decode()
    return json.dumps({"anchor": 1, "at": anchor.at, "note": anchor.note, "start": anchor.start, "digests": digests})


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Return the anchors of a file; a bare checkpoint (a signed note, as another console gives it) is one too.

    Raises BadFile with file and line.
    """
    text = _text(path)
    if text.lstrip().startswith("release-console/"):
        return (Anchor(text.lstrip(), str(path)),)
    found = tuple(_anchors(text, path))
    if not found:
        raise BadFile(f"{path} holds no anchor.", advice="Make one with: release-console audit anchor --to FILE")
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST:
            raise BadFile(f"{path} is larger than {_LONGEST // 1024 // 1024} MiB, which no anchor file is.")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadFile(f"{path} cannot be read: {reason.lower()}.") from error


def _anchors(text: str, path: Path) -> Iterator[Anchor]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
            digests = base64.b64decode(held.get("digests", ""), validate=True)
            yield Anchor(str(held["note"]), str(path), str(held.get("at", "")), int(held.get("start", 0)), digests)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadFile(f"{path}:{number}: found {shown(line.strip())}, wanted an anchor.") from error


def size_of(anchor: Anchor) -> tuple[str, int]:
    """Return which log an anchor is of, and how many records it covers; ("", 0) when its note says neither."""
    lines = anchor.note.split("\n")
    if len(lines) < 2 or not (lines[1].isascii() and lines[1].isdecimal()) or len(lines[1]) > 18:
        return "", 0
    return lines[0].rpartition("/")[2], int(lines[1])


def covered(path: Path, log_id: str) -> int:
    """Return how many records of a log the anchors of a file cover already; 0 when there is no such file."""
    if not path.exists():
        return 0
    return max((size for log, size in map(size_of, read_anchors(path)) if log == log_id), default=0)


def append_anchor(path: Path, anchor: Anchor) -> None:
    """Add an anchor at the end of a file; it is on the disk when this returns. Raises BadFile."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(anchor_line(anchor) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadFile(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from error


def commit_anchor(folder: Path, anchor: Anchor) -> Path:
    """Add an anchor to a file in a git repository and commit that file; pushing it is up to whoever owns it. Raises BadFile."""
    log_id, size = size_of(anchor)
    path = folder / f"audit-anchor-{log_id}.jsonl"
    _git(folder, "rev-parse", "--git-dir")
    append_anchor(path, anchor)
    _git(folder, "add", "--", path.name)
    _git(folder, "commit", "--quiet", "--no-verify", "-m", f"Anchor the audit of log {log_id} at {size} records", "--", path.name)
    return path


def _git(folder: Path, *words: str) -> None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607  # git is where the person's PATH has it
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadFile(f"git cannot be run in {folder}: {error}.") from error
    if done.returncode:
        raise BadFile(f"git {words[0]} in {folder} said: {shown(done.stderr.strip())}", advice="Give a folder inside a git repository.")
