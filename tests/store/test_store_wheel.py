"""The wheel: one holder, a token that only grows, and leases that end by the store's clock."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_kit import ANN, BOB, NOON, HandClock, entry, opened, settle_now

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import BadFile, NotAllowed
from console.model.rollout import Actor, Lease
from console.model.stores import RolloutChange
from console.store.sqlite import SqliteStore, open_store


@pytest.mark.anyio
async def test_the_wheel_is_taken_renewed_and_let_go(store: SqliteStore, clock: HandClock):
    rollout = await opened(store)
    assert await store.wheel.show(rollout.id) is None
    lease = await store.wheel.take(rollout.id, ANN, 15)
    assert lease == Lease("R-1", ANN, 1, NOON, NOON + timedelta(seconds=15))
    assert await store.wheel.show(rollout.id) == lease
    with pytest.raises(NotAllowed, match=r"ann has the wheel of R-1\..*12:00:15 UTC"):
        await store.wheel.take(rollout.id, BOB, 15)
    clock.move(3)
    renewed = await store.wheel.renew(lease, 15)
    assert (renewed.token, renewed.renewed_at, renewed.expires_at) == (1, clock.now(), clock.now() + timedelta(seconds=15))
    await store.wheel.release(renewed)
    assert await store.wheel.show(rollout.id) is None
    assert (await store.wheel.take(rollout.id, BOB, 15)).token == 2
    told = [record.entry.verb for record in await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.TAKEOVER})))]
    assert told == ["take the wheel", "let the wheel go", "take the wheel"]


@pytest.mark.anyio
async def test_a_lease_ends_when_its_time_is_over_and_cannot_be_renewed(store: SqliteStore, clock: HandClock):
    rollout = await opened(store)
    lease = await store.wheel.take(rollout.id, ANN, 15)
    clock.move(15)
    assert await store.wheel.show(rollout.id) is None
    with pytest.raises(NotAllowed, match="it expired before"):
        await store.wheel.renew(lease, 15)
    taken = await store.wheel.take(rollout.id, BOB, 15)
    assert taken.token == 2
    with pytest.raises(NotAllowed, match="bob has it now"):
        await store.wheel.renew(lease, 15)
    await store.wheel.release(lease)
    assert await store.wheel.show(rollout.id) == taken


@pytest.mark.anyio
async def test_taking_the_wheel_raises_the_revision_so_that_the_former_holder_writes_nothing(store: SqliteStore, clock: HandClock):
    rollout = await opened(store)
    await store.wheel.take(rollout.id, ANN, 15)
    held = await store.journal.rollout(rollout.id)
    assert (held.token, held.revision) == (1, rollout.revision + 1)
    clock.move(20)
    await store.wheel.take(rollout.id, BOB, 15)
    with pytest.raises(NotAllowed):
        await store.journal.change(held, RolloutChange(asked_weight=50), entry("late"))


@pytest.mark.anyio
async def test_nonsense_is_refused(store: SqliteStore):
    with pytest.raises(BadFile, match="no rollout R-9"):
        await store.wheel.take("R-9", ANN, 15)
    for ttl_s in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="no span"):
            await store.wheel.take("R-9", ANN, ttl_s)


HOLDERS = [Actor(name, f"console-{name}") for name in ("ann", "bob", "eve")]


class WheelMachine(RuleBasedStateMachine):
    """Any order of takes, renewals, releases, raises and time: tokens grow, and at most one lease can be renewed."""

    @initialize()
    def begin(self) -> None:
        self.home = tempfile.TemporaryDirectory()
        self.clock = HandClock()
        self.store = open_store(Path(self.home.name) / "data", self.clock)
        self.rollout = settle_now(opened(self.store)).id
        self.leases: list[Lease] = []
        self.token = 0
        self.current: Lease | None = None

    def holder(self) -> Lease | None:
        return self.current if self.current is not None and self.current.expires_at > self.clock.now() else None

    @rule(who=st.sampled_from(HOLDERS), ttl_s=st.integers(1, 20))
    def take(self, who: Actor, ttl_s: int) -> None:
        held = self.holder()
        if held is not None and held.holder != who:
            with pytest.raises(NotAllowed):
                settle_now(self.store.wheel.take(self.rollout, who, ttl_s))
            return
        lease = settle_now(self.store.wheel.take(self.rollout, who, ttl_s))
        assert lease.token == self.token + 1
        self.token, self.current = lease.token, lease
        self.leases.append(lease)

    @rule(pick=st.integers(0, 9), ttl_s=st.integers(1, 20))
    def renew(self, pick: int, ttl_s: int) -> None:
        if not self.leases:
            return
        lease = self.leases[-1 - pick % len(self.leases)]
        held = self.holder()
        if held is None or held.token != lease.token:
            with pytest.raises(NotAllowed):
                settle_now(self.store.wheel.renew(lease, ttl_s))
            return
        self.current = settle_now(self.store.wheel.renew(lease, ttl_s))

    @rule(pick=st.integers(0, 9))
    def release(self, pick: int) -> None:
        if not self.leases:
            return
        lease = self.leases[-1 - pick % len(self.leases)]
        settle_now(self.store.wheel.release(lease))
        if self.current is not None and self.current.token == lease.token:
            self.current = None

    @rule(seconds=st.integers(1, 25))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds)

    @rule()
    def somebody_goes_back(self) -> None:
        rollout = settle_now(self.store.journal.rollout(self.rollout))
        settle_now(self.store.journal.change(rollout, RolloutChange(raise_token=True), entry("back")))
        self.token += 1
        self.current = None

    @invariant()
    def the_store_shows_what_should_be(self) -> None:
        assert settle_now(self.store.wheel.show(self.rollout)) == self.holder()
        assert settle_now(self.store.journal.rollout(self.rollout)).token == self.token

    def teardown(self) -> None:
        settle_now(self.store.close())
        self.home.cleanup()


TestWheelMachine = WheelMachine.TestCase
TestWheelMachine.settings = settings(max_examples=15, stateful_step_count=20)


@pytest.mark.anyio
async def test_a_wheel_that_was_left_is_free_only_after_a_quiet_time_but_one_that_was_let_go_at_once(store: SqliteStore, clock: HandClock):
    rollout = await opened(store)
    await store.wheel.take(rollout.id, ANN, 15)
    clock.move(19)
    seen = await store.wheel.seen(rollout.id)
    assert seen.live is None
    assert seen.lease is not None
    assert (seen.silent_s, seen.now) == (19, clock.now())
    with pytest.raises(NotAllowed, match=r"free at 12:00:20 UTC"):
        await store.wheel.take(rollout.id, BOB, 15, "her laptop is dead", 20)
    clock.move(1)
    taken = await store.wheel.take(rollout.id, BOB, 15, "her laptop is dead", 20)
    assert taken.token == 2
    await store.wheel.release(taken, "watch the errors", "eve")
    assert (await store.wheel.seen(rollout.id)).lease is None
    assert (await store.wheel.take(rollout.id, ANN, 15, quiet_s=20)).token == 3
    told = [record.entry for record in await store.audit.all(AuditFilter(kinds=frozenset({RecordKind.TAKEOVER})))]
    assert (told[1].reason, told[1].detail["before"], told[1].detail["before_token"]) == ("her laptop is dead", "ann", 1)
    assert (told[2].detail["note"], told[2].detail["to"]) == ("watch the errors", "eve")
