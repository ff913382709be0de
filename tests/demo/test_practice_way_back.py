"""The practice shop's way back, piece by piece on the real processes, as its target file declares it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from demo.shops import OpenShop, running, until

from console.app.connecting import undo_specs
from console.demo import targetfile
from console.files.targetfile import read_target
from console.model.clock import SystemClock
from console.model.errors import Refused
from console.model.ports import Undo
from console.model.readings import UndoState
from console.model.systems import HttpUndo
from console.model.target import Target
from console.providers.clients.http import HttpClient
from console.providers.pipelines.command import CommandRunner
from console.providers.undo.command import CommandUndoStep
from console.providers.undo.http import HttpUndoStep

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(sys.platform == "win32", reason="the shop's router is tried on POSIX")]


class Hands:
    """What a console does on the way back, one step after another, with its own providers and the shop's own file."""

    def __init__(self, shop: OpenShop) -> None:
        self.shop = shop
        self.target: Target = read_target(shop.shop.target_text.encode(), str(shop.shop.folder / "practice.yaml"))

    def _each(self, name: str, client: HttpClient) -> Undo:
        spec = undo_specs(self.target)[name]
        if isinstance(spec, HttpUndo):
            return HttpUndoStep(spec, client, SystemClock())
        return CommandUndoStep(spec, self.shop.shop.folder, SystemClock(), lambda: True)

    def look(self, name: str) -> UndoState:
        async def looked() -> UndoState:
            client = HttpClient()
            try:
                return await self._each(name, client).look()
            finally:
                await client.aclose()

        return asyncio.run(looked())

    def do(self, name: str) -> float:
        """Do a step and return the seconds until it was read back as done."""

        async def done() -> None:
            client = HttpClient()
            try:
                await self._each(name, client).run("step-1")
                assert (await self._each(name, client).look()).done
            finally:
                await client.aclose()

        begun = time.monotonic()
        asyncio.run(done())
        return time.monotonic() - begun

    def release(self) -> None:
        """Run the pipeline and give the new version a quarter of the traffic."""

        async def built() -> None:
            assert self.target.pipeline is not None
            runner = CommandRunner(self.target.pipeline, self.shop.shop.folder, SystemClock())
            run = await runner.start("5.2b", "key")
            states = [item async for item in runner.follow(run) if hasattr(item, "state")]
            assert states[-1].state == "passed", states[-1]

        asyncio.run(built())
        self.shop.split(75, 25)

    def pay(self, port: int, session: str) -> str:
        return self.shop.ask(port, "/pay", "POST", cookie=session).headers.get("x-payment", "")

    def stuck_customer(self, session: str) -> None:
        """Let a customer try to pay on the canary, which leaves the payment open and its token in the cache."""
        for step in ("/cart?id=2", "/checkout?method=1"):
            assert self.shop.ask(self.shop.at.canary, step, "POST", cookie=session).status == 200
        assert self.pay(self.shop.at.canary, session) == "pending"


def versions(shop: OpenShop) -> list[str]:
    """Return the version of each process of a side, as its command line has it."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            line = each.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if "console.demo.shop" in line and str(shop.shop.folder) in " ".join(line):
            found.append(line[line.index("--version") + 1])
    return sorted(found)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Hands]]:
    with ExitStack() as stack:
        yield lambda scenario: Hands(stack.enter_context(running(tmp_path / "practice", scenario)))


def test_the_whole_way_back_step_by_step_each_confirmed_by_a_read_and_no_customer_loses_a_request(opened) -> None:
    hands = opened("silent-payment")
    shop = hands.shop
    assert hands.look("migration").done, "nothing to take back yet"
    assert hands.look("ready token format").done
    hands.release()
    until(lambda: shop.counts(shop.at.canary)["resolved_failed_total"] >= 3, "failed sessions on the canary")
    hands.stuck_customer("ann")
    assert not any(hands.look(name).done for name in ("code", "migration", "tokens", "ready token format"))
    assert hands.look("snapshot migration").done
    assert all(hands.look(f"ready {name}").done for name in ("the version before still runs", "expanded and not contracted"))
    shop.split(100, 0)
    took = {name: hands.do(name) for name in ("pause deploy robot", "code", "migration")}
    assert hands.pay(shop.at.stable, "ann") == "pending", "the token that the bad version left behind fails on stable too"
    assert "still accepts the stale token" in hands.look("tokens").detail
    took["tokens"] = hands.do("tokens")
    assert hands.pay(shop.at.stable, "ann") == "paid", "after the purge she pays"
    assert "is refused on blue and green" in hands.look("tokens").detail
    assert hands.look("code").detail == "5.1 on blue, 5.1 on green"
    assert all('"version": "5.1"' in shop.ask(port, "/version").body for port in (shop.at.stable, shop.at.canary))
    assert all(hands.look(name).done for name in ("code", "migration", "tokens", "ready token format", "pause deploy robot"))
    status = shop.load()
    assert (status["failed"], set(status["codes"])) == (0, {"200"})
    predicted = {step.name: step.predicted_s for step in hands.target.undo}
    print("seconds until read back, predicted and measured:", {name: (predicted.get(name), round(s, 2)) for name, s in took.items()})


def test_stable_s_other_customers_are_well_before_the_purge(opened) -> None:
    hands = opened("silent-payment")
    shop = hands.shop
    hands.release()
    until(lambda: shop.counts(shop.at.canary)["resolved_failed_total"] >= 5, "failed sessions on the canary")
    shop.split(100, 0)
    before = shop.counts(shop.at.stable)
    until(lambda: shop.counts(shop.at.stable)["resolved_ok_total"] >= before["resolved_ok_total"] + 25, "payments on stable")
    after = shop.counts(shop.at.stable)
    failed = after["resolved_failed_total"] - before["resolved_failed_total"]
    assert failed <= 0.15 * (after["resolved_ok_total"] - before["resolved_ok_total"])


def test_a_side_that_traffic_has_left_is_put_to_another_version_without_a_failed_request(opened) -> None:
    hands = opened("healthy")
    shop = hands.shop
    hands.release()
    for moves, version in ((("pause deploy robot", "code", "code"), "5.1"), (("resume deploy robot",), "5.2b")):
        served = shop.counts(shop.at.canary)["http_requests_total"]
        shop.split(50, 50)
        until(lambda seen=served: shop.counts(shop.at.canary)["http_requests_total"] >= seen + 50, "customers on the canary")
        shop.split(100, 0)
        for move in moves:
            hands.do(move)
        until(lambda wanted=version: f"{wanted} on green" in hands.look("code").detail, f"{version} on the canary side")
        until(lambda wanted=version: versions(shop) == ["5.1", wanted], "the former process has left")
    sent = shop.load()["sent"]
    until(lambda: shop.load()["sent"] >= sent + 200, "customers after the changes")
    assert shop.load()["failed"] == 0, shop.load()


def test_the_robot_brings_the_bad_version_back_unless_it_is_paused(opened) -> None:
    hands = opened("silent-payment")

    def on_green() -> bool:
        return "5.2b on green" in hands.look("code").detail

    hands.do("code")
    until(on_green, "the robot brings 5.2b back", 10.0)
    hands.do("pause deploy robot")
    hands.do("code")
    began = time.monotonic()
    until(lambda: on_green() or time.monotonic() - began > 2.5, "more than one round of the robot", 20.0)
    assert not on_green()
    hands.do("resume deploy robot")
    until(on_green, "the robot brings 5.2b back once it is let run again", 10.0)


def test_once_the_old_column_is_dropped_there_is_no_way_back(opened) -> None:
    hands = opened("healthy")
    hands.release()
    assert hands.look("ready expanded and not contracted").detail == "expanded, not contracted"
    command = [sys.executable, "-S", str(targetfile.DEPLOY), "contract", str(hands.shop.shop.folder / targetfile.DATABASE)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    state = hands.look("ready expanded and not contracted")
    assert not state.done
    assert "provider_token is gone" in state.detail
    for step in ("/cart?id=2", "/checkout?method=1"):
        assert hands.shop.ask(hands.shop.at.stable, step, "POST", cookie="late").status == 200
    assert hands.shop.ask(hands.shop.at.stable, "/pay", "POST", cookie="late").status == 502, "5.1 cannot take payments any more"


def test_a_stuck_purge_says_what_mends_it_and_goes_through_afterwards(opened) -> None:
    hands = opened("stuck-rollback")
    with pytest.raises(Refused) as caught:
        hands.do("tokens")
    assert f"curl -X POST http://127.0.0.1:{hands.shop.at.tokens}/repair" in caught.value.message
    assert not hands.look("tokens").done
    assert hands.shop.ask(hands.shop.at.tokens, "/repair", "POST").status == 200
    hands.do("tokens")


def test_a_new_shop_runs_the_new_version_again(opened, tmp_path: Path) -> None:
    hands = opened("healthy")
    hands.do("pause deploy robot")
    hands.do("code")
    assert json.loads(hands.shop.ask(hands.shop.at.canary, "/version").body)["version"] == "5.1"
    with running(tmp_path / "again", "healthy") as shop:
        assert json.loads(shop.ask(shop.at.canary, "/version").body)["version"] == "5.2b"


def test_both_versions_go_even_when_only_the_deployer_is_killed(opened) -> None:
    hands = opened("healthy")
    ours = [each for each in psutil.Process().children(recursive=True) if str(hands.shop.shop.folder) in " ".join(each.cmdline())]
    deployer = next(each for each in ours if "console.demo.deployer" in each.cmdline())
    sides = deployer.children()
    assert len(sides) == 2
    deployer.kill()
    _, alive = psutil.wait_procs(sides, timeout=5)
    assert alive == []
