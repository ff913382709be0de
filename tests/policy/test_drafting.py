"""Which side a name tells, what is proposed, and what still keeps answers from being a target."""

from dataclasses import replace

import pytest

from console.model.kubernetes import ArgoRollout, KubeCluster, KubeService
from console.model.systems import EnvoyTraffic, HaproxyTraffic, HttpWorkloads, PrometheusSource
from console.model.target import Environment
from console.model.wizard import CANARY, NEITHER, STABLE, Part, Reach, Route, Success, TargetDraft
from console.policy.drafting import (
    guess_sides,
    guessed,
    hints_of,
    missing,
    placed,
    swapped,
    target_of,
    traffic_of,
    usual_stages,
    with_success,
)

ENVOY = EnvoyTraffic("http://127.0.0.1:9901", "routing.shop", {"blue": "b", "green": "g"})
WHOLE = TargetDraft(
    "shop",
    traffic=ENVOY,
    workloads=HttpWorkloads({"blue": "http://b/", "green": "http://g/"}),
    stages=usual_stages(Environment.STAGING, ENVOY),
)


@pytest.mark.parametrize(
    ("names", "pair", "sides"),
    [
        (("blue1", "blue2", "green1"), ("blue", "green"), (STABLE, STABLE, CANARY)),
        (("shop_green", "shop_blue"), ("blue", "green"), (CANARY, STABLE)),
        (("checkout-stable", "checkout-canary", "backup"), ("stable", "canary"), (STABLE, CANARY, NEITHER)),
        (("shop-v1", "shop-v2"), ("v1", "v2"), (STABLE, CANARY)),
        (("left", "right"), ("blue", "green"), (STABLE, CANARY)),
        (("one", "two", "three"), ("blue", "green"), (NEITHER, NEITHER, NEITHER)),
        (("bluebird", "greenhouse", "third"), ("blue", "green"), (NEITHER, NEITHER, NEITHER)),
        ((), ("blue", "green"), ()),
    ],
)
def test_sides_are_told_by_words_in_names_and_never_by_parts_of_words(names, pair, sides) -> None:
    assert guess_sides(names) == (pair, sides)


def test_a_router_needs_a_part_on_each_side_and_only_haproxy_takes_several() -> None:
    parts = guessed(Part(name) for name in ("blue1", "blue2", "green1"))
    route, reach, names = Route("haproxy", "shop", parts), Reach("haproxy", "h:1"), ("blue", "green")
    assert traffic_of(reach, route, names) == HaproxyTraffic("h:1", "shop", {"blue": ("blue1", "blue2"), "green": ("green1",)})
    assert traffic_of(reach, placed(route, {"green1": NEITHER}), names) is None
    assert traffic_of(Reach("envoy", "http://e"), replace(route, kind="envoy"), names) is None
    turned = traffic_of(reach, swapped(route), names)
    assert isinstance(turned, HaproxyTraffic)
    assert turned.servers["blue"] == ("green1",)


def test_other_systems_are_asked_for_addresses_and_names_of_each_side() -> None:
    route = Route("haproxy", "shop", (Part("a1", STABLE, address="10.0.0.1:80"), Part("b1", CANARY, workload="shop-b"), Part("x")))
    assert hints_of(WHOLE, route) == {"blue": ("10.0.0.1:80", "a1", "blue"), "green": ("shop-b", "b1", "green")}


def test_stages_suit_the_place_and_what_the_router_can_do() -> None:
    cluster = KubeCluster("prod")
    selector = KubeService(cluster, "shop", "shop", "version", {"blue": "blue", "green": "green"})
    assert [stage.weight for stage in usual_stages(Environment.PRODUCTION, ENVOY)] == [5, 25, 50, 95]
    assert [stage.weight for stage in usual_stages(Environment.PRODUCTION, selector)] == [100]
    assert usual_stages(Environment.PRODUCTION, ArgoRollout(cluster, "shop", "shop"))[-1].weight == 100
    assert all(usual_stages(environment, ENVOY)[-1].bake for environment in Environment)


def test_a_gate_names_its_counters_and_every_stage_is_judged_by_it() -> None:
    source = PrometheusSource("http://p", {"blue": 'v="b"', "green": 'v="g"'})
    draft = with_success(WHOLE, source, Success("ok against failed", "a_ok", "a_failed", sessions=False))
    target = target_of(draft)
    assert [(gate.ok, gate.failed, gate.resolved) for gate in draft.gates] == [("a_ok", "a_failed", False)]
    assert all(stage.gates == ("Customers succeed",) for stage in target.stages)
    assert with_success(draft, source, None).metrics is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Shop EU"}, "small letters"),
        ({"traffic": None}, "traffic splits"),
        ({"workloads": None}, "version"),
        ({"stages": ()}, "stage"),
    ],
)
def test_what_is_missing_is_said_in_words(change, said) -> None:
    assert missing(WHOLE) == ()
    assert said in missing(replace(WHOLE, **change))[0]
    with pytest.raises(ValueError, match=said):
        target_of(replace(WHOLE, **change))
