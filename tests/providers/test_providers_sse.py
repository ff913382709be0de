"""Streams: events are cut out whatever the pieces, a stream has a deadline for its begin only, and nobody is sent another's cookies."""

import asyncio
import base64

import pytest
from faults.routed import Asked, routed_server, told
from faults.scripted import Answer, scripted_server
from hypothesis import given
from hypothesis import strategies as st

from console.model.errors import Refused, TooLarge, Unreachable
from console.providers.clients.http import Call, HttpClient
from console.providers.clients.sse import EVENT_LIMIT, EventSplitter

STREAM = b"event: handshake\r\ndata: 89c9\r\n\r\n: a comment\n\nevent: event\ndata: {\ndata: }\nid: 7\n\ndata:open"


@given(st.lists(st.integers(1, len(STREAM)), max_size=8).map(sorted))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    splitter, found = EventSplitter("CI"), []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found.extend(splitter.feed(STREAM[begin:end]))
    assert found == [b"89c9", b"{\n}"]


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65530 + b"\n"])
def test_an_event_without_end_is_cut_off(piece: bytes) -> None:
    splitter = EventSplitter("CI")

    def feed_on() -> None:
        for _ in range(EVENT_LIMIT // len(piece) + 2):
            splitter.feed(piece)

    with pytest.raises(TooLarge):
        feed_on()


@pytest.mark.anyio
async def test_a_stream_is_given_as_it_comes_and_its_refusal_and_silence_are_told() -> None:
    http, got = HttpClient(), []
    async with scripted_server() as server:
        server.script(Answer(body=b"data: 1\n\n"), Answer(403, b"no"))
        await http.stream(Call("CI", server.url), got.append)
        assert b"".join(got) == b"data: 1\n\n"
        with pytest.raises(Refused):
            await http.stream(Call("CI", server.url), got.append)
    with pytest.raises(Unreachable):
        await http.stream(Call("CI", server.url, timeout_s=0.5), got.append)
    await http.aclose()


@pytest.mark.anyio
async def test_a_login_goes_as_rfc_7617_has_it_and_a_cookie_to_nobody() -> None:
    async def secret() -> str:
        return "canary-basic-1"

    def route(asked: Asked) -> Answer:
        return told({}, 401 if asked.path == "/no" else 200, set_cookie="session=canary-cookie-1; Path=/")

    http, heard = HttpClient(), []
    async with routed_server(route) as server:
        for path in ("/one", "/two"):
            call = Call("CI", server.url + path, token=secret, user="ana", heed=lambda status, headers: heard.append((status, headers)))
            await http.send(call)
        packed = base64.b64encode(b"ana:canary-basic-1").decode()
        assert [asked.headers["authorization"] for asked in server.asked] == [f"Basic {packed}"] * 2
        assert all("cookie" not in asked.headers for asked in server.asked)
        assert [status for status, _ in heard] == [200, 200]
        server.meddle = lambda asked: Answer(401, f"{packed} canary-basic-1 canary-cookie-1".encode())
        with pytest.raises(Refused) as caught:
            await http.send(Call("CI", server.url, token=secret, user="ana", hide=("canary-cookie-1",)))
        assert "canary" not in str(caught.value)
        assert packed not in str(caught.value)
    await http.aclose()
    await asyncio.sleep(0)
