"""A log that grows at the other end, read on from where it was left."""

from collections.abc import Sequence

from console.model.clock import Clock
from console.model.readings import LogLine
from console.providers.clients.output import Keeper, LineSplitter


class TailedLog:
    """Cuts what comes of a log into lines of a stage; `offset` is how many bytes of it were read."""

    def __init__(self, stage: str, clock: Clock) -> None:
        self._stage, self._clock = stage, clock
        self._splitter, self._keeper = LineSplitter(), Keeper(self._tell)
        self._found: list[LogLine] = []
        self.offset = 0
        self.ended = False

    @property
    def count(self) -> int:
        """Return how many lines were printed so far."""
        return self._keeper.count

    def feed(self, data: bytes) -> Sequence[LogLine]:
        """Return the lines that are complete now."""
        self.offset += len(data)
        for line in self._splitter.feed(data):
            self._keeper.add(line)
        return self._taken()

    def end(self) -> Sequence[LogLine]:
        """Return what is left, once nothing more comes."""
        if not self.ended:
            self.ended = True
            for line in self._splitter.rest():
                self._keeper.add(line)
            self._keeper.end()
        return self._taken()

    def _tell(self, number: int, text: str) -> None:
        self._found.append(LogLine(self._stage, number, text, self._clock.now()))

    def _taken(self) -> Sequence[LogLine]:
        found, self._found = self._found, []
        return found
