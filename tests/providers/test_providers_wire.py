"""Kept-alive connections: used again when they may be, never when an answer could be mistaken, and closed with their client."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults.accepting import accepting
from providers.authority import Authority

from console.model.errors import Malformed, TooLarge, Unreachable
from console.providers.clients import wire
from console.providers.clients.http import Call, HttpClient

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"

CHUNKED = b"HTTP/1.1 200 OK\r\nx-note: no content-length\r\ntransfer-encoding: chunked\r\n\r\n"

Speaks = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Counted:
    """A server that counts its connections, and keeps the requests of each."""

    port: int = 0
    heads: list[list[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"


@asynccontextmanager
async def counted(*answers: bytes, then: Speaks | None = None) -> AsyncIterator[Counted]:
    """Give these answers in turn over all connections, the last one for ever; `then` is called after each."""
    server, left = Counted(), list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own: list[bytes] = []
        server.heads.append(own)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            own.append(head + await reader.readexactly(length))
            answer = left.pop(0) if len(left) > 1 else left[0]
            writer.write(answer)
            await writer.drain()
            if b"connection: close" in answer or b"content-length" not in answer:
                return
            if then is not None:
                await then(reader, writer, head)

    async with accepting(talk) as server.port:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


async def test_requests_one_after_the_other_go_over_one_connection(http: HttpClient) -> None:
    async with counted(OK) as server:
        for _ in range(5):
            assert (await http.send(Call("Shop", server.url))).text() == "ok"
    assert [len(own) for own in server.heads] == [5]


async def test_requests_at_a_time_never_share_a_connection(http: HttpClient) -> None:
    async with counted(OK) as server:
        await asyncio.gather(*(http.send(Call("Shop", server.url)) for _ in range(6)))
        assert [len(own) for own in server.heads] == [1] * 6


async def test_what_a_request_carries_is_what_it_was_given(http: HttpClient) -> None:
    async with counted(OK) as server:
        await http.send(Call("Shop", f"{server.url}?q=a%20b", method="POST", content=b"{}", headers={"Content-Type": "application/json"}))
        await http.send(Call("Shop", server.url, method="PUT"))
        await http.send(Call("Shop", server.url))
    first, second, third = (head.lower() for head in server.heads[0])
    assert first.startswith(b"post /x?q=a%20b http/1.1\r\n")
    assert first.endswith(b"{}")
    assert f"host: 127.0.0.1:{server.port}\r\n".encode() in first
    assert first.count(b"content-type: application/json\r\n") == 1
    assert b"content-length: 2\r\n" in first
    assert b"content-length: 0\r\n" in second
    assert b"content-length" not in third


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", id="closing"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nok", id="until it ends"),
        pytest.param(b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nok", id="HTTP/1.0"),
    ],
)
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(http: HttpClient, answer: bytes) -> None:
    async with counted(answer) as server:
        for _ in range(2):
            assert (await http.send(Call("Shop", server.url))).text() == "ok"
    assert [len(own) for own in server.heads] == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx-note: content-length\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", id="chunks"
        ),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK, id="hints before it"),
    ],
)
async def test_an_answer_in_pieces_is_one_answer(http: HttpClient, answer: bytes) -> None:
    async with counted(answer) as server:
        for _ in range(2):
            assert (await http.send(Call("Shop", server.url))).text() == "ok"
    assert [len(own) for own in server.heads] == [2]


async def test_bytes_beyond_an_answer_are_never_the_next_one(http: HttpClient) -> None:
    async with counted(OK + OK.replace(b"ok", b"no"), OK) as server:
        found = [(await http.send(Call("Shop", server.url))).text() for _ in range(2)]
    assert found == ["ok", "ok"]
    assert len(server.heads) == 2


async def test_what_comes_unasked_ends_a_connection(http: HttpClient) -> None:
    pushed = asyncio.Event()

    async def push(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _head: bytes) -> None:
        await pushed.wait()
        writer.write(OK.replace(b"ok", b"no"))
        await writer.drain()

    async with counted(OK, then=push) as server:
        await http.send(Call("Shop", server.url))
        pushed.set()
        await asyncio.sleep(0)
        while http._wires._open:
            await asyncio.sleep(0.001)
        assert (await http.send(Call("Shop", server.url))).text() == "ok"
    assert len(server.heads) == 2


async def test_a_change_does_not_go_out_on_a_connection_that_has_ended(http: HttpClient) -> None:
    async def end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _head: bytes) -> None:
        writer.close()
        await writer.wait_closed()

    async with counted(OK, then=end) as server:
        for _ in range(3):
            await http.send(Call("Shop", server.url, method="POST", content=b"{}"))
    assert [len(own) for own in server.heads] == [1, 1, 1]


async def test_an_answer_nobody_waits_for_any_more_is_not_taken_for_the_next(http: HttpClient) -> None:
    goes_on = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"slow" in head:
            await goes_on.wait()
        writer.write(OK.replace(b"ok", b"no") if b"slow" in head else OK)
        await writer.drain()

    async with accepting(talk) as port:
        with pytest.raises(Unreachable, match="no complete answer"):
            await http.send(Call("Shop", f"http://127.0.0.1:{port}/slow", timeout_s=0.05))
        goes_on.set()
        assert (await http.send(Call("Shop", f"http://127.0.0.1:{port}/quick"))).text() == "ok"


async def test_a_body_that_is_too_large_ends_its_connection(http: HttpClient) -> None:
    async with counted(b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n" + b"x" * 4096, OK) as server:
        with pytest.raises(TooLarge):
            await http.send(Call("Shop", server.url, limit=1024))
        assert (await http.send(Call("Shop", server.url))).text() == "ok"
    assert len(server.heads) == 2


async def test_headers_without_end_are_cut_off(http: HttpClient) -> None:
    async with counted(b"HTTP/1.1 200 OK\r\nx: content-length " + b"y" * (wire.HEADERS_LIMIT + 1)) as server:
        with pytest.raises(Malformed):
            await http.send(Call("Shop", server.url))


async def test_a_connection_that_nobody_used_for_long_is_closed(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted(OK) as server:
        await asyncio.gather(*(http.send(Call("Shop", server.url)) for _ in range(3)))
        monkeypatch.setattr(wire, "KEEP_S", -1.0)
        await http.send(Call("Shop", server.url))
        await asyncio.sleep(0)
        assert len(http._wires._open) == 1


async def test_no_more_connections_are_kept_than_are_worth_it(http: HttpClient) -> None:
    async with counted(OK) as server:
        await asyncio.gather(*(http.send(Call("Shop", server.url)) for _ in range(wire.KEPT + 5)))
        await http.send(Call("Shop", server.url))
        await asyncio.sleep(0)
        assert len(http._wires._open) == wire.KEPT


async def test_a_client_that_closes_leaves_no_connection_open() -> None:
    client = HttpClient()
    async with counted(OK) as server:
        await asyncio.gather(*(client.send(Call("Shop", server.url)) for _ in range(3)))
        await client.aclose()
        assert not client._wires._open
        gc.collect()


@pytest.mark.parametrize("turns", range(20))
@pytest.mark.parametrize("ask", [HttpClient.send, lambda client, call: client.stream(call, bytes)], ids=["a request", "a stream"])
async def test_a_client_that_closes_while_it_connects_leaves_no_connection_open_and_asks_nothing_more(
    ask: Callable[[HttpClient, Call], Awaitable[None]], turns: int
) -> None:
    client, links = HttpClient(), list[asyncio.Future[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        links.append(ended)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.read()
        finally:
            ended.set_result(None)

    async with accepting(serve) as port:
        asking = asyncio.ensure_future(ask(client, Call("Shop", f"http://127.0.0.1:{port}/")))
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.aclose()
        async with asyncio.timeout(5):
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.gather(*links)
        with pytest.raises(Unreachable, match="has let go of Shop") as told:
            await ask(client, Call("Shop", f"http://127.0.0.1:{port}/"))
        assert not told.value.sent


@pytest.mark.parametrize("host", ["127.0.0.1", "shop.test"])
async def test_a_request_that_is_cancelled_while_it_connects_leaves_no_socket_behind(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "127.0.0.1", "127.0.0.2")
    async with counted(OK) as server:
        for turns in range(20):
            client = HttpClient()
            asking = asyncio.ensure_future(client.send(Call("Shop", server.url.replace("127.0.0.1", host))))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await client.aclose()
            del asking
            gc.collect()  # a socket that nobody closed is told as an error of this test


def named(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name stand for these addresses."""

    async def found(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        kinds = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in addresses]
        return [(kind, socket.SOCK_STREAM, 6, "", (each, port)) for kind, each in zip(kinds, addresses, strict=True)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)


async def test_a_host_whose_first_address_refuses_is_reached_at_its_next(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "::1", "127.0.0.2", "127.0.0.1")
    async with counted(OK) as server:
        assert (await http.send(Call("Shop", f"http://shop.test:{server.port}/"))).text() == "ok"
    assert f"host: shop.test:{server.port}".encode() in server.heads[0][0].lower()


async def test_a_host_whose_first_address_is_silent_is_reached_at_its_next(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "127.0.0.3", "127.0.0.1")
    monkeypatch.setattr(wire, "EYEBALLS_S", 0.01)
    loop, tried = asyncio.get_running_loop(), []
    connect = loop.create_connection

    async def hanging(made: Any, host: str, *more: Any, **options: Any) -> Any:
        tried.append(host)
        if host == "127.0.0.3":
            await asyncio.sleep(3600)
        return await connect(made, host, *more, **options)

    monkeypatch.setattr(loop, "create_connection", hanging)
    async with counted(OK) as server:
        assert (await http.send(Call("Shop", f"http://shop.test:{server.port}/"))).text() == "ok"
    assert tried == ["127.0.0.3", "127.0.0.1"]


async def test_a_host_none_of_whose_addresses_answers_is_unreachable(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "127.0.0.2", "127.0.0.3")
    with closing(socket.create_server(("127.0.0.4", 0))) as other, pytest.raises(Unreachable, match="it refused the connection") as told:
        await http.send(Call("Shop", f"http://shop.test:{other.getsockname()[1]}/"))
    assert not told.value.sent


async def test_connections_are_kept_over_tls_too(tmp_path: Path) -> None:
    authority = Authority.new()
    path = tmp_path / "server.pem"
    path.write_text("\n".join(authority.sign("127.0.0.1")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(OK)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    trusted = ssl.create_default_context(cadata=authority.certificate)
    client = HttpClient(tls=trusted)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(3):
            assert (await client.send(Call("Shop", url, method="POST"))).text() == "ok"
        assert len(client._wires._open) == 1
        await client.aclose()
    assert len(heads) == 3
