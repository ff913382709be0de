"""The strict JSON loader takes what RFC 8259 has, and nothing that could mean two things."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.errors import Malformed
from console.providers.clients.strict import field, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_every_json_value_comes_back_as_it_was(value: object) -> None:
    assert load_json(json.dumps(value).encode(), "Shop") == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        json.dumps(load_json(data, "Shop"), allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"[-Infinity]",
        b"1e999",
        b"9" * 5000,
        b'{"a": 1, "a": 2}',
        b'{"x": [{"b": 0, "b": 0}]}',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b"[" * 100 + b"]" * 100,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{'a': 1}",
        b"[1,]",
        b"true false",
        b"<html>login</html>",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load_json(body, "Shop")
    assert caught.value.message.startswith("Shop answered something unexpected")
    assert len(caught.value.message) < 300


def test_a_field_must_be_there_and_of_its_kind() -> None:
    assert field({"percent": 5}, "percent", (int, float), "Shop") == 5
    for value in ({}, {"percent": "5"}, {"percent": True}, [5], None):
        with pytest.raises(Malformed):
            field(value, "percent", (int, float), "Shop")
