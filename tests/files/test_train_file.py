"""A train file is read whole: every mistake at once, with its line, and the key that was meant."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.files.trainfile import load_train, read_train, train_of
from console.model.errors import BadFile
from console.model.train import Member, TrainPlan, Until

GOOD = b"""
name: autumn
services:
  - {target: db, version: 5.10, until: gate}
  - target: web
    version: "2026-11"
    after: [db]
  - {target: mail, version: no, after: db}
"""


def test_a_good_file_is_its_train() -> None:
    members = (Member("db", "5.10", (), Until.GATE), Member("web", "2026-11", ("db",)), Member("mail", "no", ("db",)))
    assert read_train(GOOD, "release.yaml") == TrainPlan("autumn", members)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("- a", ["r.yaml:1: found a list, wanted a mapping with `name` and `services`"]),
        (
            "name: x\nservices: []",
            ["r.yaml:2: services: found a list, wanted a list of services, each with `target` and `version`"],
        ),
        (
            "nmae: x\nservices:\n- {target: db, version: 1, untill: done}\n- {target: web}\n- {target: api, version: 1, until: gates}",
            [
                "r.yaml:1: name: found nothing, wanted a text: the key is required",
                "r.yaml:1: nmae: found the key nmae, wanted a known key (did you mean name?)",
                "r.yaml:3: services[0].untill: found the key untill, wanted a known key (did you mean until?)",
                "r.yaml:4: services[1].version: found nothing, wanted a text: the key is required",
                "r.yaml:5: services[2].until: found gates, wanted done or gate (did you mean gate?)",
            ],
        ),
        (
            "name: x\nservices:\n  - {target: a, version: 1, after: [b]}\n  - {target: b, version: 1, after: [a]}",
            [
                "r.yaml:2: services: found a, b wait for each other in a circle: none of them could start, wanted an order",
            ],
        ),
        (
            "name: x\nservices:\n  - {target: a, version: 1, after: [z]}",
            ["r.yaml:2: services: found a waits for z, which is not in the train, wanted an order that can be kept"],
        ),
        ("name: x\nservices:\n  - {target: a, version: 1, after: {b: c}}", ["r.yaml:3: services[0].after: found a mapping, wanted a list"]),
    ],
)
def test_every_mistake_is_told_with_its_line(text: str, lines: list[str]) -> None:
    with pytest.raises(BadFile) as caught:
        read_train(text.encode(), "r.yaml")
    told = caught.value.message.splitlines()
    assert len(told) == len(lines), told
    assert all(found.startswith(line) for found, line in zip(told, lines, strict=True)), told


def test_options_make_a_chain_in_their_order() -> None:
    assert train_of(["db=1", "web=2=x"], "") == TrainPlan("db and 1 more", (Member("db", "1"), Member("web", "2=x", ("db",))))
    for bad in (["db"], ["=1"], ["db="], ["db=1", "db=2"]):
        with pytest.raises(BadFile):
            train_of(bad, "x")


def test_a_file_that_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        load_train(tmp_path / "none.yaml")


@given(st.binary(max_size=200) | st.text(alphabet="name: services[]{}-\n \taftruil,*&!\"'", max_size=200).map(str.encode))
def test_any_bytes_are_a_train_or_mistakes_in_words(data: bytes) -> None:
    with suppress(BadFile):
        assert read_train(data, "r.yaml").members
