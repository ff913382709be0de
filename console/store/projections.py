"""Replays the records of freezes, so that a freeze row that was edited or deleted without a record is found."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from console.model.clock import from_iso, iso
from console.store.redact import redact, redact_text
from console.store.sealing import plain

Told = tuple[int, str]
WINDOWS, STOPS = "windows", "stops"
"""The names of the tables that are compared."""


class _Window(NamedTuple):
    seq: int
    value: Any
    removed_at: str
    ended_by: int


class _Stop(NamedTuple):
    seq: int
    by: str
    reason: str
    since: str
    until: str
    targets: tuple[str, ...]
    lifted_at: str
    ended_by: int


class Replay:
    """What the freezes are by the records alone."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._stops: list[_Stop] = []

    def feed(self, seq: int, body: bytes) -> None:
        """Take in a record of the kind `freeze` whose body was verified; one of a form that is not known tells nothing."""
        with suppress(KeyError, TypeError, ValueError):
            self._take(seq, json.loads(body))

    def _take(self, seq: int, fields: Any) -> None:
        act, at = fields["act"], fields["at"]
        detail = act["detail"]
        match act["verb"]:
            case "add freeze window":
                self._windows[str(detail["window"]["id"])] = _Window(seq, detail["window"], "", 0)
            case "remove freeze window":
                name = str(detail["window"]["id"])
                if name in self._windows:
                    self._windows[name] = self._windows[name]._replace(removed_at=at, ended_by=seq)
            case "stop the line":
                by, targets = str(detail.get("by", fields["actor"])), tuple(detail["targets"])
                stop = _Stop(seq, by, act["reason"], at, str(detail["until"]), targets, "", 0)
                self._stops.append(stop)
            case "lift the line":
                self._stops = [one if one.lifted_at else one._replace(lifted_at=at, ended_by=seq) for one in self._stops]
            case _:
                pass

    def differs(self, rows: Mapping[str, Sequence[Mapping[str, Any]]], size: int) -> Told | None:
        """Return the first record that the rows contradict, and how; a row that no record tells of counts for the one after the last."""
        found = [*self._window_faults(rows.get(WINDOWS, ()), size), *self._stop_faults(rows.get(STOPS, ()), size)]
        return min(found, default=None)

    def _window_faults(self, rows: Sequence[Mapping[str, Any]], size: int) -> list[Told]:
        faults: list[Told] = []
        held = {str(row["id"]): row for row in rows}
        for name, row in held.items():
            told = self._windows.get(name)
            if told is None:
                faults.append((size + 1, f"row: the freeze window {name[:80]} is in the table, and no record tells of it"))
            elif _value(row["value"]) != told.value:
                faults.append((told.seq, f"row: the freeze window {name[:80]} was edited; it differs from record {told.seq}"))
            elif _at(row["removed_at"]) != told.removed_at:
                seq = told.ended_by or told.seq
                faults.append((seq, f"row: whether the freeze window {name[:80]} holds differs from record {seq}"))
        gone = [(told.seq, name) for name, told in self._windows.items() if name not in held]
        return faults + [(seq, f"row: the freeze window {name[:80]} of record {seq} was deleted") for seq, name in gone]

    def _stop_faults(self, rows: Sequence[Mapping[str, Any]], size: int) -> list[Told]:
        faults: list[Told] = []
        left = list(self._stops)
        for row in rows:
            told = next((one for one in left if _at(row["since"]) == one.since and _stopped(row["value"]) == one[1:6]), None)
            if told is None:
                seq = next((one.seq for one in left if _at(row["since"]) == one.since), size + 1)
                faults.append((seq, "row: a stop of the line differs from its record, or has none"))
                continue
            left.remove(told)
            if _at(row["lifted_at"]) != told.lifted_at:
                seq = told.ended_by or told.seq
                faults.append((seq, f"row: whether a stop of the line holds differs from record {seq}"))
        return faults + [(one.seq, f"row: the stop of the line of record {one.seq} was deleted") for one in left]


def _value(text: Any) -> Any:
    """Return a window's value as its record holds it; whatever is no JSON differs from every record."""
    try:
        return redact(plain(json.loads(text)))
    except (ValueError, TypeError):
        return None


def _stopped(text: Any) -> tuple[str, str, str, str, tuple[str, ...]] | None:
    try:
        fields = json.loads(text)
        return (
            redact_text(fields["by"]),
            redact_text(fields["reason"]),
            _at(fields["since"]),
            _at(fields["until"]),
            tuple(redact(plain(fields["targets"]))),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _at(text: Any) -> str:
    """Return an instant as records hold it, "" for none, and the text itself when it is no instant."""
    if not text:
        return ""
    try:
        return iso(from_iso(str(text)))
    except ValueError:
        return str(text)
