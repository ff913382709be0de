"""A release on a real HAProxy whose customers are held by cookies: the way back moves them too."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell, target_text
from servers.customer import Customer
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer

pytestmark = [pytest.mark.journey, pytest.mark.haproxy]


def haproxy_text(server: HaproxyServer, upstreams: Mapping[str, Upstream]) -> str:
    """Return the target file of the test Envoy with a HAProxy in its place."""
    text = target_text("http://127.0.0.1:1", upstreams)
    begin, end = text.index("traffic:"), text.index("workloads:")
    servers = ", ".join(f"{side}: [{', '.join(names)}]" for side, names in server.servers.items())
    traffic = f"traffic:\n  provider: haproxy\n  address: 127.0.0.1:{server.port}\n  backend: shop\n  servers: {{{servers}}}\n"
    return text[:begin] + traffic + text[end:]


@pytest.fixture
def shell(haproxy_server: HaproxyServer, upstreams: Mapping[str, Upstream], tmp_path: Path) -> Shell:
    file = tmp_path / "shop.yaml"
    file.write_text(haproxy_text(haproxy_server, upstreams), encoding="utf-8")
    shell = Shell(tmp_path / "home")
    assert shell("target", "add", str(file)).code == 0
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    return shell


def test_a_customer_with_the_canarys_cookie_is_on_stable_right_after_roll_back(shell: Shell, haproxy_server: HaproxyServer) -> None:
    there = shell("switch", "shop", "--to", "green", "--reason", "try it")
    assert there.code == 0, there.err
    customer = Customer(haproxy_server.url)
    assert [customer.side() for _ in range(5)] == ["green"] * 5
    assert shell("freeze", "stop-the-line", "--reason", "peak").code == 0
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back.err
    assert [customer.side() for _ in range(5)] == ["blue"] * 5
    refused = shell("switch", "shop", "--to", "green")
    assert (refused.code, "stop" in refused.err.lower()) == (3, True)
    assert shell("audit", "verify").code == 0


def test_weights_changed_by_hand_are_no_obstacle_on_the_way_back(shell: Shell, haproxy_server: HaproxyServer) -> None:
    assert shell("switch", "shop", "--to", "green").code == 0
    for name in haproxy_server.servers["blue"]:
        haproxy_server.ask(f"set weight shop/{name} 37")
    back = shell("rollback", "shop")
    assert back.code == 0, back.err
    assert [Customer(haproxy_server.url, "SIDE=green1").side() for _ in range(3)] == ["blue"] * 3
