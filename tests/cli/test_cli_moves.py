"""`release`, `switch`, `rollback` and `flag kill` on a real Envoy, each as a process of its own."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.shops import until
from journeys.armed import Armed
from journeys.kit import Fault, Said, Shell, Traffic, let_leases_run_out, prepare, records, target_text
from servers.envoy_process import EnvoyServer
from servers.fixtures import FlagServer, Upstream

pytestmark = pytest.mark.envoy

LONG = "  - {weight: 5 %, wait: 1 s}\n  - {weight: 25 %, wait: 10 min}"


def weight(envoy: EnvoyServer) -> str:
    return envoy.runtime().get("routing.shop.green", "0")


def rewrite(armed: Armed, upstreams: dict[str, Upstream], more: str = "", stages: str = "") -> None:
    """Change this test's target; its file is its home's own from now on."""
    path = armed.home / "own.yaml"
    path.write_text(target_text(armed.wire.proxy.url, upstreams, more, stages), encoding="utf-8")

    with records(armed.home) as connection:
        connection.execute("UPDATE targets SET path = ?", (str(path),))
    connection.close()


def planned(shell: Shell) -> str:
    said = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    assert said.code == 0, said.err
    return str(said.document["plan_hash"])


class Started:
    """A `release start` in the foreground of another terminal, and its lines so far."""

    def __init__(self, shell: Shell) -> None:
        self.process = shell.start("release", "start", planned(shell), "--reason", "a test")
        self.lines: list[str] = []

    def until(self, text: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"{text!r} was not said: {''.join(self.lines)}{self.process.stderr.read() if self.process.stderr else ''}")

    @property
    def rollout(self) -> str:
        return next(line.split()[0] for line in self.lines if " is running" in line)

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ended(self) -> Said:
        out, err = self.process.communicate(timeout=90)
        return Said(self.process.returncode, "".join(self.lines) + out, err)


@pytest.fixture
def traffic(upstreams: dict[str, Upstream]) -> Iterator[Traffic]:
    with Traffic(upstreams) as running:
        yield running


def test_a_release_is_planned_started_and_done_and_can_still_be_taken_back(
    armed: Armed, envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    shell = armed.shell
    text = shell("release", "plan", "shop", "--version", "18.0.0")
    assert (text.code, "It may start now." in text.out, "The way back" in text.out) == (0, True, True)
    with Started(shell) as started:
        started.until("pass")
        said = started.ended()
    assert said.code == 0, said
    assert " is done" in said.out
    assert weight(envoy_server) == "100"
    assert json.loads(shell("target", "list", "--json").out)["targets"][0]["stable"] == "green"
    shown = shell("release", "show", started.rollout, "--json").document
    assert list(shown) == ["rollout", "plan_hash", "steps", "wheel", "watched_by"]
    assert shown["rollout"]["phase"] == "done"  # type: ignore[index]
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back.err
    assert "back on blue, read back" in back.out
    assert weight(envoy_server) == "0"
    assert json.loads(shell("target", "list", "--json").out)["targets"][0]["stable"] == "blue"


def test_a_failing_gate_takes_the_traffic_back_and_exits_1(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    rewrite(armed, upstreams, "after_a_fail: {roll_back_after: 1 s}", LONG)
    traffic.canary_fails = True
    with Started(armed.shell) as started:
        said = started.ended()
    assert said.code == 1
    assert "fail" in said.out
    assert "taken back" in said.err
    assert weight(envoy_server) == "0"


def test_a_rollout_is_steered_from_another_terminal(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    rewrite(armed, upstreams, "", LONG)
    shell = armed.shell
    with Started(shell) as started:
        started.until("is running")
        started.until("canary 25 % read back")
        rollout = started.rollout
        assert shell("switch", "shop", "--to", "green").code == 3
        held = shell("release", "hold", rollout, "--reason", "lunch")
        assert (held.code, "terminal on" in held.out, "watches it and judges on" in held.out) == (0, True, True), held
        started.until("held")
        assert "watched by: " in shell("release", "show", rollout).out
        assert shell("release", "hold", rollout).code == 3, "held already"
        down = shell("release", "step-down", rollout)
        assert down.code == 0, down.err
        started.until("Stepped down to 5 %")
        assert weight(envoy_server) == "5"
        listed = json.loads(shell("release", "list", "--json").out)["rollouts"]
        assert [(row["id"], row["phase"], "terminal on" in row["watched_by"]) for row in listed] == [(rollout, "held", True)]
        assert "Traffic down to 5 %" in shell("release", "show", rollout).out
        aborted = shell("release", "abort", rollout, "--reason", "enough")
        assert aborted.code == 0, aborted.err
        said = started.ended()
        assert (said.code, "aborted" in said.out) == (1, True)
    assert weight(envoy_server) == "0"
    for verb in ("promote", "resume", "step-down", "abort"):
        refused = shell("release", verb, rollout)
        assert refused.code == 3, (verb, refused)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_hold_the_rollout(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic, ending: signal.Signals
) -> None:
    rewrite(armed, upstreams, "", LONG)
    with Started(armed.shell) as started:
        started.until("is running")
        started.until("canary 25 % read back")
        started.process.send_signal(ending)
        said = started.ended()
        assert (said.code, "is held" in said.out, "Traceback" in said.err) == (0, True, False)
        assert f"Nobody watches {started.rollout} now: its gates are not judged, and nothing goes back by itself." in said.out
    assert weight(envoy_server) == "25"
    listed = armed.shell("release", "list")
    assert "nobody is watching this" in listed.out
    shown = armed.shell("release", "show", started.rollout)
    assert "nobody is watching this: release-console agent or the desktop judges it on" in shown.out
    assert json.loads(armed.shell("release", "show", started.rollout, "--json").out)["watched_by"] == ""


def test_a_canary_that_fails_while_it_is_held_from_another_terminal_goes_back_where_it_was_started(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    rewrite(armed, upstreams, "after_a_fail: {roll_back_after: 1 s}", LONG)
    with Started(armed.shell) as started:
        started.until("canary 25 % read back")
        assert armed.shell("release", "hold", started.rollout).code == 0
        traffic.canary_fails = True
        said = started.ended()
    assert (said.code, "taken back" in said.err) == (1, True), said
    assert weight(envoy_server) == "0"


def test_a_terminal_that_only_watches_what_was_held_elsewhere_says_at_its_end_that_nobody_watches(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    rewrite(armed, upstreams, "", LONG)
    with Started(armed.shell) as started:
        started.until("canary 25 % read back")
        assert armed.shell("release", "hold", started.rollout, "--reason", "lunch").code == 0
        started.until("held")
        started.process.send_signal(signal.SIGINT)
        said = started.ended()
    assert (said.code, said.err, f"Nobody watches {started.rollout} now" in said.out) == (0, "", True)


def test_a_rollout_that_another_terminal_held_and_resumes_is_driven_there(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, traffic: Traffic
) -> None:
    rewrite(armed, upstreams, "", LONG)
    shell = armed.shell
    with Started(shell) as started:
        started.until("canary 25 % read back")
        assert shell("release", "hold", started.rollout).code == 0
        until(lambda: shell("release", "show", started.rollout, "--json").document["wheel"] is not None, "the first terminal watches")
        with shell.start("release", "resume", started.rollout) as resumed:
            started.until("running")
            shown = shell("release", "show", started.rollout, "--json").document
            assert (shown["rollout"]["phase"], shown["wheel"] is not None) == ("running", True)
            aborted = shell("release", "abort", started.rollout)
            assert (aborted.code, "back on stable, read back" in aborted.out) == (0, True)
            out, _ = resumed.communicate(timeout=60)
        assert (resumed.returncode, "nothing advanced" in out) == (1, False)
        said = started.ended()
        assert said.code == (1 if "is aborted" in said.out else 0), "the other terminal drove it, or was back before this one left"
    assert weight(envoy_server) == "0"


def test_a_switch_and_the_way_back(armed: Armed, envoy_server: EnvoyServer) -> None:
    said = armed.shell("switch", "shop", "--to", "green", "--reason", "blue is old")
    assert (said.code, "read back" in said.out) == (0, True), said.err
    assert weight(envoy_server) == "100"
    assert armed.shell("switch", "shop", "--to", "purple").code in {2, 3}
    assert armed.shell("rollback", "shop").code == 0
    assert weight(envoy_server) == "0"
    nothing = armed.shell("rollback", "shop")
    assert (nothing.code, "on the stable side already" in nothing.err) == (3, True)


def test_a_switch_whose_outcome_is_unknown_exits_5_and_is_not_sent_again_blindly(armed: Armed, envoy_server: EnvoyServer) -> None:
    armed.wire.fail(Fault.CUT_BEFORE, only="runtime_modify")
    said = armed.shell("switch", "shop", "--to", "green")
    assert (said.code, "not confirmed" in said.err, "release show" in said.err) == (5, True, True)
    assert len(armed.wire.sent) == 1
    rollout = said.err.split(":")[0]
    armed.wire.mend()
    shown = armed.shell("release", "show", rollout)
    assert (shown.code, "unknown" in shown.out) == (5, True)
    assert len(armed.wire.sent) == 1
    let_leases_run_out(armed.home)
    assert armed.shell("rollback", "shop").code == 0
    assert weight(envoy_server) == "0"


def test_an_unreachable_router_refuses_a_switch_and_gets_a_rollback_sent_to_it_at_once(armed: Armed, envoy_server: EnvoyServer) -> None:
    envoy_server.modify("routing.shop.blue=0&routing.shop.green=100")
    armed.wire.fail(Fault.CUT_BEFORE)
    forward = armed.shell("switch", "shop", "--to", "green")
    assert (forward.code, "cannot be read" in forward.err) == (3, True)
    assert armed.wire.sent == []
    with armed.shell.start("rollback", "shop") as back:
        until(lambda: bool(armed.wire.sent), "going back is sent without waiting for a reading")
        armed.wire.mend()
        out, err = back.communicate(timeout=60)
    assert (back.returncode, "back on blue, read back" in out) == (0, True), err
    assert weight(envoy_server) == "0"


def test_a_flag_is_killed(tmp_path: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], flag_server: FlagServer) -> None:
    flag = f"flag: {{provider: http, url: {flag_server.url}/flag, name: new-checkout, raise_at_start: false}}"
    shell = Shell(prepare(tmp_path / "home", envoy_server.admin, upstreams, flag))
    wrong = shell("flag", "kill", "shop", "old-checkout")
    assert (wrong.code, "new-checkout" in wrong.err) == (2, True)
    said = shell("flag", "kill", "shop", "new-checkout", "--reason", "orders fail")
    assert (said.code, "off, read back" in said.out) == (0, True), said.err
    assert flag_server.seen()["on"] is False


def test_a_rollout_or_plan_that_is_not_there_is_a_usage_error(armed: Armed) -> None:
    for words in (("release", "show", "R-99"), ("release", "hold", "R-99"), ("release", "start", "0123456789")):
        said = armed.shell(*words)
        assert (said.code, words[2] in said.err) == (2, True), said
