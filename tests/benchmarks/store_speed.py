"""What records cost: a durable, signed append against the disk alone, a verification against hashing alone, a page against everything.

Run `python tests/benchmarks/store_speed.py [RECORDS]`; exits 1 when a goal is missed. Pairs are measured interleaved; what is read whole
is read in processes of their own, so that their memory can be compared.
"""

import asyncio
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from sqlalchemy import Connection, select

from console.model.audit import AuditFilter, Entry, RecordKind
from console.model.clock import SystemClock
from console.model.rollout import Actor
from console.store.heads import kept
from console.store.keys import Signer
from console.store.posix import sync
from console.store.schema import audit
from console.store.sealing import Row, seal
from console.store.sqlite import RECORDS, SqliteStore, open_store

ALLOWED_MS = 1.5
ALLOWED_RATIO = 3.0
SOONER = 50
LIGHTER = 10
DEEPER = 2.0
FILTERS = (AuditFilter(), AuditFilter(target="shop"), AuditFilter(kinds=frozenset({RecordKind.INTENT, RecordKind.OUTCOME})))


class Drawer(dict[str, str]):
    """A keyring in memory."""

    def put(self, name: str, value: str) -> None:
        self[name] = value


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
    """Write many records in few transactions: all like two that were sealed, with their own numbers, links and hashes.

    Their signatures are those of the two; the verification that is measured leaves signatures out.
    """

    def some(conn: Connection) -> None:
        last = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).one()
        seq, prev, log_id, rows = last.seq, last.hash, kept(conn).log_id, []
        like = [seal(told(number), seq=1, prev="?", log_id=log_id, key=store.keys.mine)[1] for number in (0, 1)]
        for number in range(seq + 1, seq + 10_001):
            row = like[number % 2]
            text = row.body.decode().replace('"prev":"?"', f'"prev":"{prev}"')
            body = text.replace(f'"seq":1,"step":"{row.step}"', f'"seq":{number},"step":"s{number // 2}"').encode()
            prev = sha256(body).hexdigest()
            rows.append((number, *row[1:6], f"s{number // 2}", prev, body, 1, row.key, row.signature))
        columns = ", ".join(Row._fields)
        conn.connection.driver_connection.executemany(f"INSERT INTO audit ({columns}) VALUES ({', '.join('?' * len(Row._fields))})", rows)

    for _ in range(count // 10_000):
        store._database.submit(some).result()


def processor_s(work) -> float:
    """Return the processor seconds of a piece of work, which other programs do not stretch."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def verifications(store: SqliteStore) -> tuple[float, float]:
    """Return the processor seconds of verifying everything but signatures, and of reading and hashing each body."""
    raw = sqlite3.connect(store.folder / RECORDS)

    def hash_alone() -> None:
        for (body,) in raw.execute("SELECT body FROM audit ORDER BY seq"):
            sha256(body).hexdigest()

    def verify() -> None:
        assert asyncio.run(store.audit.verify(signatures=False)).ok

    pairs = [(processor_s(verify), processor_s(hash_alone)) for _ in range(5)]
    raw.close()
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def pages(store: SqliteStore) -> float:
    """Return the worst ratio of a page deep down to the first one, over some filters."""
    return max(asyncio.run(_deep(store, chosen)) for chosen in FILTERS)


async def _deep(store: SqliteStore, chosen: AuditFilter) -> float:
    first, deep = [], []
    for _ in range(40):
        for before, took in ((None, first), (1500, deep)):
            begun = time.process_time()
            assert len(await store.audit.page(chosen, before, 100)) == 100
            took.append(time.process_time() - begun)
    return statistics.median(deep) / statistics.median(first)


def read_apart(folder: Path, what: str) -> tuple[float, float]:
    """Return the seconds and the MiB of a process that reads the first page, or everything."""
    done = subprocess.run([sys.executable, __file__, what, str(folder)], check=True, capture_output=True, text=True)
    seconds, mebibytes = json.loads(done.stdout)
    return float(seconds), float(mebibytes)


def child(what: str, folder: Path) -> None:
    store = open_store(folder, SystemClock())
    begun = time.perf_counter()
    if what == "page":
        assert len(asyncio.run(store.audit.page(AuditFilter(), None, 100))) == 100
    else:
        raw = sqlite3.connect(folder / RECORDS)
        held = raw.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        assert held
    print(json.dumps([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
    asyncio.run(store.close())


async def signing_store(folder: Path) -> SqliteStore:
    store = open_store(folder, SystemClock(), signer=Signer("ann", Drawer()))
    assert await store.audit.begin_signing() == ""
    return store


def main(count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = asyncio.run(signing_store(Path(folder) / "data"))
        rounds = [asyncio.run(appends(store, Path(folder) / f"bare{number}", 100)) for number in range(5)]
        append_ms, sync_ms = min(rounds, key=lambda pair: pair[0] - pair[1])
        fill(store, count)
        verify_s, hash_s = verifications(store)
        deeper = pages(store)
        asyncio.run(store.close())
        reads = [(read_apart(Path(folder) / "data", "page"), read_apart(Path(folder) / "data", "all")) for _ in range(3)]
    ratio = verify_s / hash_s
    sooner = statistics.median(whole[0] / page[0] for page, whole in reads)
    lighter = statistics.median(whole[1] / page[1] for page, whole in reads)
    print(f"durable signed append {append_ms:.2f} ms, disk alone {sync_ms:.2f} ms, allowed {sync_ms + ALLOWED_MS:.2f} ms")
    print(f"verification of {count:,} records {verify_s:.2f} s, hashing alone {hash_s:.2f} s: x{ratio:.2f}, allowed x{ALLOWED_RATIO:g}")
    print(f"first page {sooner:.0f} times sooner than everything, wanted {SOONER}; {lighter:.1f} times lighter, wanted {LIGHTER}")
    print(f"a page deep down costs x{deeper:.2f} of the first, allowed x{DEEPER:g}")
    small = count < 1_000_000
    missed = [append_ms > sync_ms + ALLOWED_MS, ratio > ALLOWED_RATIO, deeper > DEEPER]
    return int(any(missed) or (not small and (sooner < SOONER or lighter < LIGHTER)))


if __name__ == "__main__":
    if sys.argv[1:2] in (["page"], ["all"]):
        child(sys.argv[1], Path(sys.argv[2]))
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
