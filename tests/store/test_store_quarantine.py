"""A quarantine that the database does not take waits in the emergency journal, survives its console, and is merged once."""

from dataclasses import replace

import pytest
from store_kit import ANN, BOB, NOON, HandClock, entry
from test_store_trouble import fill_up, full_disk

from console.model.audit import AuditFilter
from console.model.errors import CannotRecord
from console.model.views import QuarantineView
from console.store.emergency import EmergencyJournal
from console.store.sqlite import EMERGENCY, SqliteStore, open_store

pytestmark = pytest.mark.anyio

BAD = QuarantineView("2.0", NOON, "ann", "payments fail", "R-1")


async def kept(store: SqliteStore, row: QuarantineView = BAD) -> None:
    """Quarantine a version while the disk is full."""
    with full_disk(store):
        await fill_up(store)
        await store.ways.quarantine("shop", row, ANN, NOON)


async def told(store: SqliteStore) -> list[tuple[str, object]]:
    found = await store.audit.all(AuditFilter(text="quarantine"))
    return [(record.entry.verb, record.entry.detail.get("origin")) for record in found]


async def test_it_stands_at_once_and_after_the_console_ended(store: SqliteStore, clock: HandClock) -> None:
    await kept(store)
    assert await store.ways.quarantines("shop") == [BAD]
    assert await store.ways.quarantines("search") == []
    await store.close()
    again = open_store(store.folder, clock)
    try:
        await again.audit.append(entry("all is well again"))
        assert again._file.empty
        assert await again.ways.quarantines("shop") == [BAD]
        assert await told(again) == [("quarantine", "emergency journal")]
        assert await again.ways.lift("shop", "2.0", BOB, "mended", NOON)
        assert await again.ways.quarantines("shop") == []
        assert (await again.audit.verify()).ok
    finally:
        await again.close()


async def test_what_is_paused_for_it_later_is_laid_over_it(store: SqliteStore) -> None:
    await store.ways.quarantine("shop", BAD, ANN, NOON)
    paused = replace(BAD, paused=("robot",))
    await kept(store, paused)
    assert await store.ways.quarantines("shop") == [paused]
    await store.audit.append(entry("all is well again"))
    assert await store.ways.quarantines("shop") == [paused]
    assert await told(store) == [("quarantine", None), ("quarantine", "emergency journal")]


async def test_what_the_database_took_after_all_is_not_told_twice(store: SqliteStore) -> None:
    await kept(store)
    waiting = store._file.read().records
    await store.audit.append(entry("all is well again"))
    store._file.append({**waiting[0], "id": "the same under another id"})
    await store.audit.append(entry("once more"))
    assert await told(store) == [("quarantine", "emergency journal")]


async def test_where_the_emergency_journal_fails_too_it_is_said(store: SqliteStore) -> None:
    (store.folder / EMERGENCY).unlink()
    with full_disk(store):
        await fill_up(store)
        with pytest.raises(CannotRecord):
            await store.ways.quarantine("shop", BAD, ANN, NOON)


async def test_a_record_that_is_no_quarantine_stops_nothing(store: SqliteStore) -> None:
    with full_disk(store):
        await fill_up(store)
        await store.ways.quarantine("shop", BAD, ANN, NOON)
        record = store._file.read().records[0]
        for number, row in enumerate(({"target": "shop"}, {**record["row"], "paused": "1"}, {**record["row"], "since": "noon"}, None)):
            EmergencyJournal(store.folder / EMERGENCY).append({**record, "id": f"bad {number}", "row": row})
        assert await store.ways.quarantines("shop") == [BAD]
    await store.audit.append(entry("all is well again"))
    assert await store.ways.quarantines("shop") == [BAD]
    found = await store.audit.all(AuditFilter(text="understood"))
    assert len(found) == 4
