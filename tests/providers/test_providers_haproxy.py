"""HAProxy's oddities: weights per server, halves, maintenance, sticky customers, and text for an answer."""

import asyncio
from dataclasses import replace

import pytest
from faults.proxy import Fault, fault_proxy
from servers.customer import Customer
from servers.haproxy_process import HaproxyServer

from console.model.clock import SystemClock
from console.model.errors import BadFile, Malformed, OutcomeUnknown, Refused, Unreachable
from console.model.readings import SplitChange
from console.providers.clients.haproxy import Place, parse_address
from console.providers.traffic.haproxy import HaproxyRouter
from console.providers.traffic.haproxy_tables import read_info, read_servers, read_sessions

pytestmark = [pytest.mark.anyio, pytest.mark.haproxy]


def router(server: HaproxyServer, **fields) -> HaproxyRouter:
    return HaproxyRouter(replace(server.spec, **{"timeout_s": 2.0, **fields}), SystemClock())


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, key="step-1", backward=backward)


async def green(server: HaproxyServer) -> float:
    return round((await router(server).split()).weights["green"], 6)


async def test_the_unix_socket_serves_as_well(haproxy_server: HaproxyServer) -> None:
    over_socket = router(haproxy_server, address=f"unix:{haproxy_server.socket_path}")
    await over_socket.set_split(change(25))
    assert (await over_socket.split()).weights == {"blue": 75.0, "green": 25.0}


async def test_a_side_s_share_counts_its_servers_that_are_up(haproxy_server: HaproxyServer) -> None:
    haproxy_server.ask("set server shop/blue2 state maint")
    await router(haproxy_server).set_split(change(5))
    split = await router(haproxy_server).split()
    assert split.weights == {"blue": 95.0, "green": 5.0}
    assert "blue2" in split.note
    assert haproxy_server.ask("get weight shop/blue1").startswith("95 ")
    haproxy_server.ask("set server shop/blue2 state ready")
    assert await green(haproxy_server) == pytest.approx(100 * 5 / 195)


async def test_a_server_that_a_person_took_out_stays_out(haproxy_server: HaproxyServer) -> None:
    haproxy_server.ask("set server shop/blue2 state maint")
    await router(haproxy_server).set_split(change(50))
    await router(haproxy_server).set_split(change(0, backward=True))
    assert "MAINT" in haproxy_server.ask("show stat -1 4 -1").split("shop,blue2")[1].split("\n")[0]
    assert await green(haproxy_server) == 0


async def test_a_customer_with_the_canary_s_cookie_gets_stable_at_the_first_request_after_going_back(haproxy_server: HaproxyServer) -> None:
    await router(haproxy_server).set_split(change(50))
    customer = Customer(haproxy_server.url, "SIDE=green1")
    assert [await asyncio.to_thread(customer.side) for _ in range(5)] == ["green"] * 5
    await router(haproxy_server).set_split(change(0, backward=True))
    assert [await asyncio.to_thread(customer.side) for _ in range(5)] == ["blue"] * 5


async def test_weight_zero_alone_would_have_left_that_customer_on_the_canary(haproxy_server: HaproxyServer) -> None:
    await router(haproxy_server).set_split(change(50))
    haproxy_server.ask("set weight shop/green1 0")
    assert await asyncio.to_thread(Customer(haproxy_server.url, "SIDE=green1").side) == "green"


async def test_going_forward_again_takes_the_canary_out_of_maintenance(haproxy_server: HaproxyServer) -> None:
    await router(haproxy_server).set_split(change(0, backward=True))
    assert "MAINT" in haproxy_server.ask("show stat -1 4 -1").split("shop,green1")[1].split("\n")[0]
    await router(haproxy_server).set_split(change(5))
    assert await green(haproxy_server) == 5


@pytest.mark.parametrize("failing", range(1, 8))
@pytest.mark.parametrize("backward", [False, True])
async def test_a_change_that_breaks_off_anywhere_is_seen_in_the_split(
    haproxy_server: HaproxyServer, failing: int, *, backward: bool
) -> None:
    if backward:
        await router(haproxy_server).set_split(change(50))
    sets = 0

    def is_the_one(asked: bytes, number: int) -> bool:
        nonlocal sets
        sets += asked.startswith(b"set ")
        return asked.startswith(b"set ") and sets == failing

    async with fault_proxy(haproxy_server.spec.address) as proxy:
        proxy.set(Fault.CUT_BEFORE, is_the_one)
        broken = router(haproxy_server, address=proxy.address)
        (error,) = await asyncio.gather(broken.set_split(change(0 if backward else 100, backward=backward)), return_exceptions=True)
    assert (error is not None) == (sets >= failing and not backward)  # backward sends a lost command once more
    assert error is None or isinstance(error, OutcomeUnknown) or (isinstance(error, Unreachable) and error.sent)
    seen = await green(haproxy_server)
    if backward:
        assert seen == 0
        assert "MAINT" in haproxy_server.ask("show stat -1 4 -1").split("shop,green1")[1].split("\n")[0]
    else:
        assert seen in {0, 50, 100} or error is not None
        assert (seen == 100) == (error is None)


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.HANG_BEFORE, Fault.GARBAGE])
async def test_the_canary_is_lowered_even_when_stable_cannot_be_raised(haproxy_server: HaproxyServer, fault: Fault) -> None:
    await router(haproxy_server).set_split(change(50))
    async with fault_proxy(haproxy_server.spec.address) as proxy:
        proxy.set(fault, lambda asked, number: b"shop/blue" in asked)
        with pytest.raises((Unreachable, OutcomeUnknown, Refused)):
            await router(haproxy_server, address=proxy.address).set_split(change(0, backward=True))
    assert await green(haproxy_server) == 0


async def test_going_back_works_when_nothing_can_be_read(haproxy_server: HaproxyServer) -> None:
    await router(haproxy_server).set_split(change(100))
    for name in ("blue1", "blue2"):
        haproxy_server.ask(f"set server shop/{name} state maint")
    async with fault_proxy(haproxy_server.spec.address) as proxy:
        proxy.set(Fault.CUT_BEFORE, lambda asked, number: asked.startswith(b"show"))
        await router(haproxy_server, address=proxy.address).set_split(change(0, backward=True))
    assert (await router(haproxy_server).split()).weights == {"blue": 100.0, "green": 0.0}


async def test_nothing_is_sent_forward_to_a_side_that_is_down(haproxy_server: HaproxyServer) -> None:
    async with fault_proxy(haproxy_server.spec.address) as proxy:
        rows = haproxy_server.ask("show servers state shop").replace("green1 127.0.0.1 2 0", "green1 127.0.0.1 0 0")
        proxy.garbage = rows.encode()
        proxy.set(Fault.GARBAGE, lambda asked, number: asked.startswith(b"show servers"))
        with pytest.raises(Refused, match="No server of green is up"):
            await router(haproxy_server, address=proxy.address).set_split(change(5))
    assert haproxy_server.ask("get weight shop/green1").startswith("0 ")


async def test_a_raise_never_overshoots_on_the_way(haproxy_server: HaproxyServer) -> None:
    for name, weight in (("blue1", 9), ("blue2", 10), ("green1", 1)):
        haproxy_server.ask(f"set weight shop/{name} {weight}")
    shares = []
    async with fault_proxy(haproxy_server.spec.address) as proxy:

        def note(asked: bytes, number: int) -> bool:
            if asked.startswith(b"set "):
                weights = [int(haproxy_server.ask(f"get weight shop/{name}").split()[0]) for name in ("blue1", "blue2", "green1")]
                shares.append(100 * weights[2] / sum(weights))
            return False

        proxy.set(Fault.NONE, note)
        await router(haproxy_server, address=proxy.address).set_split(change(10))
    assert max(shares) <= 10
    assert await green(haproxy_server) == 10


@pytest.mark.parametrize("fields", [{"backend": "nope"}, {"servers": {"blue": ("blue1",), "green": ("green9",)}}])
async def test_names_that_are_not_there_are_refused_before_anything_is_sent(haproxy_server: HaproxyServer, fields: dict) -> None:
    before = haproxy_server.ask("show servers state shop")
    for attempt in (router(haproxy_server, **fields).split(), router(haproxy_server, **fields).set_split(change(5))):
        with pytest.raises(Refused) as caught:
            await attempt
        assert "target file" in caught.value.advice
    assert haproxy_server.ask("get weight shop/green1").startswith("0 ")
    assert before.count("\n") == haproxy_server.ask("show servers state shop").count("\n")


async def test_zero_everywhere_is_said_to_answer_nobody(haproxy_server: HaproxyServer) -> None:
    for name in ("blue1", "blue2", "green1"):
        haproxy_server.ask(f"set weight shop/{name} 0")
    split = await router(haproxy_server).split()
    assert split.weights == {"blue": 0.0, "green": 0.0}
    assert "503" in split.note


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("unix:/run/h.sock", Place(path="/run/h.sock")),
        ("127.0.0.1:9999", Place(host="127.0.0.1", port=9999)),
        ("[::1]:9999", Place(host="::1", port=9999)),
    ],
)
def test_addresses(address: str, place: Place) -> None:
    assert parse_address(address) == place


@pytest.mark.parametrize("address", ["", "unix:", "host", "host:", ":1", "host:0", "host:70000", "host:x", "host:١"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(BadFile):
        parse_address(address)


@pytest.mark.parametrize(
    "text", ["", "1", "hello", "2\n# be_id\n", "1\n# be_id be_name srv_name srv_op_state srv_admin_state srv_uweight\n3 shop a 2 0 x\n"]
)
def test_text_that_is_no_table_is_refused(text: str) -> None:
    with pytest.raises((Malformed, Refused)):
        read_servers(text, "shop", "HAProxy")


def test_other_texts_that_are_not_what_was_asked_are_malformed() -> None:
    with pytest.raises(Malformed):
        read_sessions("No such proxy.", "shop", "HAProxy")
    with pytest.raises(Malformed):
        read_info("Name: nginx\nPid: 3\n", "HAProxy")


async def test_an_answer_in_words_is_a_refusal_with_those_words(haproxy_server: HaproxyServer) -> None:
    async with fault_proxy(haproxy_server.spec.address) as proxy:
        proxy.garbage = b"Permission denied\n\n"
        proxy.set(Fault.GARBAGE, lambda asked, number: asked.startswith(b"set "))
        limited = router(haproxy_server, address=proxy.address)
        with pytest.raises(Refused, match="Permission denied") as caught:
            await limited.set_split(change(5))
        assert "level admin" in caught.value.advice
        with pytest.raises(Refused, match="Permission denied"):
            await limited.set_split(change(0, backward=True))
    assert await green(haproxy_server) == 0


async def test_what_is_left_of_a_forward_change_is_not_sent_after_a_way_back(
    haproxy_server: HaproxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = router(haproxy_server)
    await one.set_split(change(0, backward=True))
    ask, paused, go_on = one._client.ask, asyncio.Event(), asyncio.Event()

    async def slow(command: str, timeout_s: float | None = None) -> str:
        said = await ask(command, timeout_s)
        if command.startswith("set") and not paused.is_set():
            paused.set()
            await go_on.wait()
        return said

    monkeypatch.setattr(one._client, "ask", slow)
    forward = asyncio.create_task(one.set_split(change(25)))
    await paused.wait()
    await one.set_split(change(0, backward=True))
    go_on.set()
    with pytest.raises(OutcomeUnknown, match="way back came first"):
        await forward
    assert await green(haproxy_server) == 0
    assert "MAINT" in haproxy_server.ask("show stat -1 4 -1").split("shop,green1")[1].split("\n")[0]


async def test_what_is_left_of_a_step_down_is_not_sent_after_the_whole_way_back(
    haproxy_server: HaproxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = router(haproxy_server)
    await one.set_split(change(50))
    ask, paused, go_on = one._client.ask, asyncio.Event(), asyncio.Event()

    async def slow(command: str, timeout_s: float | None = None) -> str:
        if command.startswith("show") and not paused.is_set():
            paused.set()
            await go_on.wait()
        return await ask(command, timeout_s)

    monkeypatch.setattr(one._client, "ask", slow)
    down = asyncio.create_task(one.set_split(change(5, backward=True)))
    await paused.wait()
    await one.set_split(change(0, backward=True))
    go_on.set()
    await down
    assert haproxy_server.ask("get weight shop/green1").startswith("0 ")
