"""What an Argo Rollout's steps can give is known before a start, and what its status says is read without its controller."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.providers.clients.argo import SIDES, pod_share, read_rollout, recorded
from console.providers.traffic.argo_rollout import step_obstacles, step_warnings

WHAT = "Rollout shop"
PAIR = ("blue", "green")


def rollout(*steps: Any, routed: bool = True, replicas: int = 10, **status: Any) -> dict[str, Any]:
    canary = {"steps": list(steps), **({"trafficRouting": {"nginx": {}}} if routed else {})}
    return {"metadata": {}, "spec": {"replicas": replicas, "strategy": {"canary": canary}}, "status": status}


GOOD = ({"setWeight": 0}, {"pause": {}}, {"setWeight": 5}, {"pause": {}}, {"setWeight": 50}, {"pause": {}})


@pytest.mark.parametrize(
    ("steps", "weights", "said"),
    [
        (GOOD, [5, 50, 100], []),
        (GOOD, [5], []),
        (GOOD, [5, 25], ["Rollout shop has no step with 25 %: its steps set 5 %, 50 %."]),
        (GOOD, [50], ["Rollout shop has a step with 5 % between the plan's stages: it would stop there."]),
        (({"setWeight": 5}, {"pause": {"duration": "10m"}}), [5], ["goes on from 5 % by itself"]),
        (({"setWeight": 5},), [5], ["goes on from 5 % by itself"]),
        ((), [5], ["its steps set no weight"]),
    ],
)
def test_weights_that_the_steps_cannot_give_are_obstacles(steps: Any, weights: list[int], said: list[str]) -> None:
    found = step_obstacles(rollout(*steps), weights, WHAT)
    assert len(found) == len(said)
    for each, words in zip(found, said, strict=True):
        assert words in each


def test_another_strategy_is_an_obstacle() -> None:
    assert step_obstacles({"spec": {"strategy": {"blueGreen": {}}}}, [5], WHAT) == ["Rollout shop does not use the canary strategy."]


def test_where_pods_carry_the_split_their_number_says_what_a_weight_becomes() -> None:
    said = step_warnings(rollout(*GOOD, routed=False, replicas=3), [10, 100], WHAT)
    assert said == ["Rollout shop splits by pods: 10 % of 3 replicas is 1 pod, about 33 % of traffic."]
    assert step_warnings(rollout(*GOOD, routed=False, replicas=100), [10], WHAT) == []


def test_steps_that_begin_with_traffic_are_a_warning() -> None:
    assert "as soon as it is deployed" in step_warnings(rollout({"setWeight": 5}, {"pause": {}}), [5], WHAT)[0]
    assert step_warnings(rollout({"pause": {}}, {"setWeight": 5}, {"pause": {}}), [5], WHAT) == []


@given(st.integers(1, 2000), st.integers(0, 100))
def test_a_canary_that_is_to_have_traffic_has_a_pod_and_stable_keeps_one(replicas: int, weight: int) -> None:
    pods, share = pod_share(replicas, weight)
    assert 0 <= pods <= replicas
    assert (pods > 0) == (weight > 0)
    assert (0 < share < 100) == (0 < weight < 100)
    if 0 < weight < 100 and replicas >= 200:
        assert abs(share - weight) <= 1


@pytest.mark.parametrize(
    ("status", "weight", "after"),
    [
        ({"stableRS": "a", "currentPodHash": "a"}, 0, 5),
        ({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 3, "canary": {"weights": {"canary": {"weight": 5}}}}, 5, 50),
        ({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 6, "canary": {"weights": {"canary": {"weight": 50}}}}, 50, None),
        ({"stableRS": "a", "currentPodHash": "b", "abort": True, "canary": {"weights": {"canary": {"weight": 0}}}}, 0, 0),
        ({"stableRS": "a", "currentPodHash": "b", "abort": True, "canary": {"weights": {"canary": {"weight": 5}}}}, 5, 0),
        ({}, 0, 5),
    ],
)
def test_the_weight_is_what_the_status_says_and_after_an_abort_what_is_left_of_it(status: Any, weight: float, after: int | None) -> None:
    seen = read_rollout(rollout(*GOOD, **status), PAIR)
    assert (seen.weight, seen.next_weight) == (weight, after)


def test_without_a_router_the_last_step_that_is_over_says_the_weight() -> None:
    status = {"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 3}
    assert read_rollout(rollout(*GOOD, routed=False, **status), PAIR).weight == 5


def test_the_side_of_a_version_is_what_was_written_down_and_else_the_first_is_stable() -> None:
    found = rollout(*GOOD, stableRS="b", currentPodHash="c")
    assert (read_rollout(found, PAIR).stable, read_rollout(found, PAIR).canary) == ("blue", "green")
    found["metadata"] = {"annotations": {SIDES: '{"blue": "a", "green": "b"}'}}
    assert (read_rollout(found, PAIR).stable, read_rollout(found, PAIR).canary) == ("green", "blue")


@given(st.text())
def test_any_annotation_under_our_name_is_taken_without_harm(text: str) -> None:
    assert isinstance(recorded({"metadata": {"annotations": {SIDES: text}}}), dict)
