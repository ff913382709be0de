"""The readiness light in a terminal: the seconds now, those after the next stage or instant, and the reasons."""

from datetime import UTC, datetime, timedelta

import pytest

from console.cli.light import light_words, print_light
from console.model.readiness import Light, Readiness, ReadyItem, Then

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
READY = ReadyItem("old version", Light.READY, "v17 runs and is healthy.")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (None, "ready, about 41 s"),
        (Then("contract 118", 540.0, stage=3), "ready, about 41 s; then 540 s, from stage 3 (contract 118)"),
        (
            Then("contract 118", None, NOW + timedelta(minutes=4), 3),
            "ready, about 41 s; then hold only, from stage 3, in 240 s at the earliest (contract 118)",
        ),
        (Then("old pods", 540.0, NOW + timedelta(seconds=24)), "ready, about 41 s; then 540 s, in 24 s (old pods)"),
    ],
)
def test_the_light_says_what_the_way_back_takes_now_and_then(then, words):
    assert light_words(Readiness(Light.READY, (READY,), 41.0, NOW, then=then), NOW) == words


def test_every_reason_has_its_line(capsys):
    print_light(Readiness(Light.READY, (READY,), 41.0, NOW), NOW)
    assert capsys.readouterr().out.splitlines() == [
        "The way back is ready, about 41 s:",
        "  old version: ready. v17 runs and is healthy.",
    ]
