"""What can be found out about a system before a target file names it."""

from dataclasses import dataclass
from datetime import datetime

from console.model.systems import Side


@dataclass(frozen=True, slots=True)
class Listing:
    """Names in order, as plain text; `more` tells how many were left out for there being too many."""

    names: tuple[str, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a query gives for one side now: the sum of its `series`, None where there are none, and when it was true.

    `problem` says in words why there is nothing, "" when there is something; `notes` are what the system said beside.
    """

    side: Side
    query: str
    value: float | None
    series: int
    at: datetime | None
    problem: str = ""
    notes: tuple[str, ...] = ()
