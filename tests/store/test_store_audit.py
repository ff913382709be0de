"""The audit in its file: append-only, found out when it was changed, paged and searched."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from store_kit import ANN, BACK, BOB, NOON, UP, HandClock, allow, driving, entry, export_line, intent_for, outcome_for

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import StoreError
from console.store.exported import verify_export
from console.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


async def filled(store: SqliteStore, count: int = 6) -> None:
    for number in range(1, count + 1):
        await store.audit.append(entry(f"verb {number}"))


def attack(folder: Path, *statements: str, triggers: bool = False) -> None:
    """Change the file from outside, as somebody with a SQLite shell would."""
    with closing(sqlite3.connect(folder / "records.db")) as raw, raw:
        if not triggers:
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)


async def test_a_record_is_durable_and_reads_back(store: SqliteStore):
    told = entry("arm", RecordKind.TARGET, reason="now", detail={"n": 1})
    record = await store.audit.append(told)
    assert (record.seq, record.entry, record.signed) == (1, told, False)
    assert await store.audit.page(AuditFilter(), None, 10) == [record]
    report = await store.audit.verify()
    assert (report.ok, report.size, report.head, report.unsigned) == (True, 1, record.hash, 1)


async def test_the_head_tells_of_every_record_and_of_nothing_else(store: SqliteStore):
    assert await store.audit.head() == 0
    await filled(store, 2)
    assert await store.audit.head() == 2
    await store.settings.put("pages", "40")
    assert await store.audit.head() == 2


async def test_an_empty_audit_verifies(store: SqliteStore):
    report = await store.audit.verify()
    assert (report.ok, report.size, report.head) == (True, 0, "")
    assert len(report.log_id) == 32


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET target = 'x' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        "REPLACE INTO audit SELECT * FROM audit WHERE seq = 6",
    ],
)
async def test_the_file_itself_lets_the_audit_only_grow(store: SqliteStore, statement: str):
    await filled(store)
    with pytest.raises(sqlite3.IntegrityError, match="the audit only grows"):
        attack(store.folder, statement, triggers=True)
    assert (await store.audit.verify()).ok


COLUMNS = "kind, actor, at, target, rollout, step, hash, body, signed, key, signature"
ATTACKS: list[tuple[str, int, str]] = [
    ("UPDATE audit SET target = 'forged' WHERE seq = 3", 3, "edited"),
    ("UPDATE audit SET kind = 'intent', step = 'forged' WHERE seq = 3", 3, "edited"),
    ("UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 3", 3, "edited"),
    ("UPDATE audit SET body = replace(body, 'verb 3', 'verb X') WHERE seq = 3", 3, "edited"),
    ("UPDATE audit SET body = CAST(replace(body, 'shop', 'home') AS BLOB), target = 'home' WHERE seq = 3", 3, "edited"),
    ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 3", 3, "edited"),
    ("UPDATE about SET value = 'another' WHERE key = 'log'", 1, "inserted"),
    ("DELETE FROM audit WHERE seq = 1", 1, "missing"),
    ("DELETE FROM audit WHERE seq = 4", 4, "missing"),
    ("DELETE FROM audit WHERE seq IN (2, 3)", 2, "missing"),
    ("UPDATE audit SET seq = seq - 1 WHERE seq = 1", 0, "inserted"),
    ("UPDATE audit SET seq = CASE seq WHEN 6 THEN 7 ELSE seq END", 6, "missing"),
    (f"INSERT INTO audit SELECT 7, {COLUMNS} FROM audit WHERE seq = 6", 7, "reordered"),
]


@pytest.mark.parametrize(("statement", "first_bad", "word"), ATTACKS)
async def test_an_attack_on_the_file_is_found_and_named(store: SqliteStore, statement: str, first_bad: int, word: str):
    await filled(store)
    attack(store.folder, statement)
    report = await store.audit.verify()
    assert report.first_bad == first_bad
    assert report.problem.startswith(word)


async def test_records_that_changed_places_are_found(store: SqliteStore):
    await filled(store)
    attack(
        store.folder,
        "UPDATE audit SET seq = -2 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = -2",
    )
    report = await store.audit.verify()
    assert report.first_bad == 2
    assert report.problem.startswith("reordered")


async def test_a_record_pushed_in_between_is_found(store: SqliteStore):
    await filled(store)
    attack(
        store.folder,
        "UPDATE audit SET seq = -seq - 1 WHERE seq >= 3",
        "UPDATE audit SET seq = -seq WHERE seq < 0",
        f"INSERT INTO audit SELECT 3, {COLUMNS} FROM audit WHERE seq = 2",
    )
    assert (await store.audit.verify()).first_bad == 3


async def test_a_bit_flipped_on_the_disk_is_found(store: SqliteStore):
    await filled(store, 40)
    await store.close()
    path = store.folder / "records.db"
    content = bytearray(path.read_bytes())
    place = content.index(b'"verb":"verb 17"')
    content[place + 9] ^= 1
    path.write_bytes(content)
    from console.store.sqlite import open_store

    again = open_store(store.folder, HandClock())
    report = await again.audit.verify()
    await again.close()
    assert report.first_bad == 17


async def test_pages_go_back_by_number_without_gaps(store: SqliteStore):
    await filled(store, 7)
    seen: list[int] = []
    before = None
    while page := await store.audit.page(AuditFilter(), before, 3):
        seen += [record.seq for record in page]
        before = seen[-1]
    assert seen == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (AuditFilter(), [1, 2, 3]),
        (AuditFilter(kinds=frozenset({RecordKind.FREEZE, RecordKind.TARGET})), [2, 3]),
        (AuditFilter(target="other"), [2]),
        (AuditFilter(rollout="R-7"), [3]),
        (AuditFilter(actor="bob"), [3]),
        (AuditFilter(since=NOON + timedelta(hours=1)), [2, 3]),
        (AuditFilter(until=NOON + timedelta(hours=1)), [1]),
        (AuditFilter(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=2)), [2]),
        (AuditFilter(text="Zahlung"), [2]),
        (AuditFilter(text="zahl kaputt"), [2]),
        (AuditFilter(text="R-7"), [3]),
        (AuditFilter(text="sale NEAR"), []),
        (AuditFilter(text='"unbalanced'), []),
        (AuditFilter(text="%"), [3]),
        (AuditFilter(text="50 %"), [3]),
        (AuditFilter(text="   "), [1, 2, 3]),
        (AuditFilter(text="größe", target="other"), [2]),
    ],
)
@pytest.mark.parametrize("indexed", [True, False])
async def test_a_filter_finds_what_it_says(store: SqliteStore, chosen: AuditFilter, found: list[int], indexed: bool):
    await store.audit.append(entry("one"))
    await store.audit.append(
        entry("two", RecordKind.FREEZE, target="other", at=NOON + timedelta(hours=1), reason="Zahlung\nkaputt, Größe?")
    )
    await store.audit.append(
        entry("three", RecordKind.TARGET, rollout="R-7", actor=BOB, at=NOON + timedelta(hours=2), detail={"note": "sale at 50 %"})
    )
    if not indexed:
        attack(store.folder, "DROP TABLE audit_words", triggers=True)
    assert [record.seq for record in await store.audit.all(chosen)] == found
    assert [record.seq for record in await store.audit.page(chosen, None, 10)] == found[::-1]


async def test_records_appended_after_a_search_are_found_by_the_next_one(store: SqliteStore):
    await filled(store, 3)
    assert [record.seq for record in await store.audit.page(AuditFilter(text="verb 2"), None, 9)] == [2]
    await store.audit.append(entry("verb 22"))
    assert [record.seq for record in await store.audit.page(AuditFilter(text="verb 2"), None, 9)] == [4, 2]


async def test_a_record_that_cannot_be_read_is_said_in_words(store: SqliteStore):
    await filled(store, 3)
    attack(store.folder, "UPDATE audit SET body = X'00' WHERE seq = 2")
    with pytest.raises(StoreError, match="Record 2 of the audit cannot be read"):
        await store.audit.page(AuditFilter(), None, 9)


async def test_an_export_of_everything_verifies_on_its_own(store: SqliteStore):
    await filled(store)
    lines = [export_line(record) for record in await store.audit.all(AuditFilter())]
    report = verify_export(lines)
    inside = await store.audit.verify()
    assert (report.ok, report.head, report.log_id) == (True, inside.head, inside.log_id)


async def test_a_verification_tells_its_progress_and_can_be_cancelled(store: SqliteStore):
    await filled(store, 3)
    told: list[tuple[int, int]] = []

    def progress(done: int, size: int) -> bool:
        told.append((done, size))
        return True

    assert (await store.audit.verify(progress)).ok
    assert told == [(3, 3)]


async def test_open_intents_are_named(store: SqliteStore):
    rollout, token = await driving(store)
    await store.journal.send(intent_for(rollout, UP, token, "up"), allow)
    row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    await store.journal.settle(row, outcome_for("back"))
    report = await store.audit.verify()
    assert report.open_intents == ("up",)
    intents = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.INTENT})))
    assert [record.entry.detail["step"] for record in intents] == ["up", "back"]
    assert intents[0].entry.plan_hash == rollout.plan.hash


async def test_two_stores_on_one_file_make_one_chain(store: SqliteStore, clock):
    from console.store.sqlite import open_store

    other = open_store(store.folder, clock)
    for number in range(5):
        await store.audit.append(entry(f"here {number}"))
        await other.audit.append(entry(f"there {number}", actor=replace(ANN, name="zoe")))
    await other.close()
    report = await store.audit.verify()
    assert (report.ok, report.size) == (True, 10)
