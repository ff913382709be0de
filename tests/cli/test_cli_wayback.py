"""A coordinated way back from the terminal, on a real Envoy: its rows, where it stops, and how a person goes on."""

import json
import sys
from pathlib import Path

import pytest
from journeys.armed import Armed
from journeys.kit import Shell, records, target_text
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

pytestmark = pytest.mark.envoy

DO = "import pathlib, sys; sys.exit(3) if pathlib.Path(sys.argv[2]).exists() else pathlib.Path(sys.argv[1]).touch()"
LOOK = "import pathlib, sys; sys.exit(not pathlib.Path(sys.argv[1]).exists())"


def with_steps(armed: Armed, upstreams: dict[str, Upstream], folder: Path) -> Shell:
    """Let this test's target declare code, which a file `blocked` keeps from working, and a cache that waits for it."""
    steps = [
        {
            "name": name,
            "kind": kind,
            "run": [sys.executable, "-c", DO, str(folder / name), str(folder / "blocked")],
            "check": [sys.executable, "-c", LOOK, str(folder / name)],
            "after": after,
        }
        for name, kind, after in (("code", "code", ["traffic"]), ("tokens", "cache", ["code"]))
    ]
    text = target_text(armed.wire.proxy.url, upstreams).replace("rollback: [traffic]", f"rollback: {json.dumps(['traffic', *steps])}")
    path = armed.home / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with records(armed.home) as connection:
        connection.execute("UPDATE targets SET path = ?", (str(path),))
    connection.close()
    trusted = armed.shell("target", "trust", "shop", "--yes")
    assert trusted.code == 0, trusted.err
    return armed.shell


def test_a_way_back_that_stops_says_at_which_step_and_goes_on_at_retry(
    armed: Armed, upstreams: dict[str, Upstream], envoy_server: EnvoyServer, tmp_path: Path
) -> None:
    shell = with_steps(armed, upstreams, tmp_path)
    (tmp_path / "blocked").touch()
    assert shell("switch", "shop", "--to", "green").code == 0
    back = shell("rollback", "shop", "--reason", "payments fail")
    assert back.code == 5, back.err
    assert "rollback stopped at step 2: code: failed." in back.err
    assert envoy_server.runtime()["routing.shop.green"] == "0", "traffic is back all the same"
    rollout = back.err.split(":")[0]
    shown = shell("release", "rows", rollout, "--json").document
    assert [row["state"] for row in shown["rows"]] == ["healthy", "failed", None]
    assert shell("release", "step", rollout, "2", "--skip").code == 3, "a skip needs a reason"
    (tmp_path / "blocked").unlink()
    again = shell("release", "step", rollout, "2", "--retry")
    assert (again.code, "every step of the way back is confirmed or skipped" in again.out) == (0, True), again.err
    assert (tmp_path / "tokens").exists()
    quarantined = shell("target", "quarantine", "shop", "--json").document["quarantine"]
    assert [row["reason"] for row in quarantined] == ["payments fail"]
    refused = shell("switch", "shop", "--to", "green")
    assert (refused.code, "is quarantined on shop since" in refused.err) == (3, True)
    assert shell("target", "lift", "shop", quarantined[0]["version"]).code == 3, "a lift needs a reason"
    assert shell("target", "lift", "shop", quarantined[0]["version"], "--reason", "mended").code == 0
    assert shell("switch", "shop", "--to", "green").code == 0


def test_a_rehearsal_is_refused_where_the_target_is_not_marked_for_it(armed: Armed, upstreams: dict[str, Upstream], tmp_path: Path) -> None:
    shell = with_steps(armed, upstreams, tmp_path)
    refused = shell("release", "rehearse", "shop")
    assert (refused.code, "is not marked for rehearsals" in refused.err) == (3, True)
    own = armed.home / "own.yaml"
    own.write_text(own.read_text(encoding="utf-8") + "rehearse: true\n", encoding="utf-8")
    assert shell("target", "trust", "shop", "--yes").code == 0
    rehearsed = shell("release", "rehearse", "shop", "--json")
    assert rehearsed.code == 0, rehearsed.err
    assert rehearsed.document["rehearsal"]["steps"].keys() == {"weight", "code", "tokens"}
