"""`target`: check, add, list, status, arm, trust; as a person types them."""

import json
import os
from pathlib import Path

import pytest
from journeys.armed import Armed
from journeys.kit import Fault, Shell, target_text
from servers.children import free_ports
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

BROKEN = """
format: 1
name: shop
environment: staging
sides: [blue, green]
traffic: {provider: envoy, admin: http://127.0.0.1:1, runtime_prefixx: routing.shop, clusters: {blue: blue, green: green}}
workloads: {provider: http, urls: {blue: http://127.0.0.1:2/version, green: http://127.0.0.1:3/version}}
stages:
  - {weight: 105 %, wait: 1 s}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home")


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_tells_every_mistake_of_a_broken_file_at_once(shell: Shell, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.yaml", BROKEN)
    said = shell("target", "check", path)
    assert said.code == 2
    assert f"{path}:6: traffic.runtime_prefixx: found the key runtime_prefixx" in said.out.replace("'", "")
    assert "(did you mean runtime_prefix?)" in said.out
    assert f"{path}:9: stages[0].weight" in said.out
    assert (said.err, len(said.out.splitlines())) == ("", 3)
    found = shell("target", "check", path, "--json")
    assert found.code == 2
    assert list(found.document) == ["files", "problems"]
    assert {"path", "line", "field", "found", "wanted", "nearest"} == set(json.loads(found.out)["problems"][0])


def test_a_broken_file_is_not_added_and_nothing_is_kept(shell: Shell, tmp_path: Path) -> None:
    said = shell("target", "add", write(tmp_path / "shop.yaml", BROKEN))
    assert said.code == 2
    assert "runtime_prefix" in said.err
    missing = shell("target", "add", str(tmp_path / "nowhere.yaml"))
    assert (missing.code, "no file" in missing.err) == (2, True)
    assert shell("target", "list", "--json").document == {"targets": []}


@pytest.mark.envoy
def test_a_new_target_is_observe_only_until_it_is_armed(
    shell: Shell, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], tmp_path: Path
) -> None:
    path = write(tmp_path / "shop.yaml", target_text(envoy_server.admin, upstreams))
    added = shell("target", "add", path)
    assert (added.code, "observe-only" in added.out) == (0, True)
    refused = shell("switch", "shop", "--to", "green")
    assert (refused.code, "observe-only" in refused.err) == (3, True)
    back = shell("rollback", "shop")
    assert back.code == 3
    assert shell("target", "arm", "shop", "--reason", "we looked at it").code == 0
    listed = shell("target", "list")
    assert "armed" in listed.out
    assert shell("target", "arm", "shop", "--off").code == 0
    row = json.loads(shell("target", "list", "--json").out)["targets"][0]
    assert (row["armed"], row["stable"], row["name"]) == (False, "blue", "shop")
    assert row["fingerprint"].startswith("envoy ")


@pytest.mark.envoy
def test_status_shows_weights_versions_and_every_connection_with_its_age(armed: Armed) -> None:
    said = armed.shell("target", "status", "shop")
    assert said.code == 0, said.err
    assert "stable    blue 17.4.0" in said.out
    assert "canary    green 18.0.0" in said.out
    assert "read back 0 %" in said.out
    assert "answers, 0 s old" in said.out
    found = armed.shell("target", "status", "shop", "--json").document
    assert {"name", "state", "weight", "connections", "freeze", "verbs", "armed", "trusted"} <= set(found)
    assert found["weight"]["read_back"]["at"].endswith("Z")  # type: ignore[index]


@pytest.mark.envoy
def test_status_of_an_unreachable_router_is_told_with_exit_code_4(armed: Armed) -> None:
    armed.wire.fail(Fault.CUT_BEFORE)
    said = armed.shell("target", "status", "shop")
    assert said.code == 4
    assert "traffic   Envoy" in said.out
    assert "never old" in said.out


def test_a_router_where_nobody_listens_is_told_in_words(shell: Shell, upstreams: dict[str, Upstream], tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert shell("target", "add", write(tmp_path / "shop.yaml", target_text(f"http://127.0.0.1:{port}", upstreams))).code == 0
    said = shell("target", "status", "shop")
    assert said.code == 4
    assert f"127.0.0.1:{port}" in said.out
    assert "refused" in said.out
    arm = shell("target", "arm", "shop")
    assert arm.code == 4
    assert f"127.0.0.1:{port}" in arm.err


@pytest.mark.envoy
def test_commands_of_a_file_are_shown_and_run_only_once_trusted(
    shell: Shell, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    pipeline = f"pipeline: {{provider: command, folder: {tmp_path}, stages: [{{name: Touch, run: [touch, {ran}], timeout: 5 s}}]}}"
    path = write(tmp_path / "shop.yaml", target_text(envoy_server.admin, upstreams, pipeline))
    assert shell("target", "add", path).code == 0
    assert shell("target", "arm", "shop").code == 0
    plan = json.loads(shell("release", "plan", "shop", "--version", "18.0.0", "--json").out)
    refused = shell("release", "start", plan["plan_hash"])
    assert (refused.code, "nobody has allowed" in refused.err, ran.exists()) == (3, True, False)
    declined = shell("target", "trust", "shop", stdin="n\n")
    assert (declined.code, f"touch {ran}" in declined.out) == (2, True)
    assert shell("target", "trust", "shop", "--yes").code == 0
    assert (json.loads(shell("target", "list", "--json").out)["targets"][0]["trusted_digest"] != "", ran.exists()) == (True, False)
    (tmp_path / "shop.yaml").write_text(Path(path).read_text() + "# changed\n", encoding="utf-8")
    changed = shell("release", "start", plan["plan_hash"])
    assert (changed.code, ran.exists()) == (3, False)


@pytest.mark.parametrize(
    "words", [("target", "status", "nobody"), ("release", "plan", "nobody", "--version", "2"), ("target", "arm", "nobody")]
)
def test_a_target_that_is_not_there_is_a_usage_error(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell(*words)
    assert (said.code, "nobody" in said.err) in {(2, True), (3, True)}


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_a_home_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = Shell(tmp_path / "file" / "home")("target", "list")
    assert (said.code, "cannot be made" in said.err) == (4, True)
