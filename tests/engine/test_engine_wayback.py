"""The coordinated way back: traffic first, every row verified, and where it stops a person goes on from there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, GREEN
from wayback_shop import BACK, CODE, CONTRACT, DESK, LOSSY, ROBOT, SCHEMA, TARGET, TOKENS, move, rows, shop, started

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import BadFile, NotAllowed, Refused, Unreachable
from console.model.readiness import Light
from console.model.rollout import Phase, StepState
from console.model.verbs import State, Verb

pytestmark = pytest.mark.anyio


async def test_one_click_takes_everything_back_and_every_row_is_verified(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk, 1)
        began = w.time.clock.elapsed()
        assert (await desk.act(Verb.ROLLBACK, reason="payments fail")).decision.allowed
        view = await desk.until_phase(rollout, "rolled back")
        assert view.note == "rollback by Ana: payments fail"
        assert w.shop.router.weights == BACK
        assert not w.shop.flags.on
        assert all(w.shop.undo[name].done and len(w.shop.undo[name].keys) == 1 for name in ("code", "schema", "tokens"))
        found = rows(desk, rollout)
        assert list(found) == ["weight", "flag", "code", "schema", "tokens"]
        assert {row.state for row in found.values()} == {State.HEALTHY}
        assert all(row.took_s is not None for row in found.values())
        assert w.shop.undo["tokens"].began[0] < w.shop.undo["schema"].began[0], "what does not wait for the code runs beside it"
        assert w.shop.undo["schema"].began[0] >= w.shop.undo["code"].began[0] + 2.0
        assert w.time.clock.elapsed() - began < 7.0, "branches run side by side"


async def test_traffic_is_sent_before_anything_else_and_waits_for_nothing_else(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        order: list[str] = []
        w.shop.flags.error = Unreachable("flag service is down", sent=False)
        w.shop.undo["tokens"].errors = [Refused("no", status=500)]

        async def note() -> None:
            order.extend(name for name, undo in w.shop.undo.items() if undo.keys)
            order.append("traffic")

        w.shop.router.before_set = note
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        assert order == ["traffic"]
        assert w.shop.router.weights == BACK
        assert w.shop.undo["schema"].done, "what does not depend on the flag or the tokens went on"


async def test_what_is_done_already_is_confirmed_without_being_run(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].done, w.shop.undo["code"].detail = True, "5.1 runs"
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.undo["code"].keys == []
        assert "done already (5.1 runs)" in rows(desk, rollout)["code"].detail


async def test_a_failing_step_stops_what_depends_on_it_and_says_at_which_step(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Refused("the registry has no 5.1", status=404)]
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rollback stopped")
        assert view.note.startswith("rollback stopped at step 3: code: failed. the registry has no 5.1")
        assert "1 more waits for it" in view.note
        assert view.headline == "Checkout 5.2b: rollback stopped at step 3: code"
        found = rows(desk, rollout)
        assert [found[name].state for name in ("code", "schema", "tokens")] == [State.FAILED, None, State.HEALTHY]
        assert found["code"].moves == ("retry", "skip", "stop")
        assert found["schema"].moves == ()
        assert w.shop.undo["schema"].keys == []


async def test_retry_runs_the_row_once_more_and_goes_on_to_the_end(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Refused("no", status=404)]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        await move(desk, rollout, "code", "retry")
        await desk.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["code"].keys) == 2
        assert w.shop.router.sent == [5, 0], "traffic that was confirmed is not sent again for a row"
        assert len(w.shop.undo["tokens"].keys) == 1


async def test_skip_needs_a_reason_and_is_on_record_and_goes_on(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Refused("no", status=404)]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        with pytest.raises(NotAllowed, match="needs a reason"):
            await move(desk, rollout, "code", "skip")
        await move(desk, rollout, "code", "skip", "5.1 was never removed")
        view = await desk.until_phase(rollout, "rolled back")
        assert "Skipped: code." in view.note
        assert "skipped: code" in view.headline
        assert rows(desk, rollout)["code"].state is State.WAIVED
        assert w.shop.undo["schema"].done
        steps = await w.time.through(w.store.journal.steps(rollout))
        skipped = next(row for row in steps if row.state is StepState.SKIPPED)
        assert (skipped.actor, skipped.detail) == (ANA, "Skipped by Ana: 5.1 was never removed")
        found = await w.time.through(w.store.audit.all(AuditFilter(rollout=rollout)))
        assert any(record.entry.result == "skipped" for record in found if record.entry.kind is RecordKind.OUTCOME)
        assert any("needs a reason" in record.entry.result for record in found if record.entry.kind is RecordKind.REFUSAL)


async def test_a_manual_step_is_timed_and_waits_for_a_person_who_signs(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CODE, SCHEMA, TOKENS, DESK))) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rollback stopped")
        assert "at step 6: desk: waits for a person" in view.note
        assert rows(desk, rollout)["desk"].instructions == "Ring them."
        assert rows(desk, rollout)["desk"].moves == ("sign", "skip", "stop")
        await w.time.advance(120)
        with pytest.raises(NotAllowed, match="needs a reason"):
            await move(desk, rollout, "desk", "sign")
        await move(desk, rollout, "desk", "sign", "rang, they know")
        await desk.until_phase(rollout, "rolled back")
        signed = rows(desk, rollout)["desk"]
        assert signed.state is State.HEALTHY
        assert signed.detail == "Signed by Ana: rang, they know"
        assert signed.took_s == pytest.approx(120, abs=3)


async def test_stop_begins_nothing_more_and_the_way_back_can_still_be_taken(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].takes_s = 5.0
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: bool(w.shop.undo["code"].keys), 20)
        assert "stop" in rows(desk, rollout)["code"].moves
        await move(desk, rollout, "code", "stop", "the registry is on fire")
        view = await desk.until_phase(rollout, "rollback stopped")
        assert "Stopped by Ana: the registry is on fire." in view.note
        assert w.shop.undo["schema"].keys == []
        assert w.shop.router.weights == BACK
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["code"].keys) == 1
        assert w.shop.undo["schema"].done


async def test_roll_back_again_takes_up_every_open_row(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Refused("no", status=404)]
        w.shop.undo["tokens"].works = False
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        assert "not done after 10 s" in rows(desk, rollout)["tokens"].detail
        w.shop.undo["tokens"].works = True
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["schema"].keys) == 1


async def test_a_lost_answer_is_read_back_and_an_unreadable_one_is_unknown(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Unreachable("the answer was lost", sent=True)]
        w.shop.undo["tokens"].blind = Unreachable("no route", sent=False)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        found = rows(desk, rollout)
        assert found["code"].state is State.HEALTHY
        assert found["tokens"].state is State.UNKNOWN
        assert found["tokens"].moves == ("retry", "skip", "stop")
        assert len(w.shop.undo["tokens"].keys) == 1, "a doubt does not keep an idempotent step from being run"
        w.shop.undo["tokens"].blind = None
        await move(desk, rollout, "tokens", "retry")
        await desk.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["tokens"].keys) == 1


async def test_a_lossy_step_runs_with_a_fresh_snapshot_only_or_when_a_person_signs(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CODE, LOSSY))) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["snapshot schema"].since = w.time.clock.now() - timedelta(hours=2)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        row = rows(desk, rollout)["schema"]
        assert (
            row.detail.startswith("Nothing was run: it would lose two columns, and the snapshot is 2 h 0 min old")
            or "120 min old" in row.detail
        )
        assert w.shop.undo["schema"].keys == []
        assert row.moves == ("retry", "sign", "skip", "stop")
        await move(desk, rollout, "schema", "sign", "two columns may go")
        await desk.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["schema"].keys) == 1


async def test_what_has_no_snapshot_starts_only_signed_and_the_signature_is_on_record(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CODE, replace(LOSSY, snapshot=None)))) as (w, desk):
        refused = await desk.act(Verb.START, release="5.2b")
        assert not refused.decision.allowed
        assert "schema loses two columns" in refused.decision.reasons[0]
        assert not (await desk.act(Verb.START, release="5.2b", signs_no_way_back=True, reason=" ")).decision.allowed
        answer = await desk.act(Verb.START, release="5.2b", signs_no_way_back=True, reason="the columns are new")
        assert answer.decision.allowed
        found = await w.time.through(w.store.audit.all(AuditFilter()))
        signed = next(record.entry for record in found if record.entry.verb == "sign no way back")
        assert (signed.actor, signed.reason) == (ANA, "the columns are new")
        await desk.until_stage(answer.rollout, 0)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(answer.rollout, "rolled back")
        assert w.shop.undo["schema"].done


async def test_past_the_point_of_no_return_roll_back_says_what_is_lost_offers_hold_and_goes_when_asked_again(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CONTRACT, CODE), rehearse=False)) as (w, desk):
        rollout = await started(desk, 1)
        assert desk.view(rollout).readiness.light is Light.READY
        w.shop.undo["contract"].done = False
        await w.time.advance(5)
        light = desk.view(rollout).readiness
        assert light.light is Light.SHUT
        assert "would lose the old columns" in light.items[0].sentence
        assert desk.target.verbs[Verb.ROLLBACK].enabled
        answer = await desk.act(Verb.ROLLBACK)
        assert not answer.decision.allowed
        assert answer.decision.asks
        assert answer.decision.allowed_instead.startswith("Hold")
        assert w.shop.router.sent == [5, 25]
        assert (await desk.act(Verb.HOLD)).decision.allowed
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        view = await desk.until_phase(rollout, "rolled back")
        assert w.shop.undo["contract"].keys == [], "a one-way step is never run"
        row = rows(desk, rollout)["contract"]
        assert row.state is State.WAIVED
        assert "going back loses the old columns" in row.detail
        assert "Skipped: contract." in view.note


async def test_nothing_goes_back_by_itself_past_the_point_of_no_return(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CONTRACT, CODE), rehearse=False)) as (w, desk):
        rollout = await started(desk, 1)
        w.shop.undo["contract"].done = False
        w.shop.metrics.share[GREEN] = 0.0
        await desk.until_phase(rollout, "stopped")
        await w.time.advance(40)
        view = desk.view(rollout)
        assert view.phase is Phase.STOPPED
        assert "Nothing goes back by itself past the point of no return" in view.note
        assert w.shop.router.weights[GREEN] > 0


async def test_a_one_way_step_that_is_not_past_is_confirmed_and_costs_nothing(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CONTRACT, CODE), rehearse=False)) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.undo["contract"].keys == []
        assert rows(desk, rollout)["contract"].state is State.HEALTHY


async def test_killed_on_the_way_back_it_stands_at_its_step_and_goes_on_at_one_click(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: bool(w.shop.undo["code"].keys), 20)
        await w.kill(desk)
        sent = len(w.shop.router.changes)
        again = await w.desk_again(ANA)
        view = await again.until_phase(rollout, "rollback stopped")
        assert "Its console was gone; nothing was sent since." in view.note
        await w.time.advance(60)
        assert len(w.shop.router.changes) == sent
        assert w.shop.undo["schema"].keys == []
        assert (await again.act(Verb.ROLLBACK)).decision.allowed
        await again.until_phase(rollout, "rolled back")
        assert all(w.shop.undo[name].done for name in ("code", "schema", "tokens"))
        assert again.target.quarantine


async def test_killed_after_the_last_step_it_is_found_done(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: bool(w.shop.undo["schema"].keys), 20)
        await w.kill(desk)
        w.shop.undo["schema"].done = True
        again = await w.desk_again(ANA)
        await again.until_phase(rollout, "rolled back")
        assert len(w.shop.undo["schema"].keys) == 1


async def test_another_console_leaves_a_way_back_alone_while_its_console_lives(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        other = await w.desk(BEN)
        rollout = await started(desk)
        w.shop.undo["code"].takes_s = 8.0
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: bool(w.shop.undo["code"].keys), 20)
        await w.time.advance(5)
        assert other.view(rollout).phase is Phase.ABORTING
        await other.until_phase(rollout, "rolled back")


async def test_anybody_may_go_on_with_a_way_back_that_another_console_left(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        other = await w.desk(BEN)
        rollout = await started(desk)
        w.shop.undo["code"].errors = [Refused("no", status=404)]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        await other.until_phase(rollout, "rollback stopped")
        await move(other, rollout, "code", "retry")
        await other.until_phase(rollout, "rolled back")


async def test_with_no_records_the_whole_way_back_still_goes(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, reconcilers=(ROBOT,))) as (w, desk):
        rollout = await started(desk)
        w.store.trouble.broken = True
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK
        assert all(w.shop.undo[name].done for name in ("code", "schema", "tokens", "pause robot"))
        assert desk.target.quarantine[0].paused == ("robot",)
        assert "Not everything could be recorded" in desk.view(rollout).note
        w.store.trouble.broken = False


async def test_an_unknown_row_or_move_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        with pytest.raises(BadFile, match="no row 99"):
            await w.time.really(desk.engine.move_step(rollout, 99, "retry", ""))
        with pytest.raises(BadFile, match="a move dance"):
            await w.time.really(desk.engine.move_step(rollout, rows(desk, rollout)["code"].seq, "dance", ""))
        with pytest.raises(NotAllowed, match="its way back is not under way"):
            await move(desk, rollout, "code", "retry")


async def test_a_console_that_closes_waits_for_no_slow_step_and_it_is_found_at_the_next_start(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        w.shop.undo["code"].takes_s = 9.0
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: bool(w.shop.undo["code"].keys), 20)
        began = w.time.clock.elapsed()
        await w.time.through(desk.engine.close(), 30)
        assert w.time.clock.elapsed() - began < 5.0
        w.desks.remove(desk)
        row = await w.time.through(w.store.journal.rollout(rollout))
        assert row.phase is Phase.BACK_STOPPED
        assert "the console was closed" in row.note
