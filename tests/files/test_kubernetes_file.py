"""Target files that name something in Kubernetes: what is refused, and which commands a person is asked to trust."""

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import read_target
from console.model.kubernetes import KubeCluster, KubeService
from console.model.places import resource

SERVICE = resource("examples", "kubernetes-service.yaml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert old in SERVICE
    return SERVICE.replace(old, new, 1)


def problems_of(text: str) -> str:
    with pytest.raises(BadTargetFile) as caught:
        read_target(text.encode(), "shop.yaml")
    return "\n".join(told(problem) for problem in caught.value.problems)


def test_the_example_means_what_it_says() -> None:
    traffic = read_target(SERVICE.encode(), "shop.yaml").traffic
    assert traffic == KubeService(KubeCluster("prod-eu"), "shop", "checkout", "version", {"blue": "blue", "green": "green"})


def test_a_login_command_is_one_that_a_person_must_trust() -> None:
    text = changed("  namespace: shop", "  login: [AWS_PROFILE=prod, aws, eks, get-token]\n  namespace: shop")
    target = read_target(text.encode(), "shop.yaml")
    assert target.commands == ("AWS_PROFILE=prod aws eks get-token",)
    assert isinstance(target.traffic, KubeService)
    assert target.traffic.cluster.login == ("AWS_PROFILE=prod", "aws", "eks", "get-token")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  context: prod-eu", "  timeout: 5 s #", "traffic.context: found nothing"),
        ("  context: prod-eu", "  in_cluster: true\n  context: prod-eu", "the pod's own account is used"),
        ("{weight: 100 %,", "{weight: 50 %,", "100 %: a Service's selector gives all traffic to one side"),
        ("values: {blue: blue, green: green}", "values: {blue: blue, green: blue}", "a value of its own for each side"),
        ("values: {blue: blue, green: green}", "values: {blue: blue, gren: green}", "the side"),
        ("service: checkout", "service: ../checkout", "a Kubernetes name"),
        ("label: version", "label: -version", "a label's key"),
        ("version: image", "version: images", "image, label KEY or annotation KEY"),
        ("provider: kubernetes-service", "provider: kubernetes", "kubernetes-service"),
    ],
)
def test_what_cannot_be_used_is_told_with_what_is_wanted(old: str, new: str, said: str) -> None:
    assert said in problems_of(changed(old, new))
