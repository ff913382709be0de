"""`freeze`: windows, the stop-the-line and the blackout refuse forward with exit code 3, and never stop a way back."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from journeys.armed import Armed
from journeys.kit import Shell, Traffic, prepare
from servers.envoy_process import EnvoyServer
from servers.fixtures import FlagServer, Upstream

pytestmark = pytest.mark.envoy


def local(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M")


def weight(envoy: EnvoyServer) -> str:
    return envoy.runtime().get("routing.shop.green", "0")


def test_windows_are_added_listed_checked_exported_and_removed(armed: Armed, tmp_path: Path) -> None:
    shell = armed.shell
    assert shell("freeze", "check", "shop").code == 0
    added = shell("freeze", "add", "Sale", "--start", local(-5), "--end", local(60), "--zone", "UTC", "--reason", "the busiest hour")
    assert added.code == 0, added.err
    window = added.out.split()[0]
    nights = ("--start", "22:00", "--end", "06:00", "--zone", "Europe/Berlin", "--weekly", "fri,sat", "--reason", "nobody on call")
    weekly = shell("freeze", "add", "Nights", *nights, "--target", "other")
    assert (weekly.code, len(weekly.out.splitlines())) == (0, 4)
    listed = json.loads(shell("freeze", "list", "--json").out)["windows"]
    assert [(row["name"], len(row["next"])) for row in listed] == [("Sale", 0), ("Nights", 3)]
    frozen = shell("freeze", "check", "shop", "--json")
    assert (frozen.code, frozen.document["state"]["name"]) == (3, "Sale")  # type: ignore[index]
    assert list(frozen.document) == ["target", "at", "until", "state", "overrun"]
    later = (datetime.now(UTC) + timedelta(minutes=-30)).isoformat()
    overrun = shell("freeze", "check", "shop", "--at", later, "--until", (datetime.now(UTC) + timedelta(minutes=10)).isoformat())
    assert (overrun.code, "min into Sale" in overrun.err) == (3, True)
    assert shell("freeze", "export", str(tmp_path / "freezes.json")).code == 0
    assert json.loads((tmp_path / "freezes.json").read_text())["windows"][0]["name"] == "Sale"
    assert shell("freeze", "remove", window, "--reason", "called off").code == 0
    assert shell("freeze", "check", "shop").code == 0


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("freeze", "check", "shop", "--at", "yesterday"), "--at"),
        (("freeze", "add", "X", "--start", "soon", "--end", "later", "--zone", "UTC", "--reason", "r"), "--start"),
        (("freeze", "add", "X", "--start", "1:00", "--end", "2:00", "--zone", "UTC", "--reason", "r", "--weekly", "someday"), "--weekly"),
        (("freeze", "add", "X", "--start", "2026-01-01T00:00", "--end", "2026-01-02T00:00", "--zone", "Mars/One", "--reason", "r"), "Mars"),
        (("freeze", "add", "X", "--start", "2026-01-02T00:00", "--end", "2026-01-01T00:00", "--zone", "UTC", "--reason", "r"), ""),
        (("freeze", "remove", "F-nothing"), "F-nothing"),
    ],
)
def test_nonsense_is_a_usage_error_in_words(armed: Armed, words: tuple[str, ...], field: str) -> None:
    said = armed.shell(*words)
    assert (said.code, field in said.err) == (2, True), said


BLACKOUT = "freeze: {blackout: {metric: resolved_ok, peak_per_min: 1000000, close_at: 80 %, open_at: 70 %}}"


@pytest.fixture
def busy() -> Iterator[ExitStack]:
    """What runs beside the test until its end."""
    with ExitStack() as running:
        yield running


@pytest.mark.parametrize("kind", ["window", "stop the line", "blackout"])
def test_a_freeze_refuses_every_forward_verb_and_no_backward_one(
    kind: str, tmp_path: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], flag_server: FlagServer, busy: ExitStack
) -> None:
    flag = f"flag: {{provider: http, url: {flag_server.url}/flag, name: new-checkout, raise_at_start: false}}\n"
    shell = Shell(prepare(tmp_path / "home", envoy_server.admin, upstreams, flag + (BLACKOUT if kind == "blackout" else "")))
    plan = str(shell("release", "plan", "shop", "--version", "18.0.0", "--json").document["plan_hash"])
    assert shell("switch", "shop", "--to", "green").code == 0, "open: forward goes"
    if kind == "window":
        assert shell("freeze", "add", "Sale", "--start", local(-5), "--end", local(60), "--zone", "UTC", "--reason", "busy").code == 0
    elif kind == "stop the line":
        assert shell("freeze", "stop-the-line", "--reason", "payments are down").code == 0
    else:
        busy.enter_context(Traffic(upstreams))
        text = (shell.home / "shop.yaml").read_text().replace("peak_per_min: 1000000", "peak_per_min: 1")
        (shell.home / "shop.yaml").write_text(text)
    back = shell("rollback", "shop")
    assert (back.code, weight(envoy_server)) == (0, "0"), back
    assert shell("flag", "kill", "shop", "new-checkout").code in {0, 3}
    assert flag_server.seen()["on"] is False
    refusal = {"window": "Frozen by the window Sale", "stop the line": "stopped the line", "blackout": "Peak-traffic blackout"}[kind]
    for words in (("switch", "shop", "--to", "green"), ("release", "start", plan)):
        said = shell(*words)
        assert (said.code, refusal in said.err) == (3, True), said
    assert weight(envoy_server) == "0"
    assert shell("freeze", "check", "shop").code == 3
    if kind == "stop the line":
        assert shell("freeze", "lift", "--reason", "they are up").code == 0
        assert "quarantined" in shell("switch", "shop", "--to", "green").err
        assert shell("target", "lift", "shop", "18.0.0", "--reason", "it was not the release").code == 0
        assert shell("switch", "shop", "--to", "green").code == 0


def test_a_window_in_one_targets_file_freezes_that_target_alone(armed: Armed, tmp_path: Path) -> None:
    shell = armed.shell
    window = f"{{name: Sale, from: {local(-5)}, until: {local(60)}, zone: UTC, reason: busy, owner: us}}"
    text = (armed.home / "shop.yaml").read_text().replace("name: shop\n", "name: other\n")
    file = tmp_path / "other.yaml"
    file.write_text(f"{text}\nfreeze: {{windows: [{window}]}}\n")
    added = shell("target", "add", str(file))
    assert added.code == 0, added.err
    assert shell("freeze", "check", "other").code == 3
    assert shell("freeze", "check", "shop").code == 0


def test_a_target_whose_file_is_broken_is_not_called_open(armed: Armed, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text((armed.home / "shop.yaml").read_text().replace("name: shop\n", "name: other\n"))
    assert armed.shell("target", "add", str(file)).code == 0
    file.write_text("name: [")
    said = armed.shell("freeze", "check", "other")
    assert (said.code, "other.yaml" in said.err) == (2, True)
