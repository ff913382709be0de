"""The journal: opening, changing, sending and settling, and what it refuses."""

import sqlite3
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import (
    ANN,
    BACK,
    BOB,
    NOON,
    UP,
    HandClock,
    allow,
    back_plan,
    driving,
    entry,
    intent_for,
    make_plan,
    opened,
    outcome_for,
)

from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Decision
from console.model.errors import BadFile, NotAllowed, StaleWrite, StoreError
from console.model.freeze import FreezeWindow, OneOff, StopTheLine
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Phase, StepState
from console.model.stores import Authority, RolloutChange
from console.model.target import FreezeRule, Reversibility, SessionGate, Stage, ThresholdGate
from console.model.verbs import Direction, Verb
from console.store.planjson import plan_of, plan_text, step_of, step_text
from console.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
BOTH_STORES = True

_names = st.text(max_size=8)
_numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)
_states = st.dictionaries(_names, st.integers() | st.booleans() | _names | st.none(), max_size=3)
_steps = st.builds(
    Step,
    seq=st.integers(0, 99),
    kind=st.sampled_from(StepKind),
    verb=st.sampled_from(Verb),
    direction=st.sampled_from(Direction),
    system=_names,
    want=_states,
    precondition=st.none() | _states,
    undo=st.none() | _states,
    stage=st.integers(-1, 9),
    deadline_s=_numbers,
    predicted_s=_numbers,
    reversibility=st.sampled_from(Reversibility),
)
_gates = st.builds(SessionGate, _names, _names, _names, _numbers, st.booleans(), st.booleans()) | st.builds(
    ThresholdGate, _names, _names, st.none() | _names, _numbers, st.integers(0, 99)
)
_stages = st.builds(
    Stage, st.integers(0, 100), st.integers(0, 999) | st.floats(0, 999), st.lists(_names, max_size=2).map(tuple), st.booleans()
)
plans = st.builds(
    Plan,
    kind=st.sampled_from(PlanKind),
    target=_names,
    release=_names,
    stable=_names,
    canary=_names,
    stable_version=_names,
    canary_version=_names,
    steps=st.lists(_steps, max_size=3).map(tuple),
    rollback=st.lists(_steps, max_size=2).map(tuple),
    stages=st.lists(_stages, max_size=3).map(tuple),
    gates=st.lists(_gates, max_size=3).map(tuple),
    needed=st.none() | st.dictionaries(_names, st.lists(st.integers(0, 9999), max_size=3).map(tuple), max_size=2),
    auto_rollback_after_s=_numbers,
    freeze_rule=st.sampled_from(FreezeRule),
    alpha=_numbers,
    target_digest=_names,
)


@given(plans)
def test_a_plan_comes_back_from_its_text_with_the_same_hash(plan):
    again = plan_of(plan_text(plan))
    assert again == plan
    assert again.hash == plan.hash


@given(_steps)
def test_a_step_comes_back_from_its_text(step):
    assert step_of(step_text(step)) == step


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind":"dance"}', "null"])
def test_a_plan_that_is_none_is_said_in_words(text):
    with pytest.raises(StoreError, match="plan in the records cannot be read"):
        plan_of(text)
    with pytest.raises(StoreError, match="step in the records cannot be read"):
        step_of(text)


async def test_rollouts_are_numbered_and_come_back_as_they_were(store: SqliteStore):
    first = await opened(store)
    assert (first.id, first.phase, first.plan, first.plan.hash) == ("R-1", Phase.PLANNED, make_plan(), make_plan().hash)
    second = await store.journal.open(make_plan("other"), BOB, "too", NOON)
    assert second.id == "R-2"
    assert await store.journal.rollout("R-1") == first
    assert [rollout.id for rollout in await store.journal.rollouts(live=True)] == ["R-2", "R-1"]
    assert [rollout.id for rollout in await store.journal.rollouts(live=False, target="other")] == ["R-2"]
    assert len(await store.journal.rollouts(live=False, limit=1)) == 1
    with pytest.raises(BadFile, match="no rollout R-9"):
        await store.journal.rollout("R-9")


async def test_a_target_has_one_rollout_at_a_time_but_the_way_back_is_open(store: SqliteStore):
    rollout = await opened(store)
    with pytest.raises(NotAllowed, match="R-1 is still on its way on shop"):
        await opened(store)
    assert (await store.journal.open(back_plan(), BOB, "back", NOON)).id == "R-2"
    (refusal,) = await store.audit.page(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})), None, 9)
    assert refusal.entry.plan_hash == rollout.plan.hash
    for rollout_id in ("R-1", "R-2"):
        now = await store.journal.rollout(rollout_id)
        await store.journal.change(now, RolloutChange(phase=Phase.ABORTED, ended_at=NOON), entry("abort", RecordKind.PHASE))
    assert (await opened(store)).id == "R-3"
    assert [one.id for one in await store.journal.rollouts(live=True)] == ["R-3"]


async def test_a_change_is_compared_on_its_revision_and_audited(store: SqliteStore):
    rollout = await opened(store)
    change = RolloutChange(
        Phase.RUNNING, 0, NOON, 5, "on", NOON + timedelta(seconds=20), history={"sessions": (1940, 60)}, ended_at=NOON + timedelta(hours=1)
    )
    changed = await store.journal.change(rollout, change, entry("start", RecordKind.PHASE))
    assert changed.revision == rollout.revision + 1
    assert (changed.phase, changed.stage, changed.stage_since, changed.asked_weight) == (Phase.RUNNING, 0, NOON, 5)
    assert (changed.note, changed.auto_back_at, changed.history) == ("on", NOON + timedelta(seconds=20), {"sessions": (1940, 60)})
    with pytest.raises(StaleWrite, match="changed by somebody else"):
        await store.journal.change(rollout, RolloutChange(note="late"), entry("late", RecordKind.PHASE))
    cleared = await store.journal.change(changed, RolloutChange(clear_auto_back=True), entry("hold", RecordKind.PHASE))
    assert cleared.auto_back_at is None
    assert cleared.note == "on"
    told = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.PHASE}), rollout="R-1"))
    assert [record.entry.verb for record in told] == ["start", "hold"]


async def test_a_secret_typed_as_a_reason_or_a_note_is_not_kept(store: SqliteStore):
    rollout = await store.journal.open(make_plan(), ANN, "password=hunter2", NOON)
    changed = await store.journal.change(rollout, RolloutChange(note="Bearer abcdefgh"), entry("x", reason="token=abcdef"))
    assert (changed.reason, changed.note) == ("password=***", "Bearer ***")
    raw = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert b"hunter2" not in raw
    assert b"abcdefgh" not in raw


@pytest.mark.parametrize("end", [phase for phase in Phase if phase.absorbs])
async def test_what_goes_back_or_is_over_counts_down_no_more(store: SqliteStore, end: Phase):
    rollout, _ = await driving(store)
    back_at = NOON + timedelta(seconds=20)
    rollout = await store.journal.change(rollout, RolloutChange(auto_back_at=back_at), entry("lost", RecordKind.PHASE))
    rollout = await store.journal.change(rollout, RolloutChange(phase=end), entry("end", RecordKind.PHASE))
    assert rollout.auto_back_at is None
    with pytest.raises(NotAllowed, match="counts down no more"):
        await store.journal.change(rollout, RolloutChange(auto_back_at=back_at, note="goes back soon"), entry("lost", RecordKind.PHASE))


@pytest.mark.parametrize("end", [Phase.STOPPED, Phase.ABORTING, Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED])
async def test_no_forward_step_follows_an_end(store: SqliteStore, end: Phase):
    rollout, token = await driving(store)
    rollout = await store.journal.change(rollout, RolloutChange(phase=end), entry("end", RecordKind.PHASE))
    for phase in (Phase.RUNNING, Phase.PLANNED):
        with pytest.raises(NotAllowed, match="cannot be"):
            await store.journal.change(rollout, RolloutChange(phase=phase), entry("again", RecordKind.PHASE))
    if end is Phase.STOPPED:
        rollout = await store.journal.change(rollout, RolloutChange(phase=Phase.HELD), entry("hold", RecordKind.PHASE))
    else:
        with pytest.raises(NotAllowed, match="cannot be held again"):
            await store.journal.change(rollout, RolloutChange(phase=Phase.HELD), entry("hold", RecordKind.PHASE))
    if not end.over:
        with pytest.raises(NotAllowed, match="cannot be done again"):
            await store.journal.change(rollout, RolloutChange(phase=Phase.DONE), entry("done", RecordKind.PHASE))
    with pytest.raises(NotAllowed, match="Forward is over"):
        await store.journal.send(intent_for(rollout, UP, token), allow)
    row = await store.journal.send(intent_for(rollout, BACK), None)
    assert row.recorded == "journal"


async def test_a_forward_step_is_sent_under_the_wheel_and_settled_once(store: SqliteStore):
    rollout, token = await driving(store)
    row = await store.journal.send(intent_for(rollout, UP, token, "s1"), allow)
    assert (row.state, row.recorded, row.sent_at) == (StepState.SENT, "journal", NOON)
    assert await store.journal.unsettled() == [row]
    with pytest.raises(StaleWrite, match="sent before"):
        await store.journal.send(intent_for(rollout, UP, token, "s1"), allow)
    settled = await store.journal.settle(row, outcome_for("s1"))
    assert (settled.state, settled.seen, settled.detail) == (StepState.CONFIRMED, {"blue": 100, "green": 0}, "as wanted")
    assert await store.journal.steps(rollout.id) == [settled]
    assert await store.journal.unsettled() == []
    with pytest.raises(StaleWrite, match="already confirmed"):
        await store.journal.settle(row, outcome_for("s1", StepState.FAILED))
    assert (await store.audit.verify()).open_intents == ()


async def test_an_unknown_step_may_be_settled_again_and_stays_unsettled_until_then(store: SqliteStore):
    rollout, token = await driving(store)
    row = await store.journal.send(intent_for(rollout, UP, token, "s1"), allow)
    unknown = await store.journal.settle(row, outcome_for("s1", StepState.UNKNOWN))
    assert await store.journal.unsettled() == [unknown]
    await store.journal.settle(unknown, outcome_for("s1", StepState.UNKNOWN))
    done = await store.journal.settle(unknown, outcome_for("s1", StepState.FAILED))
    assert done.state is StepState.FAILED
    told = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.OUTCOME})))
    assert [record.entry.result for record in told] == ["unknown", "unknown", "failed"]


async def test_nonsense_outcomes_are_refused(store: SqliteStore):
    rollout, token = await driving(store)
    row = await store.journal.send(intent_for(rollout, UP, token, "s1"), allow)
    with pytest.raises(ValueError, match="not what became"):
        await store.journal.settle(row, outcome_for("s1", StepState.SENT))
    with pytest.raises(ValueError, match="not that of"):
        await store.journal.settle(row, outcome_for("s2"))


async def test_a_forward_step_needs_the_wheel_of_now(store: SqliteStore, clock: HandClock):
    rollout = await opened(store)
    with pytest.raises(NotAllowed, match="nobody holds it"):
        await store.journal.send(intent_for(rollout, UP, None), allow)
    lease = await store.wheel.take(rollout.id, ANN, 15)
    with pytest.raises(StaleWrite):
        await store.journal.send(intent_for(rollout, UP, lease.token), allow)
    rollout = await store.journal.rollout(rollout.id)
    with pytest.raises(NotAllowed, match="this step has 0"):
        await store.journal.send(intent_for(rollout, UP, 0), allow)
    clock.move(15)
    with pytest.raises(NotAllowed, match="nobody holds it"):
        await store.journal.send(intent_for(rollout, UP, lease.token), allow)
    assert await store.journal.steps(rollout.id) == []
    refusals = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})))
    assert len(refusals) == 3
    assert (await store.audit.verify()).open_intents == ()


async def test_going_back_ends_the_holders_token(store: SqliteStore):
    rollout, token = await driving(store)
    aborting = await store.journal.change(
        rollout, RolloutChange(phase=Phase.ABORTING, raise_token=True), entry("roll back", RecordKind.PHASE, actor=BOB)
    )
    assert aborting.token == token + 1
    assert await store.wheel.show(rollout.id) is None
    with pytest.raises(NotAllowed):
        await store.journal.send(intent_for(rollout, UP, token), allow)
    assert (await store.journal.send(intent_for(rollout, BACK, actor=BOB), None)).state is StepState.SENT


async def test_the_guard_reads_the_freeze_in_the_transaction_of_the_intent(store: SqliteStore):
    rollout, token = await driving(store)
    window = FreezeWindow("w1", "sale", "ann", "sale", "Europe/Berlin", OneOff(NOON.replace(tzinfo=None), NOON.replace(tzinfo=None)))
    stop = StopTheLine("bob", "fire", NOON)
    await store.freezes.add(window, ANN, NOON)
    await store.freezes.stop(stop, BOB)
    asked: list[Authority] = []

    def refuse(authority: Authority) -> Decision:
        asked.append(authority)
        return Decision(False, ("The line is stopped by bob.", "fire"), "Going back is open.")

    with pytest.raises(NotAllowed, match=r"The line is stopped by bob\. fire Going back is open\."):
        await store.journal.send(intent_for(rollout, UP, token, "s1"), refuse)
    assert asked == [Authority((window,), (stop,), await store.wheel.show(rollout.id), NOON)]
    assert await store.journal.steps(rollout.id) == []
    (refusal,) = await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})))
    assert refusal.entry.result == "The line is stopped by bob."
    assert refusal.entry.detail["refused_step"] == "s1"


async def test_a_guard_that_breaks_leaves_nothing_behind(store: SqliteStore):
    rollout, token = await driving(store)

    def broken(authority: Authority) -> Decision:
        raise LookupError(str(authority.now))

    before = (await store.audit.verify()).size
    with pytest.raises(LookupError):
        await store.journal.send(intent_for(rollout, UP, token), broken)
    assert (await store.audit.verify()).size == before
    assert await store.journal.steps(rollout.id) == []


@pytest.mark.one_file
async def test_a_plan_that_was_changed_in_the_file_goes_no_further_forward(store: SqliteStore):
    rollout, token = await driving(store)
    with sqlite3.connect(store.folder / "records.db") as raw:
        raw.execute("UPDATE rollouts SET plan = replace(plan, '\"green\":5', '\"green\":50')")
    raw.close()
    forged = await store.journal.rollout(rollout.id)
    for held in (rollout, forged):
        with pytest.raises(NotAllowed, match="not the one that was recorded"):
            await store.journal.send(intent_for(held, UP, token), allow)
    assert (await store.journal.send(intent_for(forged, BACK), None)).state is StepState.SENT
