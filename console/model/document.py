"""A document for people, before it is written as a page, as a PDF, or shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document: lines of text, then a table where `head` is not empty. Whoever prints it escapes it."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: Iterable[Sequence[str]] = ()
