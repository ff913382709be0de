"""A side that says it is not healthy is named with its reason before its version gets traffic."""

from types import SimpleNamespace
from typing import Any

from clock import FakeClock

from console.engine.versions import unhealthy_words
from console.model.readings import SideVersion


def test_only_sides_that_are_not_healthy_are_named_with_why() -> None:
    now = FakeClock().now()
    sides = {"blue": SideVersion("17", True, now), "green": SideVersion("18", False, now, "0 of 2 replicas are available")}
    live: Any = SimpleNamespace(workloads=SimpleNamespace(value=sides))
    assert unhealthy_words(live) == ("green 18 is not healthy: 0 of 2 replicas are available.",)
    live.workloads.value = None
    assert unhealthy_words(live) == ()
