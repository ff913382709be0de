"""Two services on two real Envoys as one release by commands: the second waits for the first, and a failure takes back both, last first."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo.shops import until
from journeys.armed import Armed
from journeys.kit import LONG_S, Said, Shell, Traffic, let_leases_run_out, target_text
from servers.envoy_process import EnvoyServer, boot_envoy
from servers.fixtures import SIDES, Upstream, boot_upstream

pytestmark = pytest.mark.envoy

FILE = """
name: autumn
services:
  - {target: search, version: "18", after: [shop]}
  - {target: shop, version: "18"}
"""
QUICK = "after_a_fail: {roll_back_after: 1 s}"


@dataclass
class Pair:
    """A home with two armed targets: `shop` on one Envoy, `search` on another, each with services of its own."""

    home: Path
    shop: EnvoyServer
    search: EnvoyServer
    traffic: dict[str, Traffic]

    @property
    def shell(self) -> Shell:
        return Shell(self.home)

    def weights(self) -> tuple[str, str]:
        return tuple(each.runtime().get("routing.shop.green", "0") for each in (self.shop, self.search))  # type: ignore[return-value]

    def train(self) -> dict[str, object]:
        return self.shell("release", "train", "show", "T-1", "--json").document

    def rollouts(self) -> dict[str, dict[str, object]]:
        found = self.shell("release", "list", "--json").document["rollouts"]
        return {str(each["id"]): dict(each) for each in found}  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def _second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EnvoyServer, dict[str, Upstream]]]:
    folder = tmp_path_factory.mktemp("search")
    with ExitStack() as stack:
        services = {}
        for side, version in SIDES.items():
            services[side] = boot_upstream(folder, side, version)
            stack.callback(services[side].child.stop)
        envoy = boot_envoy(folder, {side: each.port for side, each in services.items()})
        stack.callback(envoy.child.stop)
        yield envoy, services


@pytest.fixture
def pair(armed: Armed, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], _second) -> Iterator[Pair]:
    second, services = _second
    second.reset()
    own = armed.home / "search.yaml"
    own.write_text(target_text(second.admin, services, QUICK).replace("name: shop", "name: search"), encoding="utf-8")
    (armed.home / "release.yaml").write_text(FILE, encoding="utf-8")
    for words in (("target", "add", str(own)), ("target", "arm", "search")):
        said = armed.shell(*words)
        assert said.code == 0, said.err
    with Traffic(upstreams) as first, Traffic(services) as other:
        yield Pair(armed.home, envoy_server, second, {"shop": first, "search": other})


def started(pair: Pair) -> "subprocess.Popen[str]":
    return pair.shell.start("release", "train", "start", str(pair.home / "release.yaml"), "--reason", "autumn release")


def ended(process: "subprocess.Popen[str]") -> Said:
    out, err = process.communicate(timeout=LONG_S * 2)
    return Said(process.returncode, out, err)


def test_the_second_waits_for_the_first_and_a_failure_takes_back_both_in_reverse(pair: Pair) -> None:
    file = str(pair.home / "release.yaml")
    checked = pair.shell("release", "train", "check", file)
    assert (checked.code, [line.split()[1] for line in checked.out.splitlines()[2:]]) == (0, ["shop", "search"])
    planned = pair.shell("release", "train", "plan", file, "--json").document
    assert [each["target"] for each in planned["plans"]] == ["shop", "search"]  # type: ignore[attr-defined]
    pair.traffic["search"].canary_fails = True
    said = ended(started(pair))
    assert said.code == 1, said
    assert "autumn was taken back: search went back: " in said.err
    lines = said.out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("shop: ") and " done" in line)
    second = next(number for number, line in enumerate(lines) if line.startswith("search: ") and "canary 5 %" in line)
    gone = next(number for number, line in enumerate(lines) if line.startswith("search: ") and "rolled back" in line)
    last = next(number for number, line in enumerate(lines) if line.startswith("shop: ") and "rolled back" in line)
    assert first < second < gone < last, said.out
    assert pair.weights() == ("0", "0")
    shown = pair.train()
    assert (shown["phase"], [each["word"] for each in shown["members"]]) == ("rolled back", ["back on stable"] * 2)  # type: ignore[attr-defined]
    told = pair.shell("audit", "list", "--json")
    assert told.code == 0
    back = shown["members"][0]["back"]  # type: ignore[index]
    reasons = [each["reason"] for each in json.loads(told.out)["records"] if each["rollout"] == back and each["kind"] in {"plan", "intent"}]
    assert reasons
    assert all(reason.startswith("train T-1 autumn: search went back: ") for reason in reasons)
    assert pair.shell("audit", "verify").code == 0


def test_killed_in_the_middle_it_waits_for_a_person_and_one_command_takes_all_back(pair: Pair) -> None:
    with started(pair) as process:
        until(lambda: pair.weights()[1] != "0", LONG_S)
        process.kill()
        process.communicate()
    let_leases_run_out(pair.home)
    assert pair.weights()[0] == "100"
    assert pair.train()["phase"] == "running", "nobody has looked at it since"
    said = pair.shell("release", "train", "rollback", "T-1", "--reason", "its console is gone")
    assert said.code == 0, said
    assert pair.weights() == ("0", "0")
    assert "T-1 is rolled back: rollback by " in said.out


def test_it_can_be_held_from_another_terminal_resumed_and_is_then_done_and_one_member_offers_the_train(pair: Pair) -> None:
    with started(pair) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("T-1 is running")
        held = pair.shell("release", "train", "hold", "T-1", "--reason", "lunch")
        assert held.code == 0, held.err
        said = ended(process)
    assert (said.code, "T-1 is held: Held by " in said.err) == (3, True), said
    assert "100" not in pair.weights()[1]
    assert {each["phase"] for each in pair.rollouts().values()} <= {"held", "done"}
    let_leases_run_out(pair.home)
    resumed = pair.shell("release", "train", "resume", "T-1", "--reason", "back from lunch")
    assert resumed.code == 0, resumed
    assert pair.weights() == ("100", "100")
    back = pair.shell("rollback", "search", "--reason", "customers call")
    assert back.code == 0, back
    assert "release-console release train rollback T-1 takes back what came with it" in back.out
    assert pair.weights() == ("100", "0")
    whole = pair.shell("release", "train", "rollback", "T-1", "--reason", "both")
    assert (whole.code, pair.weights()) == (0, ("0", "0")), whole


def test_an_interrupt_holds_all_of_it(pair: Pair) -> None:
    with started(pair) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said = ended(process)
    assert said.code == 3, said
    assert "interrupted at the terminal" in said.err
    assert pair.train()["phase"] == "held"
