"""Anchors outside of the records: remembered places, and a verification that holds the records against them."""

from datetime import UTC, datetime, timedelta

import pytest

from console.app import anchoring
from console.app.records import records_view
from console.files.folders import folders
from console.model.audit import Entry, RecordKind
from console.model.errors import BadFile
from console.model.rollout import Actor
from console.store.keys import Signer
from console.store.sqlite import open_store

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Actor("ann", "desk:1:aa")


class Drawer(dict):
    """A keyring that is open."""

    def put(self, name, value):
        self[name] = value


class StillClock:
    """A clock that stands still."""

    def now(self):
        return NOON

    def elapsed(self):
        return 0.0


@pytest.fixture
async def store(tmp_path, monkeypatch):
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "home"))
    made = open_store(folders().data, StillClock(), signer=Signer("ann", Drawer()))
    assert await made.audit.begin_signing() == ""
    for number in range(5):
        await made.audit.append(Entry(RecordKind.TARGET, ANN, NOON + timedelta(seconds=number), "arm", target="shop"))
    yield made
    await made.close()


async def test_a_place_is_remembered_and_used_by_the_next_verification(store, tmp_path):
    assert (await anchoring.verify(store)).unanchored is None
    place = await anchoring.keep(store, ANN, NOON, tmp_path / "usb.jsonl")
    assert (place.anchors, place.problem) == (1, "")
    report = await anchoring.verify(store)
    assert (report.ok, report.anchors, report.unanchored) == (True, 1, 0)
    again = await anchoring.keep(store, ANN, NOON, tmp_path / "usb.jsonl")
    assert (again.anchors, len(await anchoring.places(store))) == (2, 1)
    assert again.size > place.size


async def test_a_place_that_is_gone_is_told_and_the_rest_is_verified(store, tmp_path):
    await anchoring.keep(store, ANN, NOON, tmp_path / "usb.jsonl")
    (tmp_path / "usb.jsonl").unlink()
    (place,) = await anchoring.places(store)
    assert "cannot be read" in place.problem
    report = await anchoring.verify(store)
    assert (report.ok, report.anchors) == (True, 0)


async def test_anchors_of_another_log_are_no_anchors_of_this_one(store, tmp_path):
    place = tmp_path / "usb.jsonl"
    await anchoring.keep(store, ANN, NOON, place)
    log_id = (await anchoring.verify(store)).log_id
    place.write_text(place.read_text(encoding="utf-8").replace(log_id, "f" * len(log_id)), encoding="utf-8")
    (told,) = await anchoring.places(store)
    assert told.problem == f"It holds no anchor of this log, {log_id}."


async def test_a_place_beside_the_records_is_refused(store):
    with pytest.raises(BadFile, match="lies beside the records"):
        await anchoring.keep(store, ANN, NOON, store.folder / "anchor.jsonl")
    assert await anchoring.places(store) == ()


async def test_giving_a_place_up_is_on_record(store, tmp_path):
    await anchoring.keep(store, ANN, NOON, tmp_path / "usb.jsonl")
    await anchoring.forget(store, ANN, NOON, str((tmp_path / "usb.jsonl").resolve()))
    assert await anchoring.places(store) == ()
    newest = (await store.audit.page(anchoring.AuditFilter(), None, 1))[0]
    assert (newest.entry.verb, newest.entry.result) == ("forget anchors", "forgotten")
    assert (tmp_path / "usb.jsonl").exists()


async def test_a_setting_that_was_damaged_counts_as_none(store):
    for words in ("no json", "[1]", '[{"path": "/a"}]'):
        await store.settings.put(anchoring.PLACES, words)
        assert await anchoring.places(store) == ()


async def test_records_in_the_journal_are_counted(store):
    assert (await records_view(store, ANN, StillClock())).waiting == 0
    store._file.append({"id": "1", "what": "intent"})
    assert (await records_view(store, ANN, StillClock())).waiting == 1
