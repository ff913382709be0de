"""What a target file says of a Prometheus, an Alertmanager and dashboards, and each mistake with its place and what was meant."""

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import read_target
from console.files.write import write_target
from console.model.alerts import AlertmanagerAlerts
from console.model.links import Link
from console.model.notes import GrafanaChannel
from console.model.places import resource
from console.model.systems import PrometheusSource, SecretRef

TEXT = resource("examples", "prometheus.yaml").read_text(encoding="utf-8")


def test_the_example_means_what_it_says() -> None:
    target = read_target(TEXT.encode(), "shop.yaml")
    assert target.metrics == PrometheusSource(
        url="http://127.0.0.1:9090",
        sides={side: f'namespace="shop", deployment="checkout-{side}"' for side in ("blue", "green")},
        queries={
            "resolved_ok": 'checkout_sessions_total{result="ok",$side}',
            "resolved_failed": 'checkout_sessions_total{result=~"failed|timeout",$side}',
            "queue_length": "max(checkout_queue_length{$side})",
        },
        token=SecretRef("keyring", "checkout-prometheus"),
    )
    assert target.metrics.interval_s == 12.5
    assert target.alerts == AlertmanagerAlerts(
        url="http://127.0.0.1:9093",
        match='service="checkout", region="us"',
        silence='alertname=~"PodsRestarting|ReplicasMissing"',
        token=SecretRef("keyring", "checkout-alertmanager"),
    )
    assert target.dashboards == (Link("Checkout latency", "https://grafana.example/d/uGlb_lG7z/checkout?orgId=1&var-service=checkout"),)
    assert isinstance(target.notify[0].spec, GrafanaChannel)
    assert target.keyring_names == ("checkout-alertmanager", "checkout-grafana", "checkout-prometheus")
    assert read_target(write_target(target).encode(), "").metrics == target.metrics


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            'deployment="checkout-green"',
            "deployment=green",
            "metrics.sides.green: found 'namespace=\"shop\", deployment=green', wanted",
        ),
        ("checkout-green", "checkout-blue", "metrics.sides: found the same for both sides"),
        ("queue_length: max(checkout_queue_length{$side})", "queue_length: max(x{$side}", "wanted a PromQL query whose ( is closed"),
        ("queue_length: max(", "queue_lenght: max(", "(did you mean queue_length?)"),
        ('{result="ok",$side}', '{result="ok"}', "wanted a PromQL query with $side among its matchers"),
        ("scrape: 15 s ", "scrape: 10 min ", "metrics.scrape: found '10 min', wanted a span from 100 ms to 5 min"),
        ("url: http://127.0.0.1:9090 ", "url: http://u:p@127.0.0.1:9090 ", "metrics.url: found ***"),
        ("provider: prometheus", "provider: promethus", "(did you mean prometheus?)"),
        ('match: service="checkout"', "match: checkout", "alerts.match: found"),
        ("token: keyring:checkout-alertmanager", "token: hunter2", "alerts.token: found ***"),
        ("provider: alertmanager", "provider: pager", "alerts.provider: found"),
        ("https://grafana.example/d/", "javascript:alert(1)//", "dashboards[0].url: found"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_what_was_meant(old: str, new: str, wanted: str) -> None:
    assert old in TEXT
    with pytest.raises(BadTargetFile) as caught:
        read_target(TEXT.replace(old, new).encode(), "shop.yaml")
    said = [told(problem) for problem in caught.value.problems]
    assert any(wanted.replace("'", "") in each.replace("'", "") for each in said), said
    assert not any("hunter2" in each or "u:p@" in each for each in said)
