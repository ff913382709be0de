"""Weights in a YAML text are changed one by one, and nothing else of it is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.providers.traffic.traefik_file import NotWeighted, change_weights, read_weights

BLOCK = "http:\n services:\n  shop:\n   weighted:\n    services:\n"


def flow(services: str) -> str:
    return f"http: {{services: {{shop: {{weighted: {{services: [{services}]}}}}}}}}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (flow("{name: blue, weight: 100}, {name: green, weight: 0}"), flow("{name: blue, weight: 95}, {name: green, weight: 5}")),
        (flow("{weight: 100, name: blue}, {name: green}"), flow("{weight: 95, name: blue}, {weight: 5, name: green}")),
        (
            BLOCK + "    - name: blue # one\n    -   name: green\n        weight: 7 # two\n",
            BLOCK + "    - weight: 95\n      name: blue # one\n    -   name: green\n        weight: 5 # two\n",
        ),
    ],
)
def test_weights_are_changed_where_they_stand_and_written_where_they_do_not(before: str, after: str) -> None:
    assert change_weights(before, "shop", {"blue": 95, "green": 5}) == after


def test_a_weight_that_is_not_written_counts_one() -> None:
    assert read_weights(flow("{name: blue}, {name: green, weight: 3}"), "shop") == {"blue": 1, "green": 3}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http: [", "no YAML"),
        ("{{ if }}\n", "no YAML|mapping"),
        ("", "no mapping"),
        ("a: 1\n---\nb: 2\n", "no YAML"),
        ("http: {}\n", "has no http.services.services|has no services"),
        (flow("&x {name: blue}, {name: green}"), "anchor &x"),
        ("all: &x {name: blue, weight: 1}\n" + flow("*x, {name: green, weight: 2}"), "an alias"),
        (flow('{name: blue, weight: "{{ 5 }}"}, {name: green}'), "blue is no whole number"),
        (flow("{name: blue, weight: 1.5}, {name: green}"), "blue is no whole number"),
        (flow("{name: blue, weight: }, {name: green}"), "blue is no whole number"),
        (flow("{name: blue, name: green}, {name: green}"), "a key stands twice|no YAML"),
        (flow("{name: blue}, {name: blue}"), "no name of its own"),
        (flow("{name: blue}"), "does not lead to green"),
        (flow(""), "leads to nothing"),
        ("http: {services: {shop: {loadBalancer: {}}}}\n", "has no weighted"),
        ("http: {services: {shop: 1}}\n", "a mapping was expected"),
    ],
)
def test_a_text_in_which_they_cannot_be_changed_alone_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotWeighted, match=why):
        change_weights(text, "shop", {"blue": 95, "green": 5})


@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029\x85"), max_size=30),
)
def test_what_is_written_is_read_and_every_other_line_stays(blue: int, green: int, comment: str) -> None:
    text = f"# {comment}\nhttp:\n  services:\n    shop:\n      weighted:\n        services:\n"
    text += f"          - {{name: blue, weight: 100}} # {comment}\n          - name: green\n            weight: 0\n    # {comment}\n"
    changed = change_weights(text, "shop", {"blue": blue, "green": green})
    assert read_weights(changed, "shop") == {"blue": blue, "green": green}
    assert len(changed.splitlines()) == len(text.splitlines())
    assert sum(old != new for old, new in zip(text.splitlines(), changed.splitlines(), strict=True)) == (blue != 100) + (green != 0)


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["http:", " services:", "  shop: ", "&a ", "*a", "- ", "{", "}", "weight: 1", "\n", "name: b"])).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    for act in (lambda: read_weights(text, "shop"), lambda: change_weights(text, "shop", {"b": 1})):
        with contextlib.suppress(NotWeighted):
            act()
