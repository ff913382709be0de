"""Lines of an answer that goes on, as they come: changes of a watch, and what a container prints."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine

from console.model.errors import TooLarge
from console.providers.clients.strict import malformed

Take = Callable[[bytes], None]
Stream = Callable[[Take], Coroutine[None, None, None]]
"""Sends a request and gives what it is told to take the bytes of the answer, until the other end closes it."""


async def lines_of(stream: Stream, system: str, longest: int, most: int | None = None) -> AsyncGenerator[bytes, None]:
    """Yield whole lines, and what is left at the end; raises what the stream raises.

    A line longer than `longest` bytes is Malformed, or cut there where `most` bounds the whole: past `most` bytes TooLarge is raised.
    """
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    rest, taken = bytearray(), 0

    def take(chunk: bytes) -> None:
        nonlocal taken
        taken += len(chunk)
        if most is not None and taken > most:
            raise TooLarge(f"{system} sent more than {most // 1024} KiB.")
        rest.extend(chunk)
        *whole, left = bytes(rest).split(b"\n")
        if len(left) > longest and most is None:
            raise malformed(system, "A change is larger than any object may be.")
        while len(left) > longest:
            whole.append(left[:longest])
            left = left[longest:]
        rest[:] = left
        for line in whole:
            lines.put_nowait(line)

    reading = asyncio.ensure_future(stream(take))
    try:
        while not (reading.done() and lines.empty()):
            waiting = asyncio.ensure_future(lines.get())
            await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                break
            yield waiting.result()
    finally:
        reading.cancel()
        await asyncio.wait({reading})
    if not reading.cancelled() and (error := reading.exception()) is not None:
        raise error
    if rest and most is not None:
        yield bytes(rest)
