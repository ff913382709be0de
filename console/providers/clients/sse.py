"""Server-sent events cut out of a stream of bytes, as the HTML standard (section 9.2) has them."""

from collections.abc import Sequence

from console.model.errors import TooLarge

EVENT_LIMIT = 256 * 1024
"""Bytes of one event, and of a line without end."""


class EventSplitter:
    """Cuts a stream into events; comments and every field but `data` are passed over."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._open = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Return the data of the events that are complete now. Raises TooLarge for one beyond the limit."""
        found = []
        *lines, self._open = (self._open + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                found.append(b"\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(self._open) > EVENT_LIMIT:
            raise TooLarge(f"An event of {self._system} is larger than {EVENT_LIMIT // 1024} KiB and was cut off.")
        return found

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
