"""Alerts beside a release: shown with their age, and expected ones silenced from its start to its end and no longer."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from engine_fakes import GREEN, SHOP, Desk, FakeTime, World, world

from console.engine import silencing
from console.engine.silencing import LEASE_S
from console.model.alerts import Alert, AlertmanagerAlerts, AlertsNow, Silence, SilenceWanted
from console.model.audit import AuditFilter
from console.model.errors import OutcomeUnknown, Refused, Unreachable
from console.model.ports import Connections
from console.model.stores import TargetRow
from console.model.target import Target
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

SPEC = AlertmanagerAlerts("http://alerts:9093", 'service="checkout"', silence='alertname="PodsRestarting",')
TARGET = replace(SHOP, alerts=SPEC)


@dataclass
class FakeAlerts:
    """What fires, and the silences that are kept, by comment; `errors` are raised by the next calls, `deaf` by every one."""

    time: FakeTime
    firing: tuple[Alert, ...] = ()
    kept: dict[str, Silence] = field(default_factory=dict)
    asked: list[SilenceWanted] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    deaf: Exception | None = None

    async def alerts(self) -> AlertsNow:
        if self.deaf:
            raise self.deaf
        return AlertsNow(self.firing, self.time.clock.now())

    async def silence(self, wanted: SilenceWanted) -> Silence:
        if self.deaf or self.errors:
            raise self.deaf or self.errors.pop(0)
        self.asked.append(wanted)
        made = Silence(f"s-{wanted.comment}", wanted.matchers, wanted.until)
        self.kept[made.id] = made
        return made

    async def end_silence(self, id_: str) -> None:
        if self.deaf or self.errors:
            raise self.deaf or self.errors.pop(0)
        self.ended.append(id_)
        self.kept.pop(id_, None)

    def quiet(self) -> bool:
        """Tell whether a silence is in effect now."""
        return any(each.until > self.time.clock.now() for each in self.kept.values())


def with_alerts(w: World) -> FakeAlerts:
    alerts, connect = FakeAlerts(w.time), w.shop.connect

    def connected(target: Target, row: TargetRow) -> Connections:
        return replace(connect(target, row), alerts=alerts)

    w.shop.connect = connected  # type: ignore[method-assign]
    return alerts


async def records_of(desk: Desk) -> list[tuple[str, str, str]]:
    page = await desk.time.through(desk.store.audit.page(AuditFilter(), None, 500))
    found = [record.entry for record in sorted(page, key=lambda record: record.seq) if "silence" in record.entry.verb]
    return [(entry.kind.value, entry.verb, entry.result) for entry in found]


async def test_expected_alerts_are_silent_from_the_start_to_the_end_of_a_rollout(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(2.0)
        assert alerts.quiet()
        assert alerts.asked[0].matchers == 'service="checkout", alertname="PodsRestarting"'
        assert rollout in alerts.asked[0].comment
        assert alerts.asked[0].author == "Ana"
        view = desk.view(rollout)
        assert view.alerts is not None
        assert view.alerts.quiet.startswith("expected ones are silenced")
        await desk.until_phase(rollout, "done")
        await w.time.advance(2.0)
        assert not alerts.quiet()
        assert desk.target.alerts is not None
        assert desk.target.alerts.quiet == ""
        assert await records_of(desk) == [
            ("intent", "silence alerts", "sent"),
            ("outcome", "silence alerts", "confirmed"),
            ("intent", "end silence", "sent"),
            ("outcome", "end silence", "confirmed"),
        ]


async def test_the_silence_lasts_through_a_way_back_and_ends_with_it(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(2.0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        await w.time.advance(2.0)
        assert not alerts.quiet()
        assert len(alerts.ended) == 1


async def test_a_long_rollout_renews_one_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silencing, "LEASE_S", 60.0)
    monkeypatch.setattr(silencing, "RENEW_S", 40.0)
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        await desk.until_stage(await desk.start(), 0)
        await desk.act(Verb.HOLD)
        for _ in range(8):
            await w.time.advance(15.0)
            assert alerts.quiet()
        assert len(alerts.kept) == 1
        assert 4 <= len(alerts.asked) <= 8
        assert len(await records_of(desk)) == 2


async def test_a_killed_console_leaves_a_silence_that_ends_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        await desk.until_stage(await desk.start(), 0)
        await w.time.advance(2.0)
        await w.kill(desk)
        assert alerts.quiet()
        w.time.clock.advance(LEASE_S)
        assert not alerts.quiet()


async def test_a_console_that_closes_at_the_end_of_its_rollout_ends_the_silence_first(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(2.0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        await w.time.through(desk.engine.close())
        w.desks.remove(desk)
        assert not alerts.quiet()


@pytest.mark.parametrize(
    "error", [Refused("The Alertmanager says no."), Unreachable("No answer.", sent=False), OutcomeUnknown("Nobody knows.")], ids=str
)
async def test_a_silence_that_is_not_had_stops_no_release_and_is_told_once(tmp_path: Path, error: Exception) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        alerts.deaf = error
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(20.0)
        told = [notice for update in desk.updates for notice in update.notices if "not silenced" in notice.title]
        assert len(told) == 1
        assert "it goes on" in told[0].text
        assert any(each.port == "silence" and each.problem is not None for each in desk.target.connections)
        alerts.deaf = None
        await w.time.advance(10.0)
        assert alerts.quiet()
        assert await records_of(desk) == [
            ("intent", "silence alerts", "sent"),
            ("outcome", "silence alerts", "failed"),
            ("outcome", "silence alerts", "confirmed"),
        ]
        await desk.until_stage(rollout, 1)


async def test_an_end_that_fails_is_tried_again(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(2.0)
        alerts.errors = [Unreachable("No answer.", sent=True), Unreachable("No answer.", sent=True)]
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        await w.time.advance(30.0)
        assert not alerts.quiet()
        assert [kind for kind, verb, _ in await records_of(desk) if verb == "end silence"] == ["intent", "outcome"]


def _loud() -> Iterator[tuple[str, Target]]:
    yield "no silence declared", replace(TARGET, alerts=replace(SPEC, silence=""))
    yield "no alerts at all", SHOP


@pytest.mark.parametrize("target", [target for _, target in _loud()], ids=[name for name, _ in _loud()])
async def test_nothing_is_silenced_that_the_file_does_not_name(tmp_path: Path, target: Target) -> None:
    async with world(tmp_path, target) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        await desk.until_stage(await desk.start(), 0)
        await w.time.advance(5.0)
        assert alerts.asked == []


async def test_a_flag_kill_silences_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        desk = await w.desk()
        assert (await desk.act(Verb.FLAG_KILL)).decision.allowed
        await w.time.advance(5.0)
        assert alerts.asked == []


async def test_what_fires_stands_beside_the_release_with_its_age(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        alerts = with_alerts(w)
        since = w.time.clock.now() - timedelta(minutes=5)
        alerts.firing = (Alert("CheckoutDown", "critical", "no orders", since), Alert("Slow", "warning", "", since, silenced=True))
        desk = await w.desk()
        assert desk.target.alerts is not None
        assert desk.target.alerts.words == "1 alert fires, 1 silenced"
        assert desk.target.alerts.alerts == alerts.firing
        read_at = desk.target.alerts.at
        alerts.deaf = Unreachable("No answer in 5 s.", sent=False)
        await w.time.advance(10.0)
        assert desk.target.alerts.problem == "No answer in 5 s."
        assert read_at is not None
        assert desk.target.alerts.at is not None
        assert desk.target.alerts.at <= read_at + timedelta(seconds=7)
        assert w.shop.router.weights[GREEN] == 0
