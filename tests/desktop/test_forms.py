"""Numbers, spans and instants are written the same way everywhere."""

from datetime import timedelta

import pytest

from console.desktop import forms
from tests.desktop.samples import NOW


@pytest.mark.parametrize(("value", "words"), [(5.0, "5 %"), (4.93, "4.9 %"), (0.0, "0 %"), (99.96, "100 %"), (12.08, "12.1 %")])
def test_shares(value, words):
    assert forms.per_cent(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(9, "9 s"), (262, "4 min 22 s"), (900, "15 min"), (7500, "2 h 5 min"), (198000, "2 d 7 h"), (-3, "0 s")]
)
def test_spans(seconds, words):
    assert forms.span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(11, "0:11"), (10.2, "0:11"), (0, "0:00"), (-4, "0:00"), (2698, "44:58"), (3723, "1:02:03")]
)
def test_countdowns_never_say_less_than_is_left(seconds, words):
    assert forms.countdown(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (1, "1 s"), (240, "4 min"), (7300, "2 h"), (200000, "2 d")])
def test_ages(seconds, words):
    assert forms.age(seconds) == words


@pytest.mark.parametrize(("value", "words"), [(112.5, "EUR 113"), (45000, "EUR 45,000"), (0, "EUR 0")])
def test_money_is_rounded_to_the_whole_unit(value, words):
    assert forms.amount("EUR", value) == words


@pytest.mark.parametrize(("value", "words"), [(9.5, "9.5"), (102, "102"), (2480.0, "2,480"), (1.0, "1")])
def test_evidence(value, words):
    assert forms.short(value) == words


def test_a_time_today_needs_no_day():
    assert forms.day_minute(NOW, NOW) == forms.minute(NOW)
    assert forms.day_minute(NOW + timedelta(days=2), NOW).startswith("Thu ")
    assert forms.day_minute(NOW + timedelta(days=30), NOW).startswith("24 Dec ")


def test_the_zone_has_a_short_name(monkeypatch):
    forms.zone_name.cache_clear()
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert forms.zone_name() == "Berlin"
    forms.zone_name.cache_clear()
