"""A command's output cut into clean lines, and no more of them kept than a person can read."""

from collections import deque
from collections.abc import Callable, Sequence

from console.model.text import clean_bytes

LINE_LIMIT = 2_000
"""Characters kept of one line."""

KEPT_FIRST = 4_000
KEPT_LAST = 1_000

_BYTES_LIMIT = LINE_LIMIT * 4


class LineSplitter:
    """Cuts a stream of bytes into lines; a line without end is cut at a bound and the rest of it is dropped."""

    def __init__(self) -> None:
        self._open = b""
        self._pending = False

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Return the lines that are complete now."""
        pieces = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines = []
        for piece in pieces[:-1]:
            lines.append(self._line(piece))
            self._open, self._pending = b"", False
        self._open = (self._open + pieces[-1])[: _BYTES_LIMIT + 1]
        self._pending = self._pending or bool(pieces[-1])
        return lines

    def rest(self) -> Sequence[bytes]:
        """Return the last line where it has no end."""
        return [self._line(b"")] if self._pending else []

    def _line(self, piece: bytes) -> bytes:
        return (self._open + piece)[: _BYTES_LIMIT + 1] if self._open else piece[: _BYTES_LIMIT + 1]


class Keeper:
    """Passes on the first lines as they come and holds the last ones until the end, where errors stand; says how many fell between.

    Lines are cleaned only when they are passed on, so that a command that prints millions does not keep the loop busy.
    """

    def __init__(self, tell: Callable[[int, str], None]) -> None:
        self._tell = tell
        self._last: deque[tuple[int, bytes]] = deque(maxlen=KEPT_LAST)
        self.count = 0

    def add(self, line: bytes) -> None:
        """Take a line in."""
        self.count += 1
        if self.count <= KEPT_FIRST:
            self._tell(self.count, clean_bytes(line, LINE_LIMIT))
        else:
            self._last.append((self.count, line))

    def end(self) -> None:
        """Pass on what was held back."""
        dropped = self.count - KEPT_FIRST - len(self._last)
        if dropped > 0:
            self._tell(self.count - len(self._last), f"… {dropped} lines are not kept …")
        for number, line in self._last:
            self._tell(number, clean_bytes(line, LINE_LIMIT))
        self._last.clear()
