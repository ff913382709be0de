"""Who signs: a person's key from the keyring, the practice shop's own, and what a silent or locked keyring holds up."""

import asyncio
import json
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from store_kit import ANN, BACK, NOON, UP, HandClock, allow, driving, entry, intent_for, make_plan

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import NotAllowed, SecretsUnavailable
from console.model.stores import TargetRow
from console.store.checkpoints import read_note, vkey
from console.store.keys import Signer, keyring_name
from console.store.signing import key_from, make_key
from console.store.sqlite import PRACTICE_KEY, SqliteStore, open_store

pytestmark = pytest.mark.anyio


class Drawer:
    """A keyring that a test fills, locks, and lets answer when it wants."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.locked = False
        self.answers = threading.Event()
        self.answers.set()

    def get(self, name: str) -> str | None:
        self._open()
        return self.held.get(name)

    def put(self, name: str, value: str) -> None:
        self._open()
        self.held[name] = value

    def _open(self) -> None:
        self.answers.wait(30)
        if self.locked:
            raise SecretsUnavailable("The keyring is locked.")


def opened(folder: Path, drawer: Drawer | None) -> SqliteStore:
    return open_store(folder, HandClock(), signer=Signer("ann", drawer))


async def signing(folder: Path, drawer: Drawer) -> SqliteStore:
    store = opened(folder, drawer)
    assert await store.audit.begin_signing() == ""
    return store


async def last(store: SqliteStore):
    return (await store.audit.page(AuditFilter(), None, 1))[0]


async def test_the_first_key_is_made_once_and_signs_its_own_record_and_all_that_follow(folder: Path):
    drawer = Drawer()
    store = await signing(folder, drawer)
    record = await store.audit.append(entry("arm", RecordKind.TARGET))
    made, *_ = await store.audit.all(AuditFilter())
    assert (made.entry.verb, made.signed, made.key) == ("make a signing key", True, record.key)
    assert list(drawer.held) == [keyring_name(record.key)]
    await store.close()
    again = await signing(folder, drawer)
    assert (await again.audit.append(entry("disarm", RecordKind.TARGET))).key == record.key
    assert len(drawer.held) == 1
    report = await again.audit.verify()
    await again.close()
    assert (report.ok, report.unsigned) == (True, 0)
    assert report.signatures == {f"ann (keyring, {record.key[:8]})": 3}
    assert report.checkpoints >= 3


async def test_a_checkpoint_is_a_note_that_other_tools_can_check(folder: Path):
    store = await signing(folder, Drawer())
    await store.audit.append(entry("arm", RecordKind.TARGET))
    anchor = await store.audit.anchor(0)
    key = store.keys.mine.public
    await store.close()
    note = read_note(anchor.note)
    name, digits, rest = vkey(note.log_id, key).split("+", 2)
    assert anchor.note.startswith(f"release-console/{note.log_id}\n2\n")
    assert (note.size, note.signatures[0][0], note.signatures[0][1][:4].hex()) == (2, name, digits)
    assert len(anchor.digests) == 2 * 6
    assert rest


async def test_a_home_that_never_had_a_key_goes_forward_unsigned_and_says_so(folder: Path):
    store = opened(folder, None)
    rollout, token = await driving(store)
    await store.journal.send(intent_for(rollout, UP, token), allow)
    report = await store.audit.verify()
    await store.close()
    assert (report.ok, report.unsigned, report.signatures) == (True, report.size, {})


async def test_with_a_locked_keyring_backward_goes_unsigned_and_forward_is_refused_in_words(folder: Path):
    drawer = Drawer()
    store = await signing(folder, drawer)
    await store.close()
    drawer.locked = True
    store = opened(folder, drawer)
    rollout, token = await driving(store)
    with pytest.raises(NotAllowed, match="cannot be recorded with a signature: The keyring is locked"):
        await store.journal.send(intent_for(rollout, UP, token), allow)
    assert (await last(store)).entry.kind is RecordKind.REFUSAL
    assert store.audit.cannot_sign(practice=False)
    assert store.audit.cannot_sign(practice=True) == ""
    row = await store.journal.send(intent_for(rollout, BACK), None)
    assert (row.recorded, (await last(store)).signed) == ("journal", False)
    report = await store.audit.verify()
    await store.close()
    assert report.ok
    assert report.unsigned == report.size - 1


async def test_a_keyring_that_waits_for_a_person_does_not_hold_up_the_way_back(folder: Path):
    drawer = Drawer()
    store = await signing(folder, drawer)
    rollout, _ = await driving(store)
    await store.close()
    drawer.answers.clear()
    store = opened(folder, drawer)
    async with asyncio.timeout(5):
        assert (await store.journal.send(intent_for(rollout, BACK), None)).recorded == "journal"
    assert "has not answered" in store.audit.cannot_sign(practice=False)
    drawer.answers.set()
    assert await store.audit.begin_signing() == ""
    assert (await store.audit.append(entry("now"))).signed
    await store.close()


async def test_what_goes_forward_waits_for_a_key_that_is_still_being_loaded(folder: Path):
    drawer = Drawer()
    await (await signing(folder, drawer)).close()
    drawer.answers.clear()
    store = opened(folder, drawer)
    waiting = asyncio.create_task(store.audit.may_sign())
    done, _ = await asyncio.wait({waiting}, timeout=1.2)  # longer than a write waits
    assert not done
    drawer.answers.set()
    await waiting
    assert store.audit.cannot_sign(practice=False) == ""
    await store.close()


async def test_a_key_that_the_keyring_lost_is_replaced_and_the_log_tells(folder: Path):
    drawer = Drawer()
    store = await signing(folder, drawer)
    await store.close()
    drawer.held.clear()
    store = await signing(folder, drawer)
    told = [record.key for record in await store.audit.all(AuditFilter(text="make a signing key"))]
    report = await store.audit.verify()
    await store.close()
    assert len(set(told)) == 2
    assert report.ok
    assert len(report.signatures) == 2


async def test_the_practice_shop_signs_with_its_own_key_and_needs_no_keyring(folder: Path):
    drawer = Drawer()
    drawer.locked = True
    store = opened(folder, drawer)
    await store.targets.put(TargetRow("shop", "/shop.yaml", armed=True, practice=True), ANN, "open the practice shop", NOON)
    rollout, token = await driving(store)
    row = await store.journal.send(intent_for(rollout, UP, token), allow)
    assert row.recorded == "journal"
    assert (await last(store)).signed
    await store.targets.drop("shop", ANN, NOON)
    report = await store.audit.verify()
    await store.close()
    assert (report.ok, report.unsigned) == (True, 0)
    assert [label.split(",")[0] for label in report.signatures] == ["practice shop (practice"]
    assert stat.S_IMODE((folder / PRACTICE_KEY).stat().st_mode) & 0o077 == 0
    assert "real targets" in (folder / PRACTICE_KEY).read_text()


async def test_a_practice_target_goes_forward_while_the_persons_keyring_is_locked(folder: Path):
    drawer = Drawer()
    store = await signing(folder, drawer)
    await store.close()
    drawer.locked = True
    store = opened(folder, drawer)
    await store.targets.put(TargetRow("shop", "/shop.yaml", armed=True, practice=True), ANN, "open the practice shop", NOON)
    rollout, token = await driving(store)
    assert (await store.journal.send(intent_for(rollout, UP, token), allow)).recorded == "journal"
    await store.close()


async def test_checkpoints_come_at_the_end_of_actions_and_after_fifty_records(folder: Path):
    store = await signing(folder, Drawer())
    before = (await store.audit.verify()).checkpoints
    rollout = await store.journal.open(make_plan(), ANN, "", NOON)
    await store.audit.append(entry("judged", RecordKind.VERDICT))
    assert (await store.audit.verify()).checkpoints == before
    await store.audit.append(entry("phase", RecordKind.PHASE, rollout=rollout.id))
    assert (await store.audit.verify()).checkpoints == before + 1
    for _ in range(50):
        await store.audit.append(entry("judged", RecordKind.VERDICT))
    assert (await store.audit.verify()).checkpoints == before + 2
    await store.audit.append(entry("judged", RecordKind.VERDICT))
    await store.close()
    report = await (again := opened(folder, None)).audit.verify()
    await again.close()
    assert report.checkpoints == before + 3


async def test_a_record_a_minute_after_the_last_checkpoint_brings_one(folder: Path):
    store = await signing(folder, Drawer())
    before = (await store.audit.verify()).checkpoints
    await store.audit.append(entry("judged", RecordKind.VERDICT, at=NOON + timedelta(seconds=59)))
    assert (await store.audit.verify()).checkpoints == before
    await store.audit.append(entry("judged", RecordKind.VERDICT, at=NOON + timedelta(seconds=60)))
    assert (await store.audit.verify()).checkpoints == before + 1
    await store.close()


def test_a_kept_key_is_the_same_key_and_nonsense_is_refused():
    made = make_key("ann", "keyring", "")
    again = key_from(made.seed(), "ann", "keyring", "")
    assert (again.id, again.sign(b"x")) == (made.id, made.sign(b"x"))
    for nonsense in ("", "!", json.dumps(made.id)):
        with pytest.raises(ValueError, match="not a key"):
            key_from(nonsense, "ann", "keyring", "")
