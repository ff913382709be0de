"""An HTTP server that answers from a script: any status, any bytes, any encoding."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from faults.accepting import accepting


@dataclass(frozen=True)
class Answer:
    """One answer; `raw` replaces status, headers and body by these very bytes."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    raw: bytes | None = None


@dataclass
class ScriptedServer:
    """Gives `answers` in turn, the last one for ever, and keeps the requests it got."""

    port: int = 0
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def bomb(size: int) -> Answer:
    """Return a small gzip body that unpacks to `size` zero bytes."""
    return Answer(body=gzip.compress(b"\0" * size), headers={"content-encoding": "gzip", "content-type": "text/plain"})


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Run a scripted server on loopback."""
    scripted = ScriptedServer()
    async with accepting(lambda reader, writer: _answer(scripted, reader, writer)) as scripted.port:
        yield scripted


async def _answer(scripted: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        scripted.requests.append(head + await reader.readexactly(length))
        answer = scripted.next()
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return
        headers = {**answer.headers, "content-length": str(len(answer.body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{lines}\r\n".encode() + answer.body)
        await writer.drain()
