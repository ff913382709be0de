"""Who is told what, once in a team; and that nothing waits for those who are told."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from clock import FakeClock
from engine_fakes import ANA, BEN, GREEN, SHOP, FakeTime, World, world

from console.engine import notewords
from console.engine.by import By
from console.engine.surroundings import Surroundings
from console.engine.teller import LIFE_S, MOST_WAITING, Teller, may_pass
from console.model.errors import BadFile, ConsoleError, NotAllowed, OutcomeUnknown, Refused, SecretsUnavailable, Unreachable
from console.model.notes import USUAL, Channel, Note, NoteKind, SlackChannel
from console.model.rollout import Actor, Phase
from console.model.systems import SecretRef
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

OPS = Channel("ops", SlackChannel(SecretRef("env", "X")))
TOLD_SHOP = replace(SHOP, notify=(OPS,))
EVE = Actor("Eve", "desk:4:dddd")
BUSY = Refused("The channel ops asks us to wait (HTTP 429).", status=429, retry_after_s=30.0, advice="Wait.")
GONE = Refused("The channel ops has nothing at this address (HTTP 404).", status=404, advice="Store its address again.")


@dataclass
class FakeNotifier:
    """Keeps what it is told; `errors` are raised by the next notes, and a `hung` one answers none."""

    notes: list[Note] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    hung: bool = False
    tries: list[float] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0
    closed: bool = False

    async def tell(self, note: Note) -> None:
        self.tries.append(self.now())
        if self.hung:
            await asyncio.Event().wait()
        if self.errors:
            raise self.errors.pop(0)
        self.notes.append(note)

    async def aclose(self) -> None:
        self.closed = True

    @property
    def kinds(self) -> list[str]:
        return [note.kind.value for note in self.notes]


def listening(w: World) -> FakeNotifier:
    w.shop.notifiers["ops"] = notifier = FakeNotifier(now=w.time.clock.elapsed)
    return notifier


async def test_a_release_is_told_from_its_start_to_its_end(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana = listening(w), await w.desk()
        rollout = await ana.start()
        await ana.until_phase(rollout, "done")
        await w.time.settle()
        assert ops.kinds == ["started", *["stage passed"] * 4, "done"]
        first, passed = ops.notes[0], ops.notes[1]
        assert (first.title, first.environment, first.rollout, first.version) == ("Checkout", "production", rollout, "5.2b")
        assert (first.who, first.why) == ("Ana", "test")
        assert passed.verdict == "5 % passed its gates, now 25 %."
        assert passed.who == "by itself, Ana's console on desk"
        assert len({note.id for note in ops.notes}) == 6
        (channel,) = ana.target.channels
        assert (channel.told, channel.waiting, channel.dropped, channel.problem) == (6, 0, 0, "")


async def test_a_failed_gate_and_the_way_back_are_told_once_although_two_consoles_hear_of_them(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana, ben = listening(w), await w.desk(), await w.desk(BEN)
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        w.shop.metrics.share[GREEN] = 0.0
        await ben.until_phase(rollout, "rolled back")
        await w.time.advance(3.0)
        assert ops.kinds == ["started", "gate failed", "going back", "rolled back"]
        failed, back = ops.notes[1], ops.notes[3]
        assert failed.verdict.startswith("Payment completion:")
        assert "Traffic goes back by itself at" in failed.next
        assert "release-console rollback shop" in failed.next
        assert not failed.by_person
        assert back.phase == "rolled back"
        assert [view.told for desk in (ana, ben) for view in desk.target.channels] == [4, 0]


async def test_a_hold_of_another_person_is_told_by_their_console(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana, ben = listening(w), await w.desk(), await w.desk(BEN)
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.time.advance(2.0)
        await ben.act(Verb.HOLD, reason="the phones ring")
        await w.time.advance(2.0)
        assert ops.kinds == ["started", "held"]
        assert (ops.notes[1].who, ops.notes[1].why, ops.notes[1].by_person) == ("Ben", "the phones ring", True)
        await ana.act(Verb.RESUME, reason="it was the wrong number")
        await w.time.advance(1.0)
        assert ops.kinds[2:] == ["resumed"]


async def test_a_lost_driver_is_told_by_one_of_those_who_miss_it(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana = listening(w), await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.kill(ana)
        ben, eve = await w.desk(BEN), await w.desk(EVE)
        await w.time.until(lambda: all(desk.engine._parts.records[rollout].lost for desk in (ben, eve)), 40.0)
        await w.time.advance(5.0)
        assert ops.kinds.count("driver lost") == 1
        lost = next(note for note in ops.notes if note.kind is NoteKind.DRIVER_LOST)
        assert lost.verdict.startswith("Nothing is heard of Ana's console since")
        assert f"release-console wheel take {rollout}" in lost.next


async def test_the_way_back_waits_for_no_channel_that_hangs(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana = listening(w), await w.desk()
        ops.hung = True
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        before = w.time.clock.elapsed()
        await ana.act(Verb.ROLLBACK)
        await ana.until_phase(rollout, "rolled back", limit_s=20.0)
        assert w.time.clock.elapsed() - before < 5.0
        assert w.shop.router.weights[GREEN] == 0
        assert ops.notes == []
        assert ana.target.channels[0].waiting == 3
        await w.time.through(ana.engine.close(), 10.0)
        assert ops.closed, "a console that closes waits no longer than a few seconds"


async def test_a_bug_in_what_tells_stops_no_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("console.engine.notifying.of_change", broken)
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana = listening(w), await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 1)
        assert ops.notes == []
    assert "telling what happened on shop broke" in caplog.text
    caplog.clear()


async def test_a_refused_move_is_told_only_where_the_file_asks_for_it(tmp_path: Path) -> None:
    chatty = replace(OPS, name="all", on=(*USUAL, NoteKind.REFUSED))
    async with world(tmp_path, replace(SHOP, notify=(OPS, chatty))) as w:
        ops, ana = listening(w), await w.desk()
        w.shop.notifiers["all"] = FakeNotifier()
        await w.time.through(ana.engine.fleet.take_in(ana.engine._parts.targets["shop"].row))
        await ana.time.through(ana.engine.line.stop_the_line("all hands", None, ()))
        answer = await ana.act(Verb.START, release="5.2b", reason="nobody told me")
        assert not answer.decision.allowed
        await w.time.advance(1.0)
        assert ops.kinds == []
        (refused,) = w.shop.notifiers["all"].notes
        assert (refused.kind, refused.who, refused.why) == (NoteKind.REFUSED, "Ana", "nobody told me")
        assert "start was refused" in refused.verdict


async def test_a_test_is_sent_at_once_and_says_what_became_of_it(tmp_path: Path) -> None:
    async with world(tmp_path, TOLD_SHOP) as w:
        ops, ana = listening(w), await w.desk()
        (tried,) = await w.time.through(ana.engine.test_channels("shop"))
        assert (tried.name, tried.system, tried.accepted) == ("ops", "slack", True)
        assert ops.notes[0].headline == "TEST, nothing happened: Checkout (production)"
        ops.errors = [GONE]
        (tried,) = await w.time.through(ana.engine.test_channels("shop", "ops"))
        assert (tried.accepted, tried.problem, tried.advice) == (False, GONE.message, GONE.advice)
        assert ana.target.channels[0].problem == GONE.message
        with pytest.raises(NotAllowed):
            await w.time.through(ana.engine.test_channels("shop", "nobody"))


# One channel


def note(number: int = 0) -> Note:
    return Note(f"n-{number}", NoteKind.STARTED, FakeClock().now(), "shop", "Checkout", "production")


@pytest.fixture
async def told():
    """Give a channel on a clock of its own."""
    time, notifier = FakeTime(), FakeNotifier()
    notifier.now = time.clock.elapsed
    around = Surroundings(None, time.clock, ANA, time.sleep, lambda: 0.5)  # type: ignore[arg-type]
    teller = Teller(around, "shop", OPS, notifier, lambda: None)
    yield time, notifier, teller
    await teller.end()


Told = tuple[FakeTime, FakeNotifier, Teller]


async def test_a_channel_that_asks_to_wait_is_asked_no_sooner(told: Told) -> None:
    time, notifier, teller = told
    notifier.errors = [BUSY, BUSY]
    teller.put(note())
    await time.advance(100.0)
    assert [round(at - notifier.tries[0]) for at in notifier.tries] == [0, 30, 60]
    assert (teller.view().told, teller.view().dropped, teller.view().problem) == (1, 0, "")


async def test_a_channel_that_is_away_is_tried_ever_less_often_until_the_note_is_too_old(told: Told, caplog) -> None:
    time, notifier, teller = told
    notifier.errors = [Unreachable("The channel ops cannot be reached.", sent=False)] * 200
    with caplog.at_level(logging.WARNING):
        teller.put(note())
        await time.advance(3 * LIFE_S)
    gaps = [later - earlier for earlier, later in zip(notifier.tries, notifier.tries[1:], strict=False)]
    assert gaps[:3] == [1.0, 2.0, 4.0]
    assert max(gaps) <= 75.0
    assert notifier.tries[-1] - notifier.tries[0] <= LIFE_S
    view = teller.view()
    assert (view.told, view.dropped, view.waiting) == (0, 1, 0)
    assert view.problem == "The channel ops cannot be reached."
    assert len([record for record in caplog.records if "takes no notes" in record.message]) == 1, "the log has it once"


async def test_a_no_is_not_asked_again_and_the_next_note_is_tried(told: Told) -> None:
    time, notifier, teller = told
    notifier.errors = [GONE]
    teller.put(note(1))
    teller.put(note(2))
    await time.settle()
    assert [each.id for each in notifier.notes] == ["n-2"]
    assert (teller.view().told, teller.view().dropped) == (1, 1)


async def test_notes_are_told_in_their_order_and_the_oldest_goes_where_too_many_wait(told: Told) -> None:
    time, notifier, teller = told
    notifier.errors = [BUSY]
    for number in range(MOST_WAITING + 11):
        teller.put(note(number))
        await time.settle()
    await time.advance(60.0)
    assert [each.id for each in notifier.notes] == ["n-0", *(f"n-{number}" for number in range(11, MOST_WAITING + 11))]
    assert (teller.view().told, teller.view().dropped) == (MOST_WAITING + 1, 10)


async def test_a_bug_in_a_channel_drops_its_note_and_no_other(told: Told, caplog) -> None:
    time, notifier, teller = told
    notifier.errors = [ZeroDivisionError("oops")]
    teller.put(note(1))
    teller.put(note(2))
    await time.settle()
    assert [each.id for each in notifier.notes] == ["n-2"]
    assert "telling ops of shop broke" in caplog.text
    caplog.clear()


async def test_a_target_that_is_let_go_still_tells_what_waits(told: Told) -> None:
    time, notifier, teller = told
    notifier.errors = [BUSY]
    teller.put(note())
    await time.settle()
    teller.leave()
    assert not notifier.closed
    await time.advance(31.0)
    assert (len(notifier.notes), notifier.closed) == (1, True)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (BUSY, True),
        (Refused("failed", status=503), True),
        (Refused("no", status=400), False),
        (GONE, False),
        (Refused("cannot be sent"), False),
        (Unreachable("away", sent=True), True),
        (OutcomeUnknown("cut"), True),
        (SecretsUnavailable("locked"), True),
        (BadFile("not https"), False),
        (NotAllowed("not trusted"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: ConsoleError, again: bool) -> None:
    assert may_pass(error) is again


# Words


async def rollout_of(w: World):
    ana = await w.desk()
    rollout = await ana.start()
    await ana.until_stage(rollout, 0)
    return await ana.row(rollout)


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (Phase.PLANNED, Phase.RUNNING, NoteKind.STARTED),
        (Phase.HELD, Phase.RUNNING, NoteKind.RESUMED),
        (Phase.STOPPED, Phase.RUNNING, NoteKind.RESUMED),
        (Phase.RUNNING, Phase.HELD, NoteKind.HELD),
        (Phase.RUNNING, Phase.STOPPED, NoteKind.GATE_FAILED),
        (Phase.RUNNING, Phase.UNKNOWN, NoteKind.STEP_UNKNOWN),
        (Phase.STOPPED, Phase.ABORTING, NoteKind.GOING_BACK),
        (Phase.ABORTING, Phase.BACK_STOPPED, NoteKind.BACK_STOPPED),
        (Phase.ABORTING, Phase.ROLLED_BACK, NoteKind.ROLLED_BACK),
        (Phase.ABORTING, Phase.ABORTED, NoteKind.ROLLED_BACK),
        (Phase.RUNNING, Phase.DONE, NoteKind.DONE),
    ],
)
async def test_every_change_of_phase_is_told_as_what_it_means(tmp_path: Path, was: Phase, now: Phase, kind: NoteKind) -> None:
    async with world(tmp_path) as w:
        row = await rollout_of(w)
    by = By(ANA, "x", "why", person=True)
    assert notewords.kind_of(replace(row, phase=was), replace(row, phase=now), by) is kind
    happening = notewords.of_change("n", row.started_at, replace(row, phase=was), replace(row, phase=now), by)
    assert happening is not None
    told_note = notewords.note_of(SHOP, replace(row, phase=now), happening)
    assert (told_note.rollout, told_note.phase, told_note.before) == (row.id, now.value, row.plan.stable_version)
    if now in {Phase.HELD, Phase.STOPPED, Phase.UNKNOWN, Phase.BACK_STOPPED}:
        assert told_note.next, "who is told that something needs a person is told what to do"


async def test_a_countdown_that_a_person_stopped_is_told_as_a_hold(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        row = await rollout_of(w)
    counting = replace(row, phase=Phase.STOPPED, auto_back_at=row.started_at)
    stopped = replace(counting, auto_back_at=None)
    assert notewords.kind_of(counting, stopped, By(ANA, "hold", person=True)) is NoteKind.HELD
    assert notewords.kind_of(counting, stopped, By(ANA, "recovered")) is None
    assert notewords.kind_of(counting, replace(counting, note="other"), By(ANA, "hold", person=True)) is None
