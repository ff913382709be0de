"""Prints what is known of a target's database."""

from datetime import datetime

from console.cli.output import age
from console.model.database import SchemaView

_MARKS = {"good": "ok", "pending": "pending", "wrong": "wrong", "unknown": "unknown"}


def print_schema(view: SchemaView, now: datetime) -> None:
    """Print a schema line by line, each with how it is meant in a word."""
    words = f"{view.words} {view.problem}" if view.problem and view.problem not in view.words else view.words
    print(f"  database  {view.system}, {view.tool}: {words} {age(view.at, now)} old")
    for line in view.lines:
        print(f"            {_MARKS[line.light.value]:<8} {line.name}: {line.sentence}")
    if view.identity:
        pinned = "pinned by the file" if view.pinned else "not pinned by the file: name it as `identity` there"
        print(f"            identity {view.identity}, {pinned}")
