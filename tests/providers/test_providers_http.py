"""The HTTP client: total deadlines, bounded replies, honest errors, and no secret anywhere but in its header."""

import asyncio
import logging
import time

import httpx
import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, ScriptedServer, bomb, scripted_server

from console.model.errors import BadFile, ConsoleError, Malformed, OutcomeUnknown, Refused, TooLarge, Unreachable
from console.providers.clients.http import Call, HttpClient
from console.providers.clients.replies import wait_asked

pytestmark = pytest.mark.anyio

SECRET = "canary-token-8f2"


async def secret() -> str:
    return SECRET


@pytest.fixture
async def server():
    async with scripted_server() as running:
        yield running


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


def call(server: ScriptedServer, **fields) -> Call:
    return Call(**{"system": "Shop", "url": f"{server.url}/x?q=1", "timeout_s": 2.0, "token": secret, **fields})


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "another address"),
        (401, "refused the credentials"),
        (403, "does not permit"),
        (404, "nothing at this address"),
        (409, "somebody else changed it first"),
        (422, "does not accept the value"),
        (429, "too many requests"),
        (500, "failed by itself"),
        (503, "failed by itself"),
    ],
)
async def test_each_status_says_what_it_means_and_what_to_do(server: ScriptedServer, http: HttpClient, status: int, words: str) -> None:
    server.script(Answer(status, body=f"because {SECRET}\x1b[31m".encode(), headers={"retry-after": "7"}))
    with pytest.raises(Refused) as caught:
        await http.send(call(server))
    assert words in caught.value.message
    assert caught.value.advice
    assert (caught.value.status, caught.value.retry_after_s) == (status, 7.0)
    assert SECRET not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_change_that_meets_a_server_error_has_an_unknown_outcome(server: ScriptedServer, http: HttpClient, status: int) -> None:
    server.script(Answer(status))
    with pytest.raises(OutcomeUnknown):
        await http.send(call(server, method="PUT", content=b"{}"))


async def test_a_change_that_meets_garbage_has_an_unknown_outcome(server: ScriptedServer, http: HttpClient) -> None:
    server.script(Answer(raw=b"\x00\x01 not http\r\n\r\n"))
    with pytest.raises(OutcomeUnknown):
        await http.send(call(server, method="POST", content=b""))


async def test_a_closed_port_means_that_nothing_was_sent(http: HttpClient) -> None:
    async with scripted_server() as gone:
        pass
    with pytest.raises(Unreachable) as caught:
        await http.send(call(gone, method="POST"))
    assert not caught.value.sent
    assert "refused the connection" in caught.value.message


async def test_a_name_that_does_not_exist_is_said_to_be_one(http: HttpClient) -> None:
    with pytest.raises(Unreachable) as caught:
        await http.send(Call("Shop", "http://no-such-host.invalid/", timeout_s=5))
    assert not caught.value.sent


async def test_a_certificate_that_nobody_signed_is_refused_with_its_reason(http: HttpClient, tmp_path) -> None:
    import ssl

    from providers.certificates import self_signed

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    tls = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with tls:
        with pytest.raises(Unreachable) as caught:
            await http.send(Call("Shop", f"https://127.0.0.1:{tls.sockets[0].getsockname()[1]}/"))
    assert "certificate was not accepted" in caught.value.message
    assert not caught.value.sent


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER])
async def test_a_cut_after_the_request_left_is_told_as_perhaps_sent(server: ScriptedServer, http: HttpClient, fault: Fault) -> None:
    async with fault_proxy(server.url) as proxy:
        proxy.set(fault)
        with pytest.raises(Unreachable) as caught:
            await http.send(call(server, url=proxy.url, method="PUT", content=b"{}"))
    assert caught.value.sent
    assert len(server.requests) == (fault is Fault.CUT_AFTER)


async def test_a_drip_ends_at_the_deadline_for_the_whole_reply(server: ScriptedServer, http: HttpClient) -> None:
    async with fault_proxy(server.url) as proxy:
        proxy.set(Fault.DRIP)
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await http.send(call(server, url=proxy.url, timeout_s=0.4))
    assert time.monotonic() - began < 1.5
    assert "0.4 s" in caught.value.message


async def test_an_idle_connection_that_was_closed_meanwhile_does_not_spoil_a_read(server: ScriptedServer, http: HttpClient) -> None:
    async with fault_proxy(server.url) as proxy:
        proxy.set(Fault.CUT_BEFORE, lambda request, number: number == 1)
        reply = await http.send(call(server, url=proxy.url))
    assert reply.json() == {}


async def test_a_gzip_bomb_is_cut_off_before_it_fills_the_memory(server: ScriptedServer, http: HttpClient) -> None:
    import tracemalloc

    server.script(bomb(300_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await http.send(call(server, timeout_s=10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


async def test_a_packed_reply_is_read(server: ScriptedServer, http: HttpClient) -> None:
    server.script(bomb(1000))
    assert (await http.send(call(server))).body == b"\0" * 1000


async def test_a_packed_reply_that_was_cut_is_malformed(server: ScriptedServer, http: HttpClient) -> None:
    whole = bomb(100_000)
    server.script(Answer(body=whole.body[:-20], headers=whole.headers))
    with pytest.raises(Malformed):
        await http.send(call(server))


async def test_a_reply_without_end_is_cut_off(server: ScriptedServer, http: HttpClient) -> None:
    async with fault_proxy(server.url) as proxy:
        proxy.set(Fault.OVERSIZE)
        with pytest.raises(TooLarge):
            await http.send(call(server, url=proxy.url))


async def test_the_secret_travels_in_its_header_alone(server: ScriptedServer, http: HttpClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await http.send(call(server))
    (request,) = server.requests
    assert request.count(SECRET.encode()) == 1
    assert f"authorization: Bearer {SECRET}".encode().lower() in request.lower()
    assert not [record for record in caplog.records if record.name.startswith("http") and record.levelno < logging.WARNING]


async def test_a_proxy_in_the_environment_is_not_used(server: ScriptedServer, http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    await http.send(call(server))


@pytest.mark.parametrize("broken", ["", "two\nlines", "naïve"])
async def test_a_secret_that_no_header_can_carry_is_never_shown(server: ScriptedServer, http: HttpClient, broken: str) -> None:
    async def give() -> str:
        return broken

    with pytest.raises(Refused) as caught:
        await http.send(call(server, token=give))
    assert not server.requests
    assert not broken or broken not in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:hunter2@127.0.0.1/", "ftp://127.0.0.1/", "http://", "http://[::1/", "nonsense"])
async def test_an_address_that_cannot_be_used_is_a_mistake_in_the_file(http: HttpClient, url: str) -> None:
    with pytest.raises(BadFile) as caught:
        await http.send(Call("Shop", url))
    assert "hunter2" not in str(caught.value)


async def test_one_target_that_hangs_does_not_delay_another(server: ScriptedServer) -> None:
    slow, quick = HttpClient(), HttpClient()
    async with fault_proxy(server.url) as proxy:
        proxy.set(Fault.HANG_BEFORE)
        waiting = [asyncio.create_task(slow.send(call(server, url=proxy.url, timeout_s=1.0))) for _ in range(40)]
        await asyncio.wait_for(quick.send(call(server)), 0.5)
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, Unreachable) for each in results)
    await slow.aclose()
    await quick.aclose()


@pytest.mark.parametrize(
    ("text", "date", "wait"),
    [
        ("30", "", 30.0),
        ("999999", "", 86_400.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", "", None),
        ("-5", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_retry_after_is_read_as_a_span(text: str, date: str, wait: float | None) -> None:
    assert wait_asked(text, date) == wait


async def test_every_error_is_ours(server: ScriptedServer, http: HttpClient) -> None:
    for raw in (b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort", b"SSH-2.0-x\r\n", b"\r\n" * 50):
        server.script(Answer(raw=raw))
        with pytest.raises(ConsoleError) as caught:
            await http.send(call(server, timeout_s=1))
        assert not isinstance(caught.value, httpx.HTTPError)
        assert caught.value.advice
