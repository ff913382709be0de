"""Freezes replayed from their records: bodies of a form that is not known tell nothing, and stop no verification."""

import json

import pytest

from console.store.projections import STOPS, WINDOWS, Replay

ADD = {"at": "2026-11-24T10:00:00.000000+00:00", "actor": "Ann", "act": {"verb": "add freeze window", "detail": {"window": {"id": "w1"}}}}
ROW = {"id": "w1", "value": json.dumps({"id": "w1"}), "removed_at": None}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{}",
        b'{"act": {}, "at": "now"}',
        b'{"act": {"verb": "add freeze window", "detail": {}}, "at": "now"}',
        b'{"act": {"verb": "stop the line", "detail": {"targets": 7}}, "at": "now"}',
        b'{"act": {"verb": "remove freeze window", "detail": {"window": null}}, "at": "now"}',
        b"\xff",
    ],
)
def test_a_record_of_a_form_that_is_not_known_tells_nothing(body: bytes):
    replay = Replay()
    replay.feed(1, json.dumps(ADD).encode())
    replay.feed(2, body)
    assert replay.differs({WINDOWS: [ROW], STOPS: []}, 2) is None
    assert replay.differs({WINDOWS: [], STOPS: []}, 2) == (1, "row: the freeze window w1 of record 1 was deleted")
