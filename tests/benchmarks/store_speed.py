"""What records cost: a durable append against the disk alone, and a verification against hashing alone.

Run `python tests/benchmarks/store_speed.py [RECORDS]`; exits 1 when a goal is missed. Both pairs are measured interleaved.
"""

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from sqlalchemy import Connection

from console.model.audit import Entry, RecordKind
from console.model.clock import SystemClock
from console.model.rollout import Actor
from console.store.posix import sync
from console.store.sqlite import RECORDS, SqliteStore, open_store
from console.store.trail import append_to

ALLOWED_MS = 1.5
ALLOWED_RATIO = 3.0


def told(number: int) -> Entry:
    detail = {"step": f"step-{number}", "want": {"blue": 95, "green": 5}, "precondition": {"blue": 100, "green": 0}}
    kind = RecordKind.OUTCOME if number % 2 else RecordKind.INTENT
    return Entry(kind, Actor("ann", "desk:1:aa"), SystemClock().now(), "step up", "shop", "R-1", "go on", "", "a" * 64, detail)


async def appends(store: SqliteStore, bare: Path, count: int = 300) -> tuple[float, float]:
    """Return the median milliseconds of a durable append, and of writing and syncing three pages."""
    appended, synced = [], []
    descriptor = os.open(bare, os.O_RDWR | os.O_CREAT)
    os.write(descriptor, bytes(4096 * (count + 3)))
    sync(descriptor)
    for number in range(count):
        begun = time.perf_counter()
        await store.audit.append(told(number))
        middle = time.perf_counter()
        os.lseek(descriptor, 4096 * number, os.SEEK_SET)
        os.write(descriptor, bytes([number % 255 + 1]) * 12_288)
        sync(descriptor)
        synced.append(time.perf_counter() - middle)
        appended.append(middle - begun)
    os.close(descriptor)
    return statistics.median(appended) * 1000, statistics.median(synced) * 1000


def fill(store: SqliteStore, count: int) -> None:
    """Write many records in few transactions."""

    def some(conn: Connection) -> None:
        for number in range(10_000):
            append_to(conn, told(number))

    for _ in range(count // 10_000):
        store._database.submit(some).result()


def processor_s(work) -> float:
    """Return the processor seconds of a piece of work, which other programs do not stretch."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def verifications(store: SqliteStore) -> tuple[float, float]:
    """Return the processor seconds of verifying everything, and of reading and hashing each body."""
    raw = sqlite3.connect(store.folder / RECORDS)

    def hash_alone() -> None:
        for (body,) in raw.execute("SELECT body FROM audit ORDER BY seq"):
            sha256(body).hexdigest()

    def verify() -> None:
        assert asyncio.run(store.audit.verify()).ok

    pairs = [(processor_s(verify), processor_s(hash_alone)) for _ in range(5)]
    raw.close()
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def main(count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "data", SystemClock())
        append_ms, sync_ms = asyncio.run(appends(store, Path(folder) / "bare"))
        fill(store, count)
        verify_s, hash_s = verifications(store)
        asyncio.run(store.close())
    ratio = verify_s / hash_s
    print(f"durable append {append_ms:.2f} ms, disk alone {sync_ms:.2f} ms, allowed {sync_ms + ALLOWED_MS:.2f} ms")
    print(f"verification of {count:,} records {verify_s:.2f} s, hashing alone {hash_s:.2f} s: x{ratio:.2f}, allowed x{ALLOWED_RATIO:g}")
    return int(append_ms > sync_ms + ALLOWED_MS or ratio > ALLOWED_RATIO)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
