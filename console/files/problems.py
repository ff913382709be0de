"""Mistakes in a file: how they are told, all at once, with the place and the nearest thing that was meant."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from console.model.desk import FileProblem
from console.model.errors import BadFile

Path = tuple[str | int, ...]
"""Where a value stands in a file: keys and positions from the top."""

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake before its line is known."""

    path: Path
    found: str
    wanted: str
    nearest: str = ""


class BadTargetFile(BadFile):
    """A target file with mistakes; `problems` holds every one of them, and the message tells them one a line."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        super().__init__("\n".join(told(problem) for problem in problems))
        self.problems = tuple(problems)


def told(problem: FileProblem) -> str:
    """Return a mistake as one line: `file:line: field: found X, wanted Y (did you mean Z?)`."""
    place = f"{shown(problem.path, 200)}:{problem.line}" if problem.line else shown(problem.path, 200)
    field = f"{problem.field}: " if problem.field else ""
    meant = f" (did you mean {problem.nearest}?)" if problem.nearest else ""
    return f"{place}: {field}found {problem.found}, wanted {problem.wanted}{meant}"


def shown(value: object, limit: int = SHOWN) -> str:
    """Return a value from a file for a message: short, on one line, without control characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}" for letter in text) or '""'


def dotted(path: Path) -> str:
    """Return a path as people write it: `stages[1].weight`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, "" when none is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(word[:SHOWN].lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[matches[0]] if matches else ""


def in_order(problems: Iterable[FileProblem], file: str) -> list[FileProblem]:
    """Return mistakes by line, each once, under the file's name."""
    unique = dict.fromkeys(replace(problem, path=file) for problem in problems)
    return sorted(unique, key=lambda problem: (problem.line, problem.field))
