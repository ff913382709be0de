"""The runner of a way back under random orders, failures and choices: what the rows say is what was sent, and nothing comes too early."""

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from engine_fakes import SHOP, Desk, FakeUndo, World, world
from hypothesis import given, settings
from hypothesis import strategies as st

from console.model.errors import Refused, Unreachable
from console.model.plan import StepKind
from console.model.rollout import Phase, StepState
from console.model.systems import HttpUndo
from console.model.target import UndoKind, UndoStep
from console.model.verbs import Direction, Verb

EXAMPLES = int(os.environ.get("WAYBACK_EXAMPLES", "15"))
"""Random ways back that are walked; more of them when asked for."""

CALL = HttpUndo("http://u", "http://u")
GOOD = {StepState.CONFIRMED, StepState.SKIPPED}


@dataclass(frozen=True)
class Case:
    """A way back with, for each step, how its first runs end and how long they take."""

    steps: tuple[UndoStep, ...]
    failures: dict[str, list[str]]
    takes_s: dict[str, float]
    traffic_fails: bool
    seed: int


@st.composite
def cases(draw) -> Case:
    made: list[UndoStep] = []
    for number in range(draw(st.integers(1, 6))):
        after = tuple(draw(st.lists(st.sampled_from(["traffic", "flag", *(step.name for step in made)]), max_size=3, unique=True)))
        kind = draw(st.sampled_from([UndoKind.CODE, UndoKind.CACHE, UndoKind.EXTERNAL, UndoKind.MANUAL]))
        spec = None if kind is UndoKind.MANUAL else CALL
        made.append(UndoStep(f"s{number}", kind, spec, after, 6.0, 1.0, instructions="Do it."))
    kinds = st.lists(st.sampled_from(["refused", "lost", "deaf", "idle"]), max_size=2)
    return Case(
        steps=tuple(draw(st.permutations(made))),
        failures={step.name: draw(kinds) for step in made},
        takes_s={step.name: draw(st.sampled_from([0.0, 0.5, 3.0])) for step in made},
        traffic_fails=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )


class Flaky(FakeUndo):
    """A step whose first runs go wrong: refused, not answered, or accepted without any effect."""

    def fail(self, ways: list[str]) -> None:
        self.ways = list(ways)

    async def run(self, key: str) -> None:
        way = self.ways.pop(0) if self.ways else ""
        self.works = way in {"", "lost"}
        self.errors = {
            "refused": [Refused("no", status=409)],
            "lost": [Unreachable("the answer was lost", sent=True)],
            "deaf": [Unreachable("nobody there", sent=False)],
        }.get(way, [])
        await super().run(key)


async def walk(case: Case, folder: Path) -> None:
    async with world(folder, replace(SHOP, undo=case.steps)) as w:
        for step in case.steps:
            if step.spec is not None:
                undo = Flaky(w.time, takes_s=case.takes_s[step.name])
                undo.fail(case.failures[step.name])
                w.shop.undo[step.name] = undo
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        if case.traffic_fails:
            w.shop.router.errors = [Refused("no", status=403)]
        await desk.act(Verb.ROLLBACK)
        random, tries = Random(case.seed), {step.name: 1 for step in case.steps}
        for _ in range(60):
            view = await desk.until_phase(rollout, "rolled back", "rollback stopped")
            await told_as_it_is(w, rollout, tries)
            if view.phase is Phase.ROLLED_BACK:
                break
            await choose(desk, rollout, random, tries)
        assert view.phase is Phase.ROLLED_BACK, "a way back is never a dead end"


async def choose(desk: Desk, rollout: str, random: Random, tries: dict[str, int]) -> None:
    """Do what a person might: any move that is open on any row."""
    open_rows = [row for row in desk.view(rollout).sends if row.moves]
    assert open_rows, "where it stopped there is always a next move"
    row = random.choice(open_rows)
    move = random.choice([move for move in row.moves if move != "stop"])
    if move == "retry" and row.name:
        tries[row.name] += 1
    await desk.time.really(desk.engine.move_step(rollout, row.seq, move, "because"))
    await desk.time.settle()


async def told_as_it_is(w: World, rollout: str, tries: dict[str, int]) -> None:
    """Nothing ran before what it waits for, traffic was first, each ran once a try, and every row that was sent has ended."""
    rows = [row for row in await w.time.through(w.store.journal.steps(rollout)) if row.step.direction is Direction.BACKWARD]
    assert all(row.state in {*GOOD, StepState.FAILED, StepState.UNKNOWN} for row in rows)
    assert rows[0].step.kind is StepKind.WEIGHT
    for row in rows:
        for seq in row.step.after:
            before = [each for each in rows if each.step.seq == seq and each.state in GOOD]
            assert before, f"{row.step.name} was sent before what it waits for"
            assert min(each.read_back_at or each.sent_at for each in before) <= row.sent_at
    for name, undo in w.shop.undo.items():
        assert len(undo.keys) <= tries[name]
        assert len(set(undo.keys)) == len(undo.keys)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_any_way_back_ends_at_a_row_with_moves_or_with_every_row_confirmed_or_skipped(case: Case) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(walk(case, Path(folder)))


@pytest.mark.anyio
async def test_an_error_of_the_console_in_one_row_stops_that_row_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    steps = (UndoStep("good", UndoKind.CACHE, CALL, deadline_s=6.0), UndoStep("broken", UndoKind.CODE, CALL, deadline_s=6.0))
    async with world(tmp_path, replace(SHOP, undo=steps)) as w:
        w.shop.undo |= {"good": FakeUndo(w.time), "broken": FakeUndo(w.time)}

        async def breaks() -> None:
            raise KeyError("a bug")

        w.shop.undo["broken"].look = breaks  # type: ignore[method-assign,assignment]
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rollback stopped")
        assert "The console made an error: KeyError" in view.note
        assert w.shop.undo["good"].done
        assert any("broke" in record.message for record in caplog.records)
