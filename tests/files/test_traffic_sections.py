"""What a Traefik and an AWS load balancer need in a target file, and the mistakes that are told before anything is asked of them."""

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import read_target
from console.model.places import resource
from console.model.systems import AlbTraffic, LaunchDarklyFlag, SecretRef, TraefikTraffic, UnleashFlag
from console.policy.planning import traffic_name

TRAEFIK, ALB, DARK = (resource("examples", f"{name}.yaml").read_text(encoding="utf-8") for name in ("traefik", "alb", "launchdarkly"))
ACCOUNT = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"


def test_the_examples_mean_what_they_say() -> None:
    traefik, alb, dark = (read_target(text.encode(), "t.yaml") for text in (TRAEFIK, ALB, DARK))
    assert traefik.traffic == TraefikTraffic(
        "http://127.0.0.1:8080",
        "/etc/traefik/dynamic/catalog.yaml",
        "catalog",
        {"blue": "catalog-blue", "green": "catalog-green"},
        "http://127.0.0.1:8082/metrics",
    )
    assert traffic_name(traefik) == "Traefik 127.0.0.1:8080"
    admin, client = SecretRef("keyring", "unleash-admin"), SecretRef("keyring", "unleash-client")
    assert traefik.flag == UnleashFlag("http://127.0.0.1:4242", "catalog_v7", "production", token=admin, client_token=client)
    assert traefik.keyring_names == ("unleash-admin", "unleash-client")
    assert isinstance(alb.traffic, AlbTraffic)
    assert (alb.traffic.region, alb.traffic.profile) == ("eu-central-1", "tickets-staging")
    assert traffic_name(alb) == "AWS tickets in eu-central-1"
    token = SecretRef("keyring", "launchdarkly")
    assert dark.flag == LaunchDarklyFlag("basket-v5", "shop", "staging", token=token, raise_at_start=True)


@pytest.mark.parametrize(
    ("text", "old", "new", "field", "word"),
    [
        (TRAEFIK, "catalog.yaml", "catalog.toml", "traffic.file", "comments kept"),
        (TRAEFIK, "service: catalog\n", "service: catalog@file\n", "traffic.service", "without a provider"),
        (TRAEFIK, "green: catalog-green", "green: catalog-blue", "traffic.services", "its own"),
        (TRAEFIK, "green: catalog-green", "violet: catalog-green", "traffic.services.violet", "blue or green"),
        (TRAEFIK, "  service: catalog\n", "  service: catalog\n  user: rita\n", "traffic.token", "the password of the user"),
        (TRAEFIK, "provider: traefik", "provider: trafik", "traffic.provider", "did you mean traefik?"),
        (TRAEFIK, "  token: keyring:unleash-admin\n", "", "flag.token", "required"),
        (TRAEFIK, "token: keyring:unleash-admin", "token: hunter2", "flag.token", "found ***"),
        (TRAEFIK, "  environment: production\n", "", "flag.environment", "required"),
        (ALB, "listener-rule/app/tickets", "listener-rule/net/tickets", "traffic.rule", "Application Load Balancer"),
        (ALB, f"green: {ACCOUNT}", f"green: {ACCOUNT.replace('central', 'west')}", "traffic.groups.green", "own region"),
        (ALB, f"green: {ACCOUNT}targetgroup", f"green: {ACCOUNT}loadbalancer", "traffic.groups.green", "target group"),
        (ALB, "tickets-green/94f3e7cd35e9b178", "tickets-blue/73e2d6bc24d8a067", "traffic.groups", "its own"),
        (DARK, "  project: shop\n", "", "flag.project", "required"),
        (DARK, "provider: launchdarkly", "provider: launchdarkli", "flag.provider", "did you mean launchdarkly?"),
    ],
)
def test_a_mistake_names_its_field(text: str, old: str, new: str, field: str, word: str) -> None:
    assert old in text
    with pytest.raises(BadTargetFile) as caught:
        read_target(text.replace(old, new).encode(), "t.yaml")
    assert any(f": {field}: " in line and word in line for line in map(told, caught.value.problems)), caught.value.problems
