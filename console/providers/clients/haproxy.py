"""HAProxy's runtime API: one connection for each command, read to the end."""

import asyncio
import contextlib
from dataclasses import dataclass

from console.model.errors import BadFile, TooLarge, Unreachable
from console.model.text import clean
from console.providers.clients.strict import malformed

REPLY_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a runtime API listens: a Unix socket's path, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0


def parse_address(address: str) -> Place:
    """Return the place that `unix:PATH` or `HOST:PORT` names. Raises BadFile for anything else."""
    if address.startswith("unix:") and len(address) > 5:
        return Place(path=address[5:])
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536:
        return Place(host=host, port=int(port))
    raise BadFile(
        f"{clean(address, 80)!r} is no address of a HAProxy runtime API.",
        means="Nothing was sent.",
        advice="Write unix:PATH or HOST:PORT in the target file.",
    )


class HaproxyClient:
    """Sends commands to one HAProxy. A stopped HAProxy still accepts connections, so every command has a total deadline."""

    def __init__(self, address: str, timeout_s: float) -> None:
        self._place = parse_address(address)
        self.timeout_s = timeout_s
        self.system = f"HAProxy at {clean(address, 80)}"

    async def ask(self, command: str, timeout_s: float | None = None) -> str:
        """Send one command and return its answer without the blank line that ends it; "" is success for commands that change something.

        Raises Unreachable, whose `sent` tells whether the command may have reached HAProxy; Malformed and TooLarge.
        """
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(limit_s):
                reader, writer = await self._connect()
                writer.write(f"{command}\n".encode())
                answer = await self._read(reader)
        except TimeoutError:
            raise self._lost(f"gave no complete answer in {limit_s:g} s", sent=writer is not None) from None
        except OSError as error:
            why = "closed the connection" if writer is not None else f"cannot be reached: {clean(error.strerror or 'no connection', 80)}"
            raise self._lost(why, sent=writer is not None) from None
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(0.2):
                        await writer.wait_closed()
        return self._text(answer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._place.path:
            return await asyncio.open_unix_connection(self._place.path)
        return await asyncio.open_connection(self._place.host, self._place.port)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        parts, size = [], 0
        while part := await reader.read(65536):
            size += len(part)
            if size > REPLY_LIMIT:
                raise TooLarge(
                    f"The answer of {self.system} is larger than {REPLY_LIMIT // 1024} KiB and was cut off.",
                    means="Nothing in it was used.",
                    advice="Give the console a runtime API whose backends are fewer.",
                )
            parts.append(part)
        return b"".join(parts)

    def _text(self, answer: bytes) -> str:
        # Every answer ends in a blank line: without one the connection was cut, and an empty answer would look like success.
        if not answer.endswith(b"\n"):
            raise self._lost("closed the connection before its answer was complete", sent=True)
        try:
            text = answer.decode("utf-8")
        except UnicodeDecodeError:
            raise malformed(self.system, "The answer is not text.") from None
        return text.strip("\n")

    def _lost(self, why: str, *, sent: bool) -> Unreachable:
        return Unreachable(
            f"{self.system} {why}.",
            sent=sent,
            means="A change may have taken effect; reading back will tell." if sent else "Nothing was sent.",
            advice="Check that it is running, that its stats socket has level admin, and that this console may reach it.",
        )
