"""Text files that others write and watch too: read with a digest, and replaced whole only while they still have it."""

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from console.model.errors import Refused, TooLarge
from console.model.text import clean

FILE_LIMIT = 1024 * 1024
_TRIES, _PAUSE_S = 100, 0.005
"""So often one console looks whether another still writes in the same folder; then it goes on, for the digest is what protects."""

_locks: Any = import_module("fcntl") if os.name == "posix" else None


@dataclass(frozen=True, slots=True)
class SharedText:
    """What a file held when it was read."""

    text: str
    digest: str
    changed_at: datetime


class ChangedMeanwhile(Refused):
    """Somebody else wrote the file after it was read; nothing was written."""


def read_shared(path: Path) -> SharedText:
    """Return a file's text. Raises Refused where there is none that can be read, TooLarge above `FILE_LIMIT`."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
            changed_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError as error:
        raise _refused(path, "cannot be read", error, "Its state is not known now.") from None
    if len(data) > FILE_LIMIT:
        raise TooLarge(
            f"{_shown(path)} is larger than {FILE_LIMIT // 1024} KiB.",
            means="It is neither read nor written.",
            advice="Keep what the console changes in a file of its own.",
        )
    try:
        return SharedText(data.decode("utf-8"), hashlib.sha256(data).hexdigest(), changed_at)
    except UnicodeDecodeError:
        raise Refused(f"{_shown(path)} is no UTF-8 text.", means="Nothing was changed.", advice="Look what wrote it.") from None


def why_not_writable(path: Path) -> str:
    """Return why this computer's user may not replace a file, "" when it may: the folder counts, for the file is replaced whole."""
    folder = path.resolve().parent
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"this console may not write in the folder {_shown(folder)}"


def keep_beside(path: Path, text: str) -> Path:
    """Write what a file held beside it, under a name that no watcher of the folder reads, and return where. Raises Refused."""
    real = path.resolve()
    kept = real.with_name(f"{real.name[:80]}.{secrets.token_hex(4)}.kept")
    try:
        _write(kept, real, text.encode())
    except OSError as error:
        raise _refused(kept, "cannot be written", error, "Nothing was changed.") from None
    return kept


def replace_shared(path: Path, before: SharedText, text: str) -> SharedText:
    """Put a text in place of what was read: a reader sees the file before or the file after, never a half.

    A link is followed, so that the file behind it changes; its permissions stay, and its owner where that is allowed. The name of the file
    that is written first ends in no way that a watcher of the folder would read. Raises ChangedMeanwhile, and Refused when it cannot be
    written.
    """
    real = path.resolve()
    beside = real.with_name(f".{real.name[:80]}.{secrets.token_hex(4)}.new")
    try:
        with _locked(real.parent):
            _write(beside, real, text.encode())
            if read_shared(real).digest != before.digest:
                raise ChangedMeanwhile(
                    f"{_shown(path)} was changed by somebody else at this moment.",
                    means="Nothing was written.",
                    advice="Look at what was changed, then decide again.",
                )
            beside.replace(real)
            _sync(real.parent)
        return read_shared(real)
    except OSError as error:
        raise _refused(path, "cannot be written", error, "Nothing was changed.") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _write(beside: Path, like: Path, data: bytes) -> None:
    kept = like.stat()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if os.name == "posix":
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, kept.st_uid, kept.st_gid)
            os.fchmod(descriptor, kept.st_mode & 0o7777)
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other consoles on this computer from writing in a folder; where that takes too long or is not to be had, go on without."""
    if _locks is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(_TRIES):
            try:
                _locks.flock(descriptor, _locks.LOCK_EX | _locks.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(descriptor)


def _refused(path: Path, what: str, error: OSError, means: str) -> Refused:
    advice = "Check the path in the target file, and that this computer's user may read the file and write in its folder."
    if error.errno in {16, 18}:  # EBUSY, EXDEV: a file that is mounted by itself into a container
        advice = "A file that is mounted by itself cannot be replaced: mount its folder, and let the router watch that."
    return Refused(f"{_shown(path)} {what}: {clean(error.strerror or 'no reason told', 80).lower()}.", means=means, advice=advice)


def _shown(path: Path) -> str:
    return clean(str(path), 200)
