"""Where the records are, and the proof of one record, from a store on disk."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.app.proving import prove
from console.app.records import records_view
from console.model.audit import AuditFilter, Entry, RecordKind
from console.model.rollout import Actor
from console.model.stores import ConsoleSeen
from console.store.keys import Signer
from console.store.sqlite import open_store

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Actor("ann", "desk:1:aa")


class Drawer:
    """A keyring that is open."""

    def __init__(self):
        self.held = {}

    def get(self, name):
        return self.held.get(name)

    def put(self, name, value):
        self.held[name] = value


class StillClock:
    """A clock that stands still."""

    def now(self):
        return NOON

    def elapsed(self):
        return 0.0


def entry(number):
    return Entry(RecordKind.TARGET, ANN, NOON + timedelta(seconds=number), "arm", target="shop", reason=f"reason {number}")


async def newest(store):
    return (await store.audit.page(AuditFilter(), None, 1))[0]


@pytest.fixture
async def signed(tmp_path):
    store = open_store(tmp_path, StillClock(), signer=Signer("ann", Drawer()))
    assert await store.audit.begin_signing() == ""
    for number in range(7):
        await store.audit.append(entry(number))
    yield store
    await store.close()


async def test_a_signed_record_is_proved_in_the_newest_checkpoint(signed):
    await signed.audit.anchor(0)
    record = await newest(signed)
    proved = await prove(signed, record)
    assert proved.signature_holds
    assert proved.included
    assert proved.size >= record.seq
    assert proved.key.startswith("ann (keyring, ")
    assert proved.checkpoint_key == proved.key


async def test_a_record_that_was_changed_is_not_proved(signed):
    await signed.audit.anchor(0)
    record = await newest(signed)
    other = replace(record, hash="0" * 64, body=record.body.replace(b"reason 6", b"reason 7"))
    proved = await prove(signed, other)
    assert not proved.signature_holds
    assert not proved.included


async def test_without_keys_there_is_no_checkpoint_and_no_signature(tmp_path):
    store = open_store(tmp_path, StillClock())
    await store.audit.append(entry(1))
    proved = await prove(store, await newest(store))
    assert (proved.size, proved.signature_holds, proved.included, proved.covered) == (0, False, False, False)
    await store.close()


async def test_records_of_ones_own_say_their_folder_and_who_is_alive(signed, tmp_path):
    await signed.consoles.here(ConsoleSeen(ANN.console, "ann", "0.1.0", "desktop", NOON))
    view = await records_view(signed, ANN, StillClock())
    assert (view.team, view.place, view.login, view.problem) == (False, str(tmp_path), "ann", "")
    assert [console.person for console in view.consoles] == ["ann"]
