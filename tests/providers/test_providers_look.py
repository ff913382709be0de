"""Looking around in systems that answer nonsense, refuse, or let us do little: our errors, in words, and never a guess."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from faults.accepting import accepting
from faults.scripted import Answer, bomb, scripted_server
from hypothesis import given
from hypothesis import strategies as st

from console.model.clock import SystemClock
from console.model.errors import Malformed, Refused, RemoteError
from console.providers.clients.http import HttpClient
from console.providers.metrics.telling import _matchers, _pairs
from console.providers.traffic.envoy_look import look_envoy
from console.providers.traffic.haproxy_look import _routes, look_haproxy

pytestmark = pytest.mark.anyio
INFO = "Name: HAProxy\nVersion: 2.6.12\nPid: 7\n"


@asynccontextmanager
async def haproxy(answers: Mapping[str, str]) -> AsyncIterator[str]:
    """Run what answers each runtime command as it is told, and give its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode().strip()
        writer.write(f"{answers.get(command, 'Unknown command')}\n".encode())
        await writer.drain()

    async with accepting(answer) as port:
        yield f"127.0.0.1:{port}"


async def test_a_socket_that_may_not_write_is_told_as_such() -> None:
    table = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\n"
    rows = "2 shop 1 blue1 10.0.0.1 2 0 100 80\n2 shop 2 green1 ::1 2 0 0 81\n3 alone 1 only 10.0.0.9 2 0 1 80\n"
    async with haproxy({"show info": INFO, "show cli level": "operator", "show servers state": table + rows}) as address:
        found = await look_haproxy(address)
    assert [(route.name, [part.address for part in route.parts]) for route in found.routes] == [("shop", ["10.0.0.1:80", "[::1]:81"])]
    assert [right.allowed for right in found.rights] == [True, False]
    assert "level admin" in found.rights[1].advice


async def test_a_socket_that_may_not_even_list_says_what_to_give_it() -> None:
    async with haproxy({"show info": INFO, "show cli level": "user", "show servers state": "Permission denied"}) as address:
        with pytest.raises(Refused, match="does not let us list") as refused:
            await look_haproxy(address)
    assert "level admin" in refused.value.advice


async def test_what_is_no_haproxy_is_not_taken_for_one() -> None:
    async with haproxy({"show info": "220 mail.example ESMTP"}) as address:
        with pytest.raises(Malformed, match="introduce itself"):
            await look_haproxy(address)


@given(st.one_of(st.text(max_size=200), st.text(max_size=120).map(lambda rest: f"1\n# be_name srv_name srv_addr srv_port\n{rest}")))
def test_any_table_of_servers_is_read_or_is_malformed(text: str) -> None:
    try:
        for route in _routes(text, "HAProxy"):
            assert len(route.parts) >= 2
            assert all(part.name.isprintable() for part in route.parts)
    except Malformed:
        pass


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"[]"), Answer(body=b"{\"configs\": 1, \"clusters\": [1, {}]}"), Answer(body=b"<html>login</html>"), Answer(status=401),
        Answer(status=503), Answer(raw=b"SSH-2.0\r\n"), bomb(100_000_000),
    ],
    ids=["list", "odd", "page", "401", "503", "ssh", "bomb"],
)  # fmt: skip
async def test_an_envoy_that_answers_nonsense_is_an_error_in_words(answer: Answer) -> None:
    http = HttpClient(SystemClock())
    try:
        async with scripted_server() as server:
            server.script(answer)
            with pytest.raises(RemoteError) as told:
                await look_envoy(server.url, http, 2.0)
    finally:
        await http.aclose()
    assert told.value.advice


async def test_weighted_routes_without_a_runtime_prefix_are_told_and_not_offered() -> None:
    http = HttpClient(SystemClock())
    clusters = [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}]
    dump = json.dumps({"configs": [{"weighted_clusters": {"clusters": clusters}}], "version": "a/1.40.0/b"}).encode()
    try:
        async with scripted_server() as server:
            server.script(Answer(body=dump))
            found = await look_envoy(server.url, http, 2.0)
    finally:
        await http.aclose()
    assert found.routes == ()
    assert any("no runtime_key_prefix" in note for note in found.notes)


@pytest.mark.parametrize(
    ("values", "matchers"),
    [
        (("shop-blue", "shop-green", "other"), {"blue": 'app="shop-blue"', "green": 'app="shop-green"'}),
        (("10.0.0.1:80", "10.0.0.2:80", "x"), {"blue": 'app="10.0.0.1:80"', "green": 'app="10.0.0.2:80"'}),
        (("blue-1", "blue-2", "green-1"), {"blue": 'app=~"blue\\\\-1|blue\\\\-2"', "green": 'app="green-1"'}),
        (("blue-green", "shop"), None),
        (("shop-blue",), None),
        ((), None),
    ],
)
def test_a_label_tells_the_sides_apart_only_where_no_value_is_on_both(values, matchers) -> None:
    hints = {"blue": ("10.0.0.1:80", "blue"), "green": ("10.0.0.2:80", "green")}
    assert _matchers("app", values, hints) == matchers


def test_whole_sessions_come_before_anything_else_that_succeeds_and_fails() -> None:
    metrics = ("http_ok_total", "http_errors_total", "checkout_resolved_ok_total", "checkout_resolved_failed_total", "jobs_ok")
    assert [(each.ok, each.failed, each.sessions) for each in _pairs(metrics)] == [
        ("checkout_resolved_ok", "checkout_resolved_failed", True),
        ("http_ok", "http_errors", False),
    ]
