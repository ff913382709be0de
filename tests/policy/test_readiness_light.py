"""The light over the way back: its reasons, the worst first, and when it shuts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.model.readiness import Light, Rehearsal, Then
from console.model.readings import SideVersion, UndoState
from console.model.systems import EnvoyTraffic, HttpUndo, HttpWorkloads
from console.model.target import Environment, ReadyCheck, Reversibility, Snapshot, Stage, Target, UndoKind, UndoStep
from console.policy.nextstage import earliest
from console.policy.planning import rollback_steps
from console.policy.readiness import Look, Standing, losses, no_snapshot, readiness

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
CALL = HttpUndo("http://u", "http://u")
SCHEMA = UndoStep(
    "schema",
    UndoKind.MIGRATION,
    CALL,
    predicted_s=4.0,
    reversibility=Reversibility.LOSSY,
    loses="two columns",
    snapshot=Snapshot(CALL, 3600),
)
CONTRACT = UndoStep("contract", UndoKind.MIGRATION, CALL, reversibility=Reversibility.ONE_WAY, loses="old columns")
TARGET = Target(
    name="shop",
    title="Shop",
    environment=Environment.PRODUCTION,
    sides=("blue", "green"),
    traffic=EnvoyTraffic("http://127.0.0.1:9901", "routing.shop", {"blue": "b", "green": "g"}),
    workloads=HttpWorkloads({"blue": "http://b", "green": "http://g"}),
    undo=(SCHEMA, CONTRACT),
    ready=(ReadyCheck("token format", CALL, closes=True), ReadyCheck("old index", CALL)),
)
STEPS = rollback_steps(TARGET, "blue")


def look(*, done: bool = True, detail: str = "", since: datetime | None = None) -> Look:
    return Look(UndoState(done, NOW, detail, since))


LOOKS = {
    "snapshot schema": look(since=NOW - timedelta(minutes=10)),
    "contract": look(),
    "ready token format": look(),
    "ready old index": look(),
}
READY = Standing(NOW, "v17", SideVersion("v17", True, NOW), looks=LOOKS)


def light(standing: Standing = READY, **looks: Look):
    changed = {**standing.looks, **{name.replace("_", " "): found for name, found in looks.items()}}
    return readiness(TARGET, STEPS, replace(standing, looks=changed))


def test_with_everything_as_it_should_be_the_way_back_is_ready_and_its_clock_runs():
    found = light()
    assert found.light is Light.READY
    assert found.predicted_s == 5.0
    assert found.closes_at == NOW + timedelta(minutes=50)
    assert {item.name for item in found.items} == {"old version", "schema", "contract", "token format", "old index"}


@pytest.mark.parametrize(
    ("standing", "looks", "expected", "name", "word"),
    [
        (replace(READY, old=SideVersion("v18", True, NOW)), {}, Light.SHUT, "old version", "v17 is gone: v18 runs"),
        (replace(READY, old=SideVersion("v17", False, NOW)), {}, Light.SHUT, "old version", "not healthy"),
        (replace(READY, old=None), {}, Light.UNKNOWN, "old version", "not read yet"),
        (replace(READY, old_problem="connection refused"), {}, Light.UNKNOWN, "old version", "connection refused"),
        (READY, {"contract": look(done=False, detail="columns dropped 13:41")}, Light.SHUT, "contract", "would lose old columns"),
        (READY, {"contract": Look()}, Light.UNKNOWN, "contract", "not read yet"),
        (READY, {"contract": Look(LOOKS["contract"].state, "no answer in 5 s")}, Light.UNKNOWN, "contract", "no answer in 5 s"),
        (READY, {"snapshot_schema": look(done=False)}, Light.SHUT, "schema", "there is no snapshot"),
        (READY, {"snapshot_schema": look(since=NOW - timedelta(minutes=61))}, Light.SHUT, "schema", "61 min old"),
        (READY, {"snapshot_schema": look(since=NOW - timedelta(minutes=50))}, Light.CLOSING, "schema", "10 min more"),
        (READY, {"ready_token_format": look(done=False, detail="v2 tokens")}, Light.SHUT, "token format", "(v2 tokens)"),
        (READY, {"ready_old_index": look(done=False)}, Light.CLOSING, "old index", "Does not hold"),
        (READY, {"ready_old_index": Look(problem="refused")}, Light.UNKNOWN, "old index", "refused"),
        (replace(READY, can_rehearse=True), {}, Light.CLOSING, "rehearsal", "never rehearsed"),
        (replace(READY, rehearsal=Rehearsal(NOW - timedelta(days=31), 5, 5)), {}, Light.CLOSING, "rehearsal", "31 days old"),
        (
            replace(READY, rehearsal=Rehearsal(NOW - timedelta(days=3), 5, 5, ok=False)),
            {},
            Light.CLOSING,
            "rehearsal",
            "did not come through",
        ),
    ],
)
def test_the_worst_reason_decides_and_stands_first(standing, looks, expected, name, word):
    found = light(standing, **looks)
    assert found.light is expected
    assert (found.items[0].name, found.items[0].light) == (name, expected)
    assert word in found.items[0].sentence


def test_time_alone_turns_a_snapshot_amber_and_then_red_with_the_clock():
    lights = [light(replace(READY, now=NOW + timedelta(minutes=minutes))) for minutes in (0, 34, 36, 49, 51)]
    assert [found.light for found in lights] == [Light.READY, Light.READY, Light.CLOSING, Light.CLOSING, Light.SHUT]
    assert {found.closes_at for found in lights[:4]} == {NOW + timedelta(minutes=50)}
    assert lights[4].closes_at is None


def test_a_young_rehearsal_is_named_with_what_it_took():
    found = light(replace(READY, rehearsal=Rehearsal(NOW - timedelta(days=3), 5, 4.2)))
    assert found.light is Light.READY
    assert any("Rehearsed 3 days ago in 4.2 s" in item.sentence for item in found.items)


def test_a_lossy_step_that_was_signed_away_keeps_the_light_amber():
    target = replace(TARGET, undo=(replace(SCHEMA, snapshot=None),))
    found = readiness(target, rollback_steps(target, "blue"), READY)
    assert (found.light, found.items[0].name) == (Light.CLOSING, "schema")
    assert found.closes_at is None


def test_only_what_was_read_to_be_past_counts_as_lost():
    assert losses(TARGET, {}) == ()
    assert losses(TARGET, {"contract": look()}) == ()
    assert losses(TARGET, {"contract": Look(UndoState(False, NOW), "no answer")}) == ()
    assert losses(TARGET, {"contract": look(done=False)}) == ("contract cannot be undone. Going back would lose old columns.",)


def test_a_snapshot_whose_age_is_not_told_is_vouched_for_by_its_check():
    assert no_snapshot(Snapshot(CALL, 60), UndoState(True, NOW), NOW) == ""
    assert "no snapshot (disk full)" in no_snapshot(Snapshot(CALL, 60), UndoState(False, NOW, "disk full"), NOW)


LATER = replace(TARGET, undo=(replace(SCHEMA, from_stage=3, predicted_s=540.0), CONTRACT))
LATER_STEPS = rollback_steps(LATER, "blue")
AT_2 = replace(READY, stage=2, opens={3: NOW + timedelta(minutes=4), 4: NOW + timedelta(minutes=34)})


def test_before_a_stage_that_brings_a_step_the_light_says_what_the_way_back_takes_then():
    found = readiness(LATER, LATER_STEPS, AT_2)
    assert (found.light, found.predicted_s) == (Light.READY, 1.0)
    assert found.then == Then("schema", 541.0, NOW + timedelta(minutes=4), 3)
    assert found.items[0].sentence == "Stage 3, in 4 min at the earliest, brings schema: from then on the way back takes 9 min."
    after = readiness(LATER, LATER_STEPS, replace(AT_2, stage=3, opens={}))
    assert (after.predicted_s, after.then) == (541.0, Then("schema", None, NOW + timedelta(minutes=50)))
    held = readiness(LATER, LATER_STEPS, replace(AT_2, opens={}))
    assert held.items[0].sentence == "Stage 3 brings schema: from then on the way back takes 9 min."


def test_what_was_measured_counts_more_than_what_the_file_expects_also_for_later():
    seconds = {step.seq: 60.0 for step in LATER_STEPS if step.name == "schema"}
    found = readiness(LATER, LATER_STEPS, replace(AT_2, seconds=seconds))
    assert found.then is not None
    assert (found.predicted_s, found.then.predicted_s) == (1.0, 61.0)


@pytest.mark.parametrize(
    ("stage", "done", "expected", "closes", "word"),
    [
        (1, True, Light.READY, False, "Stage 3 passes it; then hold is what is left."),
        (2, True, Light.CLOSING, True, "Stage 3, in 4 min at the earliest, passes it; then hold is what is left."),
        (3, False, Light.SHUT, False, "cannot be undone"),
        (2, False, Light.SHUT, False, "cannot be undone"),
    ],
)
def test_the_light_turns_amber_before_the_point_of_no_return_with_the_clock_and_red_past_it(stage, done, expected, closes, word):
    target = replace(TARGET, undo=(replace(CONTRACT, from_stage=3),))
    opens = {3: NOW + timedelta(minutes=4)} if stage == 2 else {}
    standing = replace(READY, stage=stage, opens=opens, looks={**LOOKS, "contract": look(done=done)})
    found = readiness(target, rollback_steps(target, "blue"), standing)
    told = next(item for item in found.items if item.name == "contract")
    assert (found.light, told.light) == (expected, expected)
    assert word in told.sentence
    assert found.closes_at == (NOW + timedelta(minutes=4) if closes else None)
    assert found.then == (Then("contract", None, opens.get(3), 3) if expected is not Light.SHUT else None)


def test_a_snapshot_that_is_missing_shuts_nothing_before_the_stage_that_needs_it():
    standing = replace(AT_2, looks={**LOOKS, "snapshot schema": look(done=False)})
    before, after = (readiness(LATER, LATER_STEPS, replace(standing, stage=stage)) for stage in (2, 3))
    assert (before.light, after.light) == (Light.CLOSING, Light.SHUT)
    assert "undoing it then loses two columns: there is no snapshot" in before.items[0].sentence


def test_a_check_that_is_about_to_cease_turns_the_light_amber_with_the_clock_and_what_is_left_then():
    target = replace(TARGET, undo=(), ready=(ReadyCheck("old pods", CALL, then_s=540.0),))

    def standing(state: UndoState) -> Standing:
        return replace(READY, looks={"ready old pods": Look(state)})

    ends = NOW + timedelta(seconds=24)
    soon = readiness(target, STEPS, standing(UndoState(True, NOW, "leaving", until=ends)))
    assert (soon.light, soon.closes_at, soon.then) == (Light.CLOSING, ends, Then("old pods", 540.0, ends))
    assert soon.items[0].sentence == "Holds for 24 s more (leaving); then the way back takes 9 min."
    far = readiness(target, STEPS, standing(UndoState(True, NOW, until=NOW + timedelta(minutes=20))))
    assert far.light is Light.READY
    gone = readiness(target, STEPS, standing(UndoState(False, NOW)))
    assert (gone.light, gone.predicted_s, gone.closes_at) == (Light.CLOSING, 540.0, None)
    assert gone.items[0].sentence == "Does not hold: the way back takes 9 min."


def test_a_later_stage_opens_at_the_earliest_when_the_waits_before_it_are_over():
    stages = (Stage(5, 60.0, ()), Stage(25, 120.0, ()), Stage(50, 30.0, ()))
    assert earliest(stages, 1, NOW) == {2: NOW + timedelta(seconds=60), 3: NOW + timedelta(seconds=180)}
    assert earliest(stages, 3, NOW) == earliest(stages, 0, NOW) == earliest(stages, 1, None) == {}
