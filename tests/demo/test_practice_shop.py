"""The practice shop end to end: real processes, real requests."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from demo.shops import SMALL, OpenShop, running, until

from console.demo import targetfile
from console.demo.practice import PracticeShop
from console.files.targetfile import read_target
from console.model.clock import SystemClock
from console.model.errors import BadFile, Unreachable
from console.model.readings import SplitChange
from console.providers.clients.http import HttpClient
from console.providers.flags.httpflag import HttpFlags
from console.providers.metrics.openmetrics import OpenMetricsScrape
from console.providers.traffic.envoy import EnvoyRouter
from console.providers.workloads.http import HttpWorkloadVersions

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenShop]:
    with running(tmp_path_factory.mktemp("healthy") / "practice", "healthy") as shop:
        yield shop


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[[str], OpenShop]]:
    """Open a practice shop for one test."""
    with ExitStack() as stack:
        yield lambda scenario: stack.enter_context(running(tmp_path / "practice", scenario))


@pytest.fixture
def stable_only(healthy: OpenShop) -> Iterator[OpenShop]:
    """The healthy shop with all traffic on stable, before the test and after it."""
    healthy.split(100, 0)
    yield healthy
    healthy.split(100, 0)


def pipeline(shop: OpenShop, version: str = "5.2b") -> list[subprocess.CompletedProcess[str]]:
    """Run the three stages that the target declares."""
    folder = shop.shop.folder
    sides = [f"127.0.0.1:{shop.at.stable}", f"127.0.0.1:{shop.at.canary}"]
    migration = ["migrate", str(folder / targetfile.DATABASE), str(folder / targetfile.MIGRATION)]
    return [
        subprocess.run(
            [sys.executable, str(targetfile.DEPLOY), *stage],
            check=False,
            env={**os.environ, "RELEASE_VERSION": version},
            capture_output=True,
            text=True,
            timeout=60,
        )
        for stage in (["check", *sides], migration, ["ready", *sides])
    ]


def test_it_opens_within_eight_seconds_and_says_what_it_does(healthy: OpenShop) -> None:
    assert healthy.took_s < 8
    assert healthy.said[-1] == "The practice shop is open"
    assert any("5.2b on green" in line for line in healthy.said)


def test_the_first_customers_leave_a_history_of_real_sessions_on_stable(stable_only: OpenShop) -> None:
    counts = stable_only.counts(stable_only.at.stable)
    assert counts["resolved_ok_total"] + counts["resolved_failed_total"] >= SMALL.warm_sessions
    assert counts["resolved_ok_total"] <= counts["payments_ok_total"] <= counts["payment_attempts_total"]


def test_both_sides_tell_their_version(stable_only: OpenShop) -> None:
    assert '"version": "5.1"' in stable_only.ask(stable_only.at.stable, "/version").body
    assert '"version": "5.2b"' in stable_only.ask(stable_only.at.canary, "/version").body


def test_counters_are_openmetrics_text_and_do_not_count_who_reads_them(stable_only: OpenShop) -> None:
    first = stable_only.ask(stable_only.at.canary, "/metrics")
    assert first.headers["content-type"].startswith("application/openmetrics-text")
    assert first.body.endswith("# EOF\n")
    before = stable_only.counts(stable_only.at.canary)["http_request_duration_seconds_count"]
    for _ in range(5):
        stable_only.ask(stable_only.at.canary, "/metrics")
        stable_only.ask(stable_only.at.canary, "/version")
    assert stable_only.counts(stable_only.at.canary)["http_request_duration_seconds_count"] - before < 5


def test_a_customer_without_a_cookie_is_given_one(stable_only: OpenShop) -> None:
    answer = stable_only.ask(stable_only.at.shop, "/")
    assert answer.headers["set-cookie"].startswith("shop_session=")


def test_customers_stay_on_their_side_and_only_move_to_the_canary_as_its_weight_grows(stable_only: OpenShop) -> None:
    customers = [f"customer-{number}" for number in range(400)]

    def on_canary() -> set[str]:
        answers = {name: stable_only.ask(stable_only.at.shop, "/", cookie=name) for name in customers}
        return {name for name, answer in answers.items() if answer.headers["x-shop-version"] == "5.2b"}

    seen: set[str] = set()
    for weight, fewest, most in ((5, 6, 40), (25, 65, 140), (50, 155, 245)):
        stable_only.split(100 - weight, weight)
        now = on_canary()
        assert fewest <= len(now) <= most
        assert now >= seen
        assert on_canary() == now
        seen = now
    stable_only.split(100, 0)
    assert on_canary() == set()


def test_twenty_switches_under_load_lose_no_request(stable_only: OpenShop) -> None:
    before = stable_only.load()
    for switch in range(20):
        canary = 0 if switch % 2 else 100
        sent = stable_only.load()["sent"]
        stable_only.split(100 - canary, canary)
        until(lambda sent=sent: stable_only.load()["sent"] >= sent + 20, "traffic after a switch")
    after = stable_only.load()
    assert after["failed"] == before["failed"] == 0
    assert after["sent"] - before["sent"] >= 400


def test_each_side_with_weight_gets_pages_within_five_seconds(stable_only: OpenShop) -> None:
    before = stable_only.counts(stable_only.at.canary)["http_requests_total"]
    stable_only.split(95, 5)
    until(lambda: stable_only.counts(stable_only.at.canary)["http_requests_total"] > before, "page traffic on the canary", 5.0)


def test_a_customer_who_cancels_ends_the_session_once(stable_only: OpenShop) -> None:
    for step in ("/cart?id=1", "/checkout?method=2", "/cancel", "/cancel"):
        assert stable_only.ask(stable_only.at.stable, step, "POST", cookie="doubter").status == 200
    assert stable_only.ask(stable_only.at.stable, "/pay", "POST", cookie="doubter").status == 409
    assert stable_only.ask(stable_only.at.stable, "/order", cookie="doubter").headers["x-payment"] == "declined"


def test_a_payment_that_cannot_be_is_refused_in_words(stable_only: OpenShop) -> None:
    assert stable_only.ask(stable_only.at.stable, "/pay", "POST", cookie="nobody").status == 409
    assert stable_only.ask(stable_only.at.stable, "/product?id=99", cookie="nobody").status == 404
    assert stable_only.ask(stable_only.at.stable, "/nowhere", cookie="nobody").status == 404


def test_a_healthy_release_passes_its_pipeline_and_takes_payments(open_shop: Callable[[str], OpenShop]) -> None:
    shop = open_shop("healthy")
    stages = pipeline(shop)
    assert [stage.returncode for stage in stages] == [0, 0, 0]
    assert "payment_ref" in stages[1].stdout
    assert [stage.returncode for stage in pipeline(shop)] == [0, 0, 0]
    shop.split(50, 50)
    until(lambda: shop.counts(shop.at.canary)["resolved_ok_total"] >= 60, "sessions on the canary")
    counts = shop.counts(shop.at.canary)
    assert counts["resolved_failed_total"] <= 0.15 * (counts["resolved_ok_total"] + counts["resolved_failed_total"])
    assert counts["payments_pending_total"] == 0
    assert shop.load()["failed"] == 0


def test_the_consoles_own_providers_read_and_drive_the_shop_from_its_target_file(stable_only: OpenShop) -> None:
    target = read_target(stable_only.shop.target_text.encode(), "practice.yaml")
    assert target.metrics is not None
    assert target.flag is not None

    async def talk() -> None:
        http, clock = HttpClient(), SystemClock()
        router = EnvoyRouter(target.traffic, http, clock)
        assert (await router.split()).weights == {"blue": 100, "green": 0}
        await router.set_split(SplitChange({"blue": 95, "green": 5}, "key", backward=False))
        assert (await router.split()).weights == {"blue": 95, "green": 5}
        assert (await router.measured()).counts["blue"] > SMALL.warm_sessions
        reading = await OpenMetricsScrape(target.metrics, http, clock).read()
        assert reading.errors == {}
        for name in ("resolved_ok", "resolved_failed", "http_requests", "http_errors", "payments_ok", "payment_attempts"):
            assert name in reading.values["blue"]
            assert name in reading.values["green"]
        assert len(reading.buckets["blue"]["http_request_duration_seconds"]) == 12
        flag = await HttpFlags(target.flag, http, clock).state()
        assert (flag.name, flag.on, flag.percent, flag.in_effect) == ("checkout_v52", True, 100, True)
        workloads = HttpWorkloadVersions(target.workloads, http, clock)
        assert [(await workloads.version(side)).version for side in target.sides] == ["5.1", "5.2b"]
        await http.aclose()

    asyncio.run(talk())


def test_a_pipeline_for_a_version_that_runs_nowhere_fails(stable_only: OpenShop) -> None:
    stages = pipeline(stable_only, "9.9")
    assert stages[0].returncode == 1
    assert "version 9.9 does not run here" in stages[0].stdout


def test_a_silent_payment_failure_fails_every_canary_session_while_all_pages_answer_200(open_shop: Callable[[str], OpenShop]) -> None:
    shop = open_shop("silent-payment")
    assert [stage.returncode for stage in pipeline(shop)] == [0, 0, 0]
    shop.split(75, 25)
    until(lambda: shop.counts(shop.at.canary)["resolved_failed_total"] >= 10, "failed sessions on the canary")
    canary, stable = shop.counts(shop.at.canary), shop.counts(shop.at.stable)
    assert canary["resolved_ok_total"] == canary["payments_ok_total"] == canary["http_errors_total"] == 0
    assert stable["resolved_ok_total"] > 9 * stable["resolved_failed_total"]
    assert shop.load()["failed"] == 0
    assert set(shop.load()["codes"]) == {"200"}


def test_killing_the_flag_heals_the_new_version(open_shop: Callable[[str], OpenShop]) -> None:
    shop = open_shop("silent-payment")
    pipeline(shop)
    shop.split(50, 50)
    until(lambda: shop.counts(shop.at.canary)["payments_pending_total"] >= 3, "payments that hang")
    assert shop.flag() == {"name": "checkout_v52", "on": True, "percent": 100, "in_effect": True}
    shop.ask(shop.at.flags, "/flag", "PUT", body='{"on": false, "percent": 0}')
    until(lambda: shop.flag()["in_effect"], "the kill seen by both versions", 5.0)
    assert shop.flag()["on"] is False
    until(lambda: shop.counts(shop.at.canary)["resolved_ok_total"] >= 10, "payments on the canary")


def test_going_back_saves_the_customers_who_have_not_paid_yet(open_shop: Callable[[str], OpenShop]) -> None:
    shop = open_shop("silent-payment")
    pipeline(shop)
    for step in ("/cart?id=2", "/checkout?method=1"):
        assert shop.ask(shop.at.canary, step, "POST", cookie="late").status == 200
    assert shop.ask(shop.at.stable, "/pay", "POST", cookie="late").headers["x-payment"] == "paid"
    assert shop.counts(shop.at.canary)["resolved_failed_total"] == 0


def test_a_site_wide_trouble_drops_both_versions_together_once_the_canary_has_customers(open_shop: Callable[[str], OpenShop]) -> None:
    shop = open_shop("site-wide")
    assert [stage.returncode for stage in pipeline(shop)] == [0, 0, 0]
    before = {port: shop.counts(port) for port in (shop.at.stable, shop.at.canary)}
    assert before[shop.at.stable]["payments_declined_total"] < 0.1 * before[shop.at.stable]["payment_attempts_total"]
    shop.split(50, 50)

    def share(port: int) -> float:
        now = shop.counts(port)
        tried = now["payment_attempts_total"] - before[port]["payment_attempts_total"]
        return (now["payments_declined_total"] - before[port]["payments_declined_total"]) / tried if tried >= 40 else 0.0

    until(lambda: share(shop.at.stable) > 0.2 and share(shop.at.canary) > 0.2, "the drop on both versions")
    assert shop.load()["failed"] == 0


def test_after_stop_no_process_is_left_and_it_can_be_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        with running(tmp_path / "practice", "healthy") as shop:
            started = psutil.Process().children(recursive=True)
            assert len(started) >= 7
            port = shop.at.shop
        assert [process for process in started if str(tmp_path) in " ".join(cmdline(process))] == []
        with pytest.raises(Unreachable):
            _ = shop.at
        with pytest.raises(OSError, match="refused"):
            shop.ask(port, "/")


@pytest.mark.anyio
async def test_a_start_that_is_broken_off_leaves_no_process(tmp_path: Path) -> None:
    shop = PracticeShop(tmp_path / "practice", "healthy", 100.0, SMALL)
    reached = asyncio.Event()
    starting = asyncio.create_task(shop.start(lambda line: reached.set() if line == "Starting the router" else None))
    await reached.wait()
    started = psutil.Process().children(recursive=True)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    _, alive = psutil.wait_procs([each for each in started if str(tmp_path) in " ".join(cmdline(each))], timeout=5)
    assert alive == []
    assert [each for each in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(cmdline(each))] == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


OWNER = """
import asyncio, sys
from pathlib import Path
from console.demo.practice import PracticeShop, Volume

async def main():
    shop = PracticeShop(Path(sys.argv[1]), "healthy", 100.0, Volume(warm_sessions=10))
    await shop.start(lambda line: None)
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_after_kill_9_of_the_program_no_process_is_left(tmp_path: Path) -> None:
    root = Path(targetfile.__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "practice")], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        started = psutil.Process(owner.pid).children(recursive=True)
        assert len(started) == 9
        assert any("envoy" in process.name() for process in started)
        owner.kill()
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []


def test_envoy_goes_even_when_its_guard_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "practice", "healthy"):
        ours = [each for each in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(each.cmdline())]
        guard = next(each for each in ours if "console.demo.guard" in each.cmdline())
        (envoy,) = guard.children()
        guard.kill()
        _, alive = psutil.wait_procs([envoy], timeout=5)
        assert alive == []


def test_nonsense_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no scenario 'bad'"):
        PracticeShop(tmp_path, "bad", 20.0)
    for speed in (0.0, -1.0, float("nan"), 1000.0):
        with pytest.raises(BadFile, match="cannot run at speed"):
            PracticeShop(tmp_path, "healthy", speed)
