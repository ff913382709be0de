"""A store in trouble: full, locked, read-only, damaged, newer; forward is refused in words, backward goes on and is merged later."""

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store_kit import ANN, BACK, NOON, UP, HandClock, allow, back_plan, driving, entry, intent_for, make_plan, outcome_for, settle_now

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import CannotRecord, NotAllowed, StaleWrite, StoreError
from console.model.rollout import Rollout, StepState
from console.model.stores import RolloutChange
from console.store.database import Patience
from console.store.sqlite import EMERGENCY, RECORDS, SqliteStore, open_store

pytestmark = pytest.mark.anyio

HASTY = Patience(usual_s=0.2, urgent_s=0.1)


@contextmanager
def another_writer(store: SqliteStore) -> Iterator[None]:
    """Hold the write lock, as a program that hangs in a transaction does."""
    with closing(sqlite3.connect(store.folder / RECORDS, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextmanager
def full_disk(store: SqliteStore) -> Iterator[None]:
    """Let the file grow no more, by SQLite's own limit on its pages."""
    raw = store._database._writer.connection.driver_connection
    before = raw.execute("PRAGMA max_page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {raw.execute('PRAGMA page_count').fetchone()[0]}")
    yield
    raw.execute(f"PRAGMA max_page_count = {before}")


async def fill_up(store: SqliteStore) -> CannotRecord:
    """Append until the database takes no more."""
    for length in (30_000, 3000, 0):
        with pytest.raises(CannotRecord) as caught:
            await append_without_end(store, length)
    return caught.value


async def append_without_end(store: SqliteStore, length: int) -> None:
    while True:
        await store.audit.append(entry("filler", detail={"text": "x" * length}))


async def check_back_and_merge(store: SqliteStore, rollout: Rollout) -> None:
    """After the trouble: the first write merges the backward step that was kept, and the chain holds."""
    before = [row.id for row in await store.journal.steps(rollout.id)]
    await store.audit.append(entry("all is well again"))
    assert [row.id for row in await store.journal.steps(rollout.id)] == before
    report = await store.audit.verify()
    assert (report.ok, report.open_intents) == (True, ())
    merged = [record.entry for record in await store.audit.all(AuditFilter(text="emergency"))]
    assert [told.kind for told in merged] == [RecordKind.INTENT, RecordKind.OUTCOME]
    assert all(told.detail["origin"] == "emergency journal" for told in merged)
    assert all(told.target == "shop" and told.plan_hash == rollout.plan.hash for told in merged)
    assert all(told.detail["step"] == "back" for told in merged)


async def go_back(store: SqliteStore, rollout: Rollout) -> None:
    """Send and settle a backward step that the database does not take."""
    row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    assert (row.state, row.recorded) == (StepState.SENT, "emergency")
    assert (await store.journal.unsettled())[-1] == row
    settled = await store.journal.settle(row, outcome_for("back"))
    assert (settled.state, settled.recorded) == (StepState.CONFIRMED, "emergency")
    assert settled in await store.journal.steps(rollout.id)
    assert "back" not in [one.id for one in await store.journal.unsettled()]


async def test_behind_another_writer_forward_is_refused_in_words_and_backward_goes(store: SqliteStore):
    rollout, token = await driving(store)
    with another_writer(store):
        with pytest.raises(CannotRecord, match=r"waiting for journal.*rollback still works"):
            await store.journal.send(intent_for(rollout, UP, token), allow)
        await go_back(store, rollout)
    await check_back_and_merge(store, rollout)


async def test_a_backward_step_does_not_queue_behind_a_forward_one_that_waits(folder: Path, clock: HandClock):
    store = open_store(folder, clock, Patience(usual_s=30, urgent_s=0.1))
    rollout, token = await driving(store)
    with another_writer(store):
        forward = asyncio.create_task(store.journal.send(intent_for(rollout, UP, token), allow))
        while not store.waiting:
            await asyncio.sleep(0)
        row = await asyncio.wait_for(store.journal.send(intent_for(rollout, BACK), None), 5)
        assert row.recorded == "emergency"
        assert not forward.done()
    assert (await forward).recorded == "journal"
    assert not store.waiting
    await store.close()


async def test_opening_a_way_back_does_not_wait_for_another_writer_as_long_as_opening_a_release(folder: Path, clock: HandClock):
    store = open_store(folder, clock, Patience(usual_s=30, urgent_s=0.1))
    with another_writer(store), pytest.raises(CannotRecord, match="waiting for journal"):
        async with asyncio.timeout(5):
            await store.journal.open(back_plan(), ANN, "back", NOON)
    await store.close()


async def test_a_write_that_is_given_up_is_not_done_later(store: SqliteStore):
    with another_writer(store):
        task = asyncio.create_task(store.settings.put("theme", "dark"))
        while not store.waiting:
            await asyncio.sleep(0)
        late = asyncio.create_task(store.settings.put("theme", "light"))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        with pytest.raises(CannotRecord):
            await task
    assert await store.settings.get("theme", "none") == "none"


async def test_on_a_full_disk_nothing_is_lost_and_backward_goes(store: SqliteStore):
    rollout, token = await driving(store)
    with full_disk(store):
        error = await fill_up(store)
        assert "The disk is full" in error.message
        assert "Free some space" in error.advice
        size = (await store.audit.verify()).size
        with pytest.raises(CannotRecord):
            await store.journal.send(intent_for(rollout, UP, token), allow)
        await go_back(store, rollout)
        report = await store.audit.verify()
        assert (report.ok, report.size) == (True, size)
    await check_back_and_merge(store, rollout)


async def test_when_the_emergency_journal_fails_too_backward_still_goes(store: SqliteStore):
    rollout, _ = await driving(store)
    (store.folder / EMERGENCY).unlink()
    with another_writer(store):
        row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
        assert row.recorded == "not recorded"
        assert (await store.journal.settle(row, outcome_for("back"))).recorded == "not recorded"
    settled = await store.journal.settle(row, outcome_for("back"))
    assert (settled.state, settled.recorded) == (StepState.CONFIRMED, "not recorded")
    (outcome,) = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.OUTCOME})))
    assert outcome.entry.detail["intent"] == "not recorded"
    assert await store.journal.steps(rollout.id) == [settled]


async def test_an_outcome_that_finds_the_database_full_is_kept_for_a_step_in_the_journal(store: SqliteStore):
    rollout, _ = await driving(store)
    row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    with another_writer(store):
        settled = await store.journal.settle(row, outcome_for("back"))
        assert settled.recorded == "emergency"
        assert await store.journal.unsettled() == []
    await store.settings.put("any", "write")
    (again,) = await store.journal.steps(rollout.id)
    assert again.state is StepState.CONFIRMED
    assert (await store.audit.verify()).open_intents == ()


async def test_a_forward_outcome_that_cannot_be_recorded_leaves_the_step_unsettled(store: SqliteStore):
    rollout, token = await driving(store)
    row = await store.journal.send(intent_for(rollout, UP, token, "up"), allow)
    with another_writer(store), pytest.raises(CannotRecord):
        await store.journal.settle(row, outcome_for("up"))
    assert await store.journal.unsettled() == [row]


async def test_what_waits_is_merged_at_the_next_opening_and_only_once(store: SqliteStore, clock: HandClock):
    rollout, _ = await driving(store)
    with another_writer(store):
        await go_back(store, rollout)
    kept = (store.folder / EMERGENCY).read_bytes()
    again = open_store(store.folder, clock, HASTY)
    count = (await again.audit.verify()).size
    assert again._file.empty
    (store.folder / EMERGENCY).write_bytes(kept)
    await again.settings.put("any", "write")
    assert (await again.audit.verify()).size == count
    assert again._file.empty
    await again.close()
    await check_back_and_merge(store, rollout)


async def test_garbage_in_the_emergency_journal_stops_no_write_and_is_told(store: SqliteStore):
    store._file.append({"id": "x", "what": "intent"})
    store._file.append({"id": "y", "what": "intent", "entry": {"kind": "dance"}, "row": {}, "kept_at": ""})
    path = store.folder / EMERGENCY
    content = bytearray(path.read_bytes())
    content[2048:2052] = b"RCEJ"
    path.write_bytes(content)
    await store.settings.put("any", "write")
    told = [record.entry.result for record in await store.audit.all(AuditFilter(text="emergency"))]
    assert told == ["a record that cannot be understood"] * 2 + ["1 torn: cut off while it was written, or damaged"]
    assert store._file.empty


async def test_a_store_of_a_newer_program_is_read_and_not_written(store: SqliteStore, clock: HandClock):
    rollout, _ = await driving(store)
    await store.close()
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw:
        raw.execute("PRAGMA user_version = 4")
    newer = open_store(store.folder, clock, HASTY)
    assert "newer version of this program (format 4; this one knows 3)" in newer.trouble
    with pytest.raises(CannotRecord, match="newer version"):
        await newer.settings.put("a", "b")
    assert (await newer.journal.rollout(rollout.id)).id == rollout.id
    assert (await newer.journal.send(intent_for(rollout, BACK), None)).recorded == "emergency"
    await newer.close()


@pytest.mark.parametrize("content", [b"this is no database at all, whatever its name says" * 40, b""])
async def test_a_file_that_is_no_database_is_said_in_words(folder: Path, clock: HandClock, content: bytes):
    folder.mkdir()
    (folder / RECORDS).write_bytes(content)
    store = open_store(folder, clock, HASTY)
    if content:
        assert "The records file is not a database" in store.trouble
        with pytest.raises(CannotRecord, match="not a database"):
            await store.settings.put("a", "b")
        with pytest.raises(StoreError, match="not a database"):
            await store.settings.get("a", "b")
        assert (folder / RECORDS).read_bytes() == content
    else:
        assert store.trouble == ""
    await store.close()


async def test_a_damaged_page_is_reported_by_the_verifier(store: SqliteStore, clock: HandClock):
    for number in range(60):
        await store.audit.append(entry(f"verb {number}", detail={"text": "x" * 1500}))
    await store.close()
    path = store.folder / RECORDS
    content = bytearray(path.read_bytes())
    place = content.index(b'"verb":"verb 40"') // 4096 * 4096
    content[place : place + 64] = b"\xff" * 64
    path.write_bytes(content)
    again = open_store(store.folder, clock, HASTY)
    report = await again.audit.verify()
    assert report.first_bad is not None
    assert 30 < report.first_bad <= 41
    await again.close()


async def test_the_trouble_can_end_without_opening_again(folder: Path, clock: HandClock):
    folder.mkdir()
    (folder / RECORDS).mkdir()
    store = open_store(folder, clock, HASTY)
    assert "cannot be opened" in store.trouble
    with pytest.raises(CannotRecord):
        await store.journal.open(make_plan(), ANN, "go", NOON)
    (folder / RECORDS).rmdir()
    assert (await store.journal.open(make_plan(), ANN, "go", NOON)).id == "R-1"
    await store.close()


async def test_the_folder_and_its_files_are_private(store: SqliteStore):
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((store.folder / RECORDS).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path, clock: HandClock):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "file" / "data", clock)


async def test_after_closing_a_write_is_refused_and_closing_again_is_fine(store: SqliteStore):
    await store.close()
    await store.close()
    with pytest.raises(CannotRecord, match="closed"):
        await store.settings.put("a", "b")


async def test_everything_that_was_asked_before_closing_is_done(folder: Path, clock: HandClock):
    store = open_store(folder, clock, HASTY)
    tasks = [asyncio.create_task(store.audit.append(entry(f"verb {number}"))) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*tasks)) == 20


async def test_the_version_changes_with_every_write_of_any_process(store: SqliteStore, clock: HandClock):
    other = open_store(store.folder, clock, HASTY)
    seen = [await store.version()]
    for writer in (store, other, store):
        assert await store.version() == seen[-1]
        await writer.settings.put("a", str(len(seen)))
        seen.append(await store.version())
    assert len(set(seen)) == 4
    await other.close()


def test_the_store_serves_one_loop_after_another(store: SqliteStore):
    settle_now(store.settings.put("a", "1"))
    assert settle_now(store.settings.get("a", "")) == "1"


async def test_refused_and_stale_moves_leave_the_store_usable(store: SqliteStore):
    rollout, token = await driving(store)
    await store.journal.change(rollout, RolloutChange(), entry("x"))
    with pytest.raises(StaleWrite):
        await store.journal.change(rollout, RolloutChange(), entry("x"))
    rollout = await store.journal.rollout(rollout.id)
    with pytest.raises(NotAllowed):
        await store.journal.send(intent_for(rollout, UP, token + 1), allow)
    assert (await store.journal.send(intent_for(rollout, UP, token), allow)).state is StepState.SENT


async def test_trouble_is_known_until_a_write_goes_again(store: SqliteStore) -> None:
    await store.ready()
    quick = open_store(store.folder, HandClock(), HASTY)
    with another_writer(store):
        with pytest.raises(CannotRecord):
            await quick.audit.append(entry("held up"))
        with pytest.raises(CannotRecord):
            await quick.ready()
    await quick.ready()
    assert (await quick.audit.append(entry("all is well again"))).entry.verb == "all is well again"
    await quick.close()


async def test_a_newer_file_is_trouble_from_the_start(store: SqliteStore) -> None:
    await store.close()
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw:
        raw.execute("PRAGMA user_version = 999")
    newer = open_store(store.folder, HandClock(), HASTY)
    with pytest.raises(CannotRecord, match="newer"):
        await newer.ready()
    await newer.close()


async def test_a_file_that_a_newer_program_takes_over_meanwhile_is_not_written_any_more(store: SqliteStore) -> None:
    rollout, _ = await driving(store)
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw:
        raw.execute("PRAGMA user_version = 999")
    with pytest.raises(CannotRecord, match="newer version"):
        await store.audit.append(entry("by the old one"))
    assert (await store.journal.rollout(rollout.id)).id == rollout.id
    assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "emergency"
