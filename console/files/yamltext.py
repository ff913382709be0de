"""YAML 1.2 text as a plain tree of strings with the line of each value; what could surprise a reader is refused.

No aliases, anchors, tags or duplicate keys, one document, bounded size and depth. Scalars stay the text they are, so that `no`, `1.10` and
`22:00` mean what they say; only an empty value or `~` is None.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from console.files.problems import Path, dotted, shown
from console.model.desk import FileProblem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_NODES = 20_000

Tree = dict[str, Any] | list[Any] | str | None


@dataclass(slots=True)
class Parsed:
    """What a text says: `tree`, the line of each path (from 1), and the mistakes of form that were met."""

    tree: Tree = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest place above it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Stop(Exception):  # not an error: the reading ends here, and `problems` says why
    """The rest of the text is not read."""


def parse(data: bytes) -> Parsed:
    """Read a text; mistakes of form stand in `problems`, and nothing is raised for any bytes."""
    parsed = Parsed()
    if len(data) > MAX_BYTES:
        _add(parsed, 0, (), f"more than {MAX_BYTES // 1024} KiB", f"at most {MAX_BYTES // 1024} KiB")
        return parsed
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _add(parsed, data.count(b"\n", 0, error.start) + 1, (), f"the byte {data[error.start]:#04x}", "UTF-8 text")
        return parsed
    try:
        _Reader(parsed, YAML(typ="safe", pure=True).parse(text)).document()
    except _Stop:
        pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _add(parsed, mark.line + 1 if mark else 1, (), shown(error.problem or error.context or "broken YAML", 120), "YAML 1.2")
    except (YAMLError, ValueError, RecursionError, AttributeError, IndexError, AssertionError) as error:
        _add(parsed, 1, (), shown(str(error).splitlines()[0] if str(error) else "broken YAML", 120), "YAML 1.2")
    return parsed


def _add(parsed: Parsed, line: int, path: Path, found: str, wanted: str) -> None:
    parsed.problems.append(FileProblem("", line, dotted(path), found, wanted))


class _Reader:
    """Builds the tree from the parser's events, which never recurse and never expand anything."""

    def __init__(self, parsed: Parsed, events: Iterator[Event]) -> None:
        self._parsed = parsed
        self._events = events
        self._nodes = 0

    def document(self) -> None:
        """Read the one document."""
        started = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if started:
                    raise self._stop(event, (), "a second document", "one document")
                started = True
            elif isinstance(event, NodeEvent):
                self._parsed.lines[()] = event.start_mark.line + 1
                self._parsed.tree = self._node(event, ())

    def _node(self, event: Event, path: Path) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._stop(event, path, f"more than {MAX_NODES} values", "a smaller file")
        if len(path) > MAX_DEPTH:
            raise self._stop(event, path[:3], f"more than {MAX_DEPTH} levels", "a flatter file")
        self._refuse_surprises(event, path)
        if isinstance(event, ScalarEvent):
            plain = event.style is None
            return None if plain and event.value in {"", "~", "null"} else str(event.value)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        return None

    def _refuse_surprises(self, event: Event, path: Path) -> None:
        if isinstance(event, AliasEvent):
            self._problem(event, path, f"the alias *{shown(event.anchor)}", "the value itself: aliases are not read")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._problem(event, path, f"the anchor &{shown(event.anchor)}", "the value alone: anchors are not read")
        if getattr(event, "tag", None) is not None:
            self._problem(event, path, f"the tag {shown(getattr(event, 'tag', ''))}", "the value alone: tags are not read")

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            item = (*path, len(items))
            self._parsed.lines[item] = event.start_mark.line + 1
            items.append(self._node(event, item))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event, path)
            value = next(self._events)
            place = (*path, key)
            if key in entries:
                self._problem(event, place, "the key a second time", "each key once")
                self._node(value, place)
                continue
            self._parsed.lines[place] = event.start_mark.line + 1
            entries[key] = self._node(value, place)
        return entries

    def _key(self, event: Event, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            raise self._stop(event, path, "a key that is no text", "keys that are words")
        self._refuse_surprises(event, path)
        return str(event.value)

    def _problem(self, event: Event, path: Path, found: str, wanted: str) -> None:
        _add(self._parsed, event.start_mark.line + 1, path, found, wanted)

    def _stop(self, event: Event, path: Path, found: str, wanted: str) -> _Stop:
        self._problem(event, path, found, wanted)
        return _Stop()
