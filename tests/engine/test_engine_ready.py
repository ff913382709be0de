"""What is kept of a way back and for it: quarantines, paused reconcilers, the light over it, rehearsals."""

from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, BLUE, GREEN, Desk, World
from wayback_shop import CALL, CODE, CONTRACT, DESK, LOSSY, ROBOT, SCHEMA, TARGET, TOKENS, shop, started

from console.model.audit import AuditFilter
from console.model.errors import NotAllowed, Refused, Unreachable
from console.model.freeze import StopTheLine
from console.model.readiness import Light
from console.model.target import ReadyCheck
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio


async def test_after_a_rollback_the_version_is_quarantined_until_a_person_lifts_it_with_a_reason(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK, reason="payments fail")
        await desk.until_phase(rollout, "rolled back")
        bad = desk.target.quarantine[0]
        assert (bad.version, bad.by, bad.reason, bad.rollout) == ("5.2b", "Ana", "payments fail", rollout)
        for verb, more in ((Verb.START, {"release": "5.2b"}), (Verb.SWITCH, {"side": GREEN})):
            refused = await desk.act(verb, **more)
            assert not refused.decision.allowed
            assert "5.2b is quarantined on shop since" in refused.decision.reasons[0]
            assert "payments fail" in refused.decision.reasons[0]
        plan = await w.time.really(desk.engine.plan("shop", "5.2b"))
        assert not plan.decision.allowed
        with pytest.raises(NotAllowed, match="with a reason only"):
            await w.time.really(desk.engine.lift_quarantine("shop", "5.2b", ""))
        with pytest.raises(NotAllowed, match="is not quarantined"):
            await w.time.really(desk.engine.lift_quarantine("shop", "5.9", "wrong one"))
        await w.time.really(desk.engine.lift_quarantine("shop", "5.2b", "mended in the payment service"))
        assert desk.target.quarantine == ()
        assert (await desk.act(Verb.START, release="5.2b")).decision.allowed
        verbs = [record.entry.verb for record in await w.time.through(w.store.audit.all(AuditFilter(target="shop")))]
        assert "quarantine" in verbs
        assert "lift quarantine" in verbs


async def test_a_quarantine_is_known_to_every_console_and_after_a_restart(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        other = await w.desk(BEN)
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await w.time.advance(2)
        assert [row.version for row in other.target.quarantine] == ["5.2b"]
        assert not (await other.act(Verb.START, release="5.2b")).decision.allowed
        await w.kill(desk)
        again = await w.desk_again(ANA)
        assert [row.version for row in again.target.quarantine] == ["5.2b"]


async def test_a_version_that_an_abort_or_a_freeze_took_back_is_not_quarantined(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        assert desk.target.quarantine == ()
        assert w.shop.undo["code"].keys == [], "an abort takes back the traffic alone"


async def test_reconcilers_are_paused_first_and_stay_so_until_a_person_resumes_them(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, reconcilers=(ROBOT,))) as (w, desk):
        rollout = await started(desk)
        await desk.act(Verb.ROLLBACK, reason="payments fail")
        await desk.until_phase(rollout, "rolled back")
        pause, code = w.shop.undo["pause robot"], w.shop.undo["code"]
        assert pause.done
        assert pause.began[0] <= code.began[0]
        assert desk.target.quarantine[0].paused == ("robot",)
        await w.time.really(desk.engine.lift_quarantine("shop", "5.2b", "mended"))
        assert desk.target.quarantine[0].paused == ("robot",), "the banner stays until it runs again"
        await desk.time.through(w.store.freezes.stop(StopTheLine("Ben", "audit", w.time.clock.now()), BEN))
        refused = await w.time.really(desk.engine.resume_reconcilers("shop", "git is mended"))
        assert not refused.decision.allowed
        assert pause.done
        await desk.time.through(w.store.freezes.lift(BEN, "done", w.time.clock.now()))
        answer = await w.time.really(desk.engine.resume_reconcilers("shop", "git is mended"))
        assert answer.decision.allowed, answer.decision
        await desk.until_phase(answer.rollout, "done")
        assert w.shop.undo["resume robot"].done
        assert not pause.done
        assert desk.target.quarantine == ()
        assert desk.target.stable == BLUE, "nothing was swapped by it"
        assert not (await w.time.really(desk.engine.resume_reconcilers("shop", "again"))).decision.allowed


async def test_the_light_is_right_within_five_seconds_of_each_change(tmp_path: Path) -> None:
    target = replace(TARGET, undo=(CONTRACT, LOSSY, CODE), ready=(ReadyCheck("tokens fit", CALL, closes=True),))
    async with shop(tmp_path, target) as (w, desk):
        w.shop.undo["contract"].done = True
        w.shop.undo["snapshot schema"].since = w.time.clock.now()
        await w.time.through(w.store.ways.rehearsed("shop", (await rehearsed(w, desk)), ANA, "try"))
        rollout = await started(desk)

        async def after(change: dict[str, object], of: object) -> tuple[Light, str]:
            for name, value in change.items():
                setattr(of, name, value)
            await w.time.advance(5.0)
            found = desk.view(rollout).readiness
            return found.light, found.items[0].name

        undo, down = w.shop.undo, Unreachable("gone", sent=False)
        assert await after({}, undo["contract"]) == (Light.READY, "old version")
        assert await after({"done": False}, undo["contract"]) == (Light.SHUT, "contract")
        assert await after({"done": True}, undo["contract"]) == (Light.READY, "old version")
        assert await after({"done": False}, undo["ready tokens fit"]) == (Light.SHUT, "tokens fit")
        assert await after({"done": True}, undo["ready tokens fit"]) == (Light.READY, "old version")
        assert await after({"done": False}, undo["snapshot schema"]) == (Light.SHUT, "schema")
        assert await after({"done": True}, undo["snapshot schema"]) == (Light.READY, "old version")
        assert await after({"blind": down}, undo["ready tokens fit"]) == (Light.UNKNOWN, "tokens fit")
        assert await after({"blind": None}, undo["ready tokens fit"]) == (Light.READY, "old version")
        w.shop.workloads.versions[BLUE] = "5.3"
        assert await after({}, undo["contract"]) == (Light.SHUT, "old version")


async def test_the_light_says_what_the_next_stage_makes_of_the_way_back_with_its_clock(tmp_path: Path) -> None:
    undo = (replace(CODE, predicted_s=540.0, from_stage=2), replace(CONTRACT, from_stage=3))
    async with shop(tmp_path, replace(TARGET, undo=undo, rehearse=False)) as (w, desk):
        plan = await w.time.really(desk.engine.plan("shop", "5.2b"))
        assert (plan.readiness.then.stage, plan.readiness.then.at) == (2, None)
        rollout = await started(desk)
        await w.time.advance(5.0)
        first = desk.view(rollout).readiness
        assert (first.light, first.then.name, first.then.stage) == (Light.READY, "code", 2)
        assert first.then.predicted_s - first.predicted_s == pytest.approx(540.0, abs=1.0)
        assert desk.view(rollout).verbs[Verb.ROLLBACK].predicted_s == pytest.approx(first.predicted_s, abs=0.1)
        left_s = (first.then.at - w.time.clock.now()).total_seconds()
        assert 30.0 < left_s <= 40.0, "a stage of 45 s that began 5 s ago"
        await desk.until_stage(rollout, 1)
        await w.time.advance(3.0)
        second = desk.view(rollout).readiness
        assert (second.light, second.items[0].name, second.then.predicted_s) == (Light.CLOSING, "contract", None)
        assert second.closes_at == second.then.at
        await desk.act(Verb.HOLD)
        held = desk.view(rollout).readiness
        assert (held.light, held.closes_at, held.then.stage) == (Light.CLOSING, None, 3)


async def rehearsed(w: World, desk: Desk):
    answer = await w.time.through(desk.engine.rehearse("shop", "try"), 120)
    assert answer.decision.allowed, answer.decision
    return desk.target.readiness.rehearsal


async def test_a_rehearsal_measures_every_step_and_predicts_the_real_way_back(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(CODE, SCHEMA, TOKENS, DESK), reconcilers=(ROBOT,))) as (w, desk):
        assert desk.target.can_rehearse
        for name, takes_s in (("code", 4.0), ("schema", 6.5), ("tokens", 0.7)):
            w.shop.undo[name].takes_s, w.shop.undo[name].done = takes_s, True
        kept = await rehearsed(w, desk)
        assert kept.ok
        assert kept.steps.keys() == {"weight", "flag", "code", "schema", "tokens"}
        assert kept.took_s == pytest.approx(10.5, abs=1.5)
        assert w.shop.undo["pause robot"].keys == [], "a rehearsal pauses nothing"
        assert desk.target.quarantine == ()
        again = await rehearsed(w, desk)
        assert again.took_s == pytest.approx(again.predicted_s, rel=0.25, abs=0.5)
        for name in ("code", "schema", "tokens"):
            w.shop.undo[name].done = False
        w.shop.flags.on = True
        rollout = await started(desk)
        predicted = desk.view(rollout).readiness.predicted_s - 5.0  # the manual step's
        began = w.time.clock.elapsed()
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        assert w.time.clock.elapsed() - began == pytest.approx(predicted, rel=0.25, abs=0.5)


async def test_a_rehearsal_is_refused_where_the_target_is_not_marked_or_a_rollout_runs(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, rehearse=False)) as (w, desk):
        refused = await w.time.really(desk.engine.rehearse("shop", "try"))
        assert "not marked for rehearsals" in refused.decision.reasons[0]
    async with shop(tmp_path / "marked") as (w, desk):
        await started(desk)
        refused = await w.time.really(desk.engine.rehearse("shop", "try"))
        assert "is on its way here" in refused.decision.reasons[0]
        assert all(not undo.keys for undo in w.shop.undo.values())


async def test_a_rehearsal_that_stops_is_over_and_told_as_such(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, desk):
        w.shop.undo["code"].errors = [Refused("no", status=404)]
        answer = await w.time.through(desk.engine.rehearse("shop", "try"), 60)
        assert not answer.decision.allowed
        assert "stopped at step 3: code" in answer.decision.reasons[0]
        assert not desk.target.readiness.rehearsal.ok
        assert desk.target.readiness.light is Light.CLOSING
        assert (await desk.act(Verb.START, release="5.2b")).decision.allowed
