"""Remote text cannot act, grow or break a line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.text import clean, clean_bytes, without


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(1, 300))
def test_nothing_that_acts_is_left_and_the_bound_holds(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in shown)
    shown.encode("utf-8")


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.binary(max_size=500))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    assert len(clean_bytes(data)) <= 200


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("pay\u202etxt.exe", "pay\\u202etxt.exe"),
        ("a\x00b", "a\\x00b"),
        ("one\r\ntwo\tthree", "one two three"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("\ud800", "\\ud800"),
        ("Größe 5 €", "Größe 5 €"),
    ],
)
def test_what_acts_is_removed_or_written_out(remote: str, shown: str) -> None:
    assert clean(remote) == shown


def test_a_line_of_five_megabytes_is_cut() -> None:
    assert clean("x" * 5_000_000, 10) == "x" * 9 + "…"


def test_an_echoed_secret_is_hidden() -> None:
    assert without("bad token s3cret!", "s3cret") == "bad token ***!"
