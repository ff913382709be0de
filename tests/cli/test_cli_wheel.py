"""The wheel at the terminal: what is shown, and what is refused with which exit code."""

import pytest
from journeys.armed import Armed
from servers.envoy_process import EnvoyServer

pytestmark = pytest.mark.envoy


def test_the_wheel_is_shown_and_nothing_is_taken_of_what_is_over(armed: Armed, envoy_server: EnvoyServer) -> None:
    there = armed.shell("switch", "shop", "--to", "green", "--reason", "try it")
    assert there.code == 0, there.err
    shown = armed.shell("wheel", "show", "R-1")
    assert shown.code == 0, shown.err
    assert "had the wheel last of R-1, token 1" in shown.out
    assert "traffic: 100 % read back" in shown.out
    card = armed.shell("wheel", "show", "R-1", "--json").document["card"]
    assert {"step", "why", "gates", "note", "unknowns", "queued", "weight"} <= set(card)  # type: ignore[call-overload]
    taken = armed.shell("wheel", "take", "R-1", "--reason", "mine")
    assert (taken.code, "R-1 is done: there is nothing to drive." in taken.err) == (3, True)
    given = armed.shell("wheel", "hand-over", "R-1", "--note", "yours")
    assert (given.code, "nobody drives it" in given.err) == (3, True)
    refused = armed.shell("audit", "list", "--json").out
    assert "there is nothing to drive" in refused


def test_a_wheel_of_no_rollout_is_a_wrong_argument(armed: Armed) -> None:
    assert armed.shell("wheel", "show", "R-9").code == 2
