"""The emergency journal: reserved for real, written in place, and honest about what is torn."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from console.store import posix
from console.store.emergency import SIZE, SLOT, EmergencyJournal


@pytest.fixture
def journal(tmp_path: Path) -> EmergencyJournal:
    made = EmergencyJournal(tmp_path / "emergency.journal")
    made.reserve()
    return made


def test_its_megabyte_is_really_allocated_and_private(tmp_path: Path, journal: EmergencyJournal):
    facts = (tmp_path / "emergency.journal").stat()
    assert facts.st_size == SIZE
    assert facts.st_blocks * 512 >= SIZE
    assert stat.S_IMODE(facts.st_mode) == 0o600
    assert journal.empty


def test_records_come_back_in_order_and_are_gone_after_draining(journal: EmergencyJournal):
    records = [{"n": number, "text": "ä" * number * 100} for number in range(9)]
    for record in records:
        journal.append(record)
    assert not journal.empty
    assert journal.read().records == tuple(records)
    with journal.draining() as found:
        assert (found.records, found.torn) == (tuple(records), 0)
    assert journal.empty
    assert journal.read().records == ()


def test_draining_that_fails_keeps_everything(journal: EmergencyJournal):
    journal.append({"n": 1})
    with pytest.raises(LookupError), journal.draining():
        raise LookupError
    assert journal.read().records == ({"n": 1},)


def test_the_file_never_grows_and_says_when_it_is_full(tmp_path: Path, journal: EmergencyJournal):
    big = {"text": "x" * 100_000}
    for _ in range(10):
        journal.append(big)
    with pytest.raises(OSError, match="full"):
        journal.append(big)
    assert len(journal.read().records) == 10
    assert (tmp_path / "emergency.journal").stat().st_size == SIZE


def test_reserving_again_keeps_what_waits(journal: EmergencyJournal):
    journal.append({"n": 1})
    journal.reserve()
    assert journal.read().records == ({"n": 1},)


def test_a_missing_file_is_an_error_to_write_and_empty_to_look_at(tmp_path: Path):
    missing = EmergencyJournal(tmp_path / "none")
    assert missing.empty
    with pytest.raises(FileNotFoundError):
        missing.append({})
    with pytest.raises(FileNotFoundError):
        missing.read()


def test_a_file_in_another_hand_is_refused_after_a_short_wait(tmp_path: Path, journal: EmergencyJournal):
    descriptor = os.open(tmp_path / "emergency.journal", os.O_RDWR)
    with posix.locked(descriptor) as mine:
        assert mine
        with pytest.raises(BlockingIOError):
            journal.append({"n": 1})
    os.close(descriptor)
    journal.append({"n": 2})
    assert journal.read().records == ({"n": 2},)


@given(cut=st.integers(0, SLOT * 3), fill=st.sampled_from([0, 0xFF]))
def test_a_write_cut_off_anywhere_hides_no_other_record(tmp_path_factory: pytest.TempPathFactory, cut: int, fill: int):
    path = tmp_path_factory.mktemp("torn") / "journal"
    journal = EmergencyJournal(path)
    journal.reserve()
    journal.append({"n": 1})
    journal.append({"n": 2, "text": "y" * 1200})
    content = bytearray(path.read_bytes())
    end = SLOT * 4
    content[SLOT + cut : end] = bytes([fill]) * (end - SLOT - cut)
    path.write_bytes(content)
    found = journal.read()
    assert found.records[0] == {"n": 1}
    assert len(found.records) + (found.torn > 0) <= 2 or cut >= 1220
    journal.append({"n": 3})
    assert journal.read().records[-1] == {"n": 3}
    assert journal.read().records[0] == {"n": 1}


@given(st.lists(st.tuples(st.integers(0, SLOT * 6 - 1), st.integers(1, 255)), max_size=12))
def test_damage_never_makes_up_a_record(tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]):
    path = tmp_path_factory.mktemp("damaged") / "journal"
    journal = EmergencyJournal(path)
    journal.reserve()
    written = [{"n": number} for number in range(6)]
    for record in written:
        journal.append(record)
    content = bytearray(path.read_bytes())
    for place, mask in damage:
        content[place] ^= mask
    path.write_bytes(content)
    assert all(record in written for record in journal.read().records)


class JournalMachine(RuleBasedStateMachine):
    """Any order of appends and drains keeps each record until it was drained once."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(os.environ["RELEASE_CONSOLE_HOME"]) / f"journal-{id(self)}"
        self.path.parent.mkdir(exist_ok=True, parents=True)
        self.journal = EmergencyJournal(self.path)
        self.journal.reserve()
        self.waiting: list[dict[str, object]] = []

    @rule(text=st.text(max_size=2000))
    def append(self, text: str) -> None:
        record = {"text": text}
        self.journal.append(record)
        self.waiting.append(record)

    @rule()
    def drain(self) -> None:
        with self.journal.draining() as found:
            assert list(found.records) == self.waiting
            assert found.torn == 0
        self.waiting = []

    @invariant()
    def what_waits_is_there(self) -> None:
        assert list(self.journal.read().records) == self.waiting
        assert self.journal.empty == (not self.waiting)

    def teardown(self) -> None:
        self.path.unlink()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=15, stateful_step_count=20)
