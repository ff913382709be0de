"""What only some systems have: private permissions, reserved blocks, syncing to the platter and locks between processes."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSIX = os.name == "posix"
_PAUSE_S = 0.01

MOST_OPEN = 65_536
"""Descriptors that are enough for every target that one console can watch."""

if POSIX:
    import fcntl
    import resource


def no_core_dumps() -> None:
    """Keep the memory of this process, which holds secrets, out of core files; the log says where a crash happened."""
    if POSIX:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def open_many() -> None:
    """Let this process have as many connections open at a time as the system allows it: a thousand targets need some thousands."""
    if not POSIX:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (MOST_OPEN, 10_240):  # macOS allows no more than its own bound, whatever it says
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        if limit <= now or now == resource.RLIM_INFINITY:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
        except (OSError, ValueError):
            continue
        return


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may read (0700 where the system has permissions). Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if POSIX and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def protect(path: Path) -> None:
    """Let only its owner read and write a file (0600 where the system has permissions). Raises OSError."""
    if POSIX and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def allocate(descriptor: int, size: int) -> None:
    """Give a file `size` bytes of real blocks, filled with zeros and synced, so that later writes in place need no new space.

    Raises OSError when the disk has not that much room.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    left = memoryview(bytes(size))
    while left:
        left = left[os.write(descriptor, left) :]
    sync(descriptor)


def sync(descriptor: int) -> None:
    """Return when the file's bytes are on the disk. Raises OSError."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


@contextmanager
def locked(descriptor: int, patience_s: float = 0.25) -> Iterator[bool]:
    """Hold a file against other processes while the block runs; gives False when somebody else keeps it longer than `patience_s`."""
    if not POSIX:
        yield True
        return
    tries = max(1, round(patience_s / _PAUSE_S))
    if not any(_grab(descriptor, last=number == tries) for number in range(1, tries + 1)):
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _grab(descriptor: int, *, last: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EAGAIN, errno.EACCES}:
            raise
        if not last:
            time.sleep(_PAUSE_S)
        return False
    return True
