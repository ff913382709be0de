"""Replies unpacked while they stream, so that a small compressed reply can never fill the memory."""

import zlib

from console.model.errors import TooLarge
from console.providers.clients.strict import malformed

_GZIP_OR_ZLIB = 47  # zlib's window bits that detect either header


class Unpacker:
    """Collects a body of at most `limit` decoded bytes; gzip and deflate are unpacked piece by piece, never beyond the limit."""

    def __init__(self, encoding: str, limit: int, system: str) -> None:
        self._limit = limit
        self._system = system
        self._parts: list[bytes] = []
        self._size = 0
        name = encoding.strip().lower()
        if name not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise malformed(system, "The reply is packed in a way that was not asked for.")
        self._zip = None if name in {"", "identity"} else zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, chunk: bytes) -> None:
        """Take in bytes as they come. Raises TooLarge beyond the limit, Malformed when they cannot be unpacked."""
        if self._zip is None:
            self._keep(chunk)
            return
        try:
            self._keep(self._zip.decompress(chunk, self._limit - self._size + 1))
        except zlib.error:
            raise malformed(self._system, "The packed reply is damaged.") from None

    def finish(self) -> bytes:
        """Return the whole body. Raises Malformed when a packed body ends too early."""
        if self._zip is not None and self._parts and not self._zip.eof:
            raise malformed(self._system, "The packed reply ends too early.")
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLarge(
                f"The reply of {self._system} is larger than {self._limit // 1024} KiB and was cut off.",
                means="Nothing in it was used.",
                advice="Narrow the address down to what is needed, for instance with a filter.",
            )
        self._parts.append(part)
