"""Single values are read as people write them, and written as they are read."""

import contextlib
from datetime import datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.files import spelling
from console.files.spelling import Misspelled
from console.model.systems import SecretRef


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45 s", 45),
        ("15 min", 900),
        ("2 h", 7200),
        ("1 h 30 min", 5400),
        ("500 ms", 0.5),
        ("0 s", 0),
        ("15min", 900),
        (" 1.5 h ", 5400),
        ("1 d", 86_400),
    ],
)
def test_a_span_has_a_unit(text, seconds):
    assert spelling.read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "15 minutes", "-1 s", "1e999 s", "inf s", "nan s", "1 s 2", "s", "٣ s", "400 d", "1_0 s"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(Misspelled, match="span"):
        spelling.read_span(text)


@given(st.floats(0, 366 * 86_400))
def test_spans_read_back_as_written(seconds):
    assert spelling.read_span(spelling.write_span(seconds)) == seconds


@given(st.floats(0, 1))
def test_shares_read_back_as_written(share):
    assert spelling.read_share(spelling.write_share(share)) == share


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e14))
def test_numbers_read_back_as_written(number):
    assert spelling.read_number(spelling.write_number(number)) == number


@pytest.mark.parametrize(("text", "share"), [("5 %", 0.05), ("5%", 0.05), ("0.05", 0.05), ("100 %", 1), ("0", 0), ("7 %", 0.07)])
def test_a_share_is_a_part_or_per_cent(text, share):
    assert spelling.read_share(text) == share


@pytest.mark.parametrize("text", ["", "5", "101 %", "-1 %", "NaN", "inf", "x", "%", "sNaN", "1e99 %"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(Misspelled):
        spelling.read_share(text)


@pytest.mark.parametrize(("text", "weight"), [("5", 5), ("5 %", 5), ("100%", 100)])
def test_a_weight_is_whole_per_cent(text, weight):
    assert spelling.read_weight(text) == weight


@pytest.mark.parametrize("text", ["0", "101", "5.5 %", "", "%", "٥", "-5", "1000"])
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(Misspelled):
        spelling.read_weight(text)


def test_local_times_and_days():
    assert spelling.read_time("22:00") == time(22)
    assert spelling.read_time("24:00") == time(0)
    assert spelling.read_moment("2026-11-26 18:00", end=False) == datetime.fromisoformat("2026-11-26 18:00")
    assert spelling.read_moment("2026-11-26", end=False) == datetime.fromisoformat("2026-11-26 00:00")
    assert spelling.read_moment("2026-11-26", end=True) == datetime.fromisoformat("2026-11-27 00:00")
    assert [spelling.read_day(day) for day in ("mon", "Sunday", "FRI")] == [0, 6, 4]


@pytest.mark.parametrize("text", ["", "25:00", "2026-02-30", "2026-11-26 18:00+01:00", "20261126", "tomorrow", "9999-12-31", "0000-01-01"])
def test_what_is_no_local_moment_is_refused(text):
    with pytest.raises(Misspelled):
        spelling.read_moment(text, end=True)


def test_harm_is_total_failure_or_a_share_of_normal():
    assert spelling.read_harm("total failure") == 0
    assert spelling.read_harm("80 %") == 0.8
    with pytest.raises(Misspelled):
        spelling.read_harm("100 %")


@pytest.mark.parametrize("text", ["http://a", "https://a.b:8080/x?y=1", "http://[::1]:9901"])
def test_an_address_is_http(text):
    assert spelling.read_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:99999",
        "http://a b",
        "http://[",
        "file:///etc/passwd",
        "http://a#b",
        "http://a\n",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Misspelled):
        spelling.read_url(text)


@pytest.mark.parametrize(
    "text", ["http://u:p@a", "http://u@a", "http://a?token=x", "https://a/?x=1&API_KEY=2", "http://@a", "http://u:p@[", "ftp://u:p@a"]
)
def test_an_address_with_a_secret_is_refused_and_not_shown(text):
    with pytest.raises(Misspelled) as caught:
        spelling.read_url(text)
    assert caught.value.hide


def test_a_secret_is_named_and_never_given():
    assert spelling.read_secret("keyring:shop") == SecretRef("keyring", "shop")
    assert spelling.read_secret("cmd:pass show shop") == SecretRef("cmd", "pass show shop")
    for text in ("hunter2", "keyring:", "vault:x", "env:a\nb", ""):
        with pytest.raises(Misspelled) as caught:
            spelling.read_secret(text)
        assert caught.value.hide


@given(st.text(max_size=80))
def test_no_text_at_all_raises_anything_else(text):
    readers = [
        spelling.read_span, spelling.read_share, spelling.read_weight, spelling.read_number, spelling.read_limit, spelling.read_harm,
        spelling.read_time, spelling.read_day, spelling.read_url, spelling.read_secret, spelling.read_text,
        lambda value: spelling.read_moment(value, end=True),
    ]  # fmt: skip
    for read in readers:
        with contextlib.suppress(Misspelled):
            read(text)
