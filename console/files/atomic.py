"""Writes a file whole or not at all, readable by its owner only."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from console.model.errors import BadFile


def write_whole(path: Path, lines: Iterable[str]) -> int:
    """Write lines (their ends included) to a file beside the wanted one, then move it there; return how many lines.

    A reader sees the file before or the file after, never a half. Raises BadFile when the place cannot be written.
    """
    beside = path.parent / f".{path.name[:80]}.{secrets.token_hex(4)}"
    written = 0
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            for line in lines:
                file.write(line)
                written += 1
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadFile(
            f"{path} cannot be written: {reason.lower()}.", means="Nothing was written.", advice="Choose another place or free this one."
        ) from error
    finally:
        with suppress(OSError, ValueError):
            beside.unlink(missing_ok=True)
    return written


def _sync_folder(folder: Path) -> None:
    """Make the move itself durable where the system lets a folder be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
