"""Metrics text is read whole and strictly, and a number that is none never reaches a gate."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.providers.metrics.exposition import BadExposition, parse

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(lambda name: not name.endswith(("_created", "_bucket", "_total")))
LABELS = st.dictionaries(st.sampled_from(["side", "code", "path"]), st.text(max_size=12), max_size=3)


def written(name: str, labels: dict[str, str], value: float) -> str:
    escaped = {key: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, text in labels.items()}
    inner = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    return f"{name}{{{inner}}} {value!r}"


@given(st.dictionaries(st.tuples(NAMES, LABELS.map(lambda labels: tuple(sorted(labels.items())))), st.floats(0, 1e12), max_size=20))
def test_samples_come_back_with_their_labels_summed(samples: dict) -> None:
    lines = [written(name, dict(labels), value) for (name, labels), value in samples.items()]
    wanted: dict[str, float] = {}
    for (name, _), value in samples.items():
        wanted[name] = wanted.get(name, 0.0) + value
    values = parse("\n".join(lines)).values
    assert {name: values[name] for name in wanted} == pytest.approx(wanted)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadExposition):
        assert all(math.isfinite(value) for value in parse(text).values.values())


@given(
    st.lists(
        st.sampled_from(
            ["a 1", "a_total 2", "# EOF", 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', "b NaN", "# TYPE a counter", "a{", "\x00"]
        )
    )
)
def test_lines_in_any_order_are_read_or_refused(lines: list[str]) -> None:
    with contextlib.suppress(BadExposition):
        assert "b" not in parse("\n".join(lines)).values


@pytest.mark.parametrize(
    "text",
    [
        "resolved_ok 7",
        "resolved_ok_total 7",
        "# TYPE resolved_ok counter\nresolved_ok_total 7\n# EOF",
        '# HELP resolved_ok x\n# TYPE resolved_ok_total counter\nresolved_ok_total{a="1"} 3 1700000000\nresolved_ok_total{a="2"} 4',
        'resolved_ok_total 7 # {trace="x"} 1 1700000000.5',
        "resolved_ok_total\t7.0e0\r\n",
    ],
)
def test_a_counter_stands_under_its_plain_name(text: str) -> None:
    assert parse(text).values["resolved_ok"] == 7


def test_a_counter_can_also_be_asked_for_with_its_ending() -> None:
    assert parse("# TYPE resolved_ok counter\nresolved_ok 7").values["resolved_ok_total"] == 7


def test_two_names_that_differ_by_the_ending_are_never_added_up() -> None:
    assert parse("resolved_ok 1\nresolved_ok_total 7").values == {"resolved_ok": 1, "resolved_ok_total": 7}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e999"])
def test_a_name_with_a_value_that_is_no_number_has_no_value(value: str) -> None:
    values = parse(f'resolved_ok{{a="1"}} 5\nresolved_ok{{a="2"}} {value}\nother 1').values
    assert values == {"other": 1}


@pytest.mark.parametrize(
    "text",
    [
        "resolved_ok",
        "resolved_ok seven",
        "resolved_ok 1_000",
        "resolved_ok 0x10",
        "resolved_ok ١",
        "9lives 1",
        "a{b=c} 1",
        'a{b="c} 1',
        'a{b="c" d="e"} 1',
        "a 1 2 3",
        "a 1\na 2",
        'a{x="1",y="2"} 1\na{y="2",x="1"} 2',
        "a_total -1",
        "# TYPE a counter\na -1",
        "# EOF\na 1",
        "<html><body>login</body></html>",
        '{"json": 1}',
        'h_bucket{le="x"} 1',
        'h_bucket{le="NaN"} 1',
        'h_bucket{le="1"} 5\nh_bucket{le="2"} 3',
        "a" * 20_000 + " 1",
    ],
)
def test_text_that_is_not_of_the_format_is_refused_whole(text: str) -> None:
    with pytest.raises(BadExposition):
        parse(f"fine 1\n{text}\n")


def test_a_reply_without_its_end_was_cut() -> None:
    with pytest.raises(BadExposition, match="cut"):
        parse("resolved_ok_total 7", needs_end=True)


def test_buckets_of_several_series_are_added_edge_by_edge() -> None:
    text = "\n".join(
        f'lat_bucket{{code="{code}",le="{le}"}} {count}'
        for code, le, count in (("a", "0.1", 1), ("a", "+Inf", 3), ("b", "0.1", 2), ("b", "+Inf", 2))
    )
    assert parse(text).buckets == {"lat": ((0.1, 3), (math.inf, 5))}


def test_buckets_whose_edges_differ_are_not_added_up() -> None:
    assert parse('lat_bucket{c="a",le="1"} 1\nlat_bucket{c="a",le="+Inf"} 1\nlat_bucket{c="b",le="2"} 1').buckets == {}


def test_a_gauge_may_be_negative_and_quantiles_are_never_added_up() -> None:
    assert parse('# TYPE heat gauge\nheat -3\nlat{quantile="0.5"} 1\nlat{quantile="0.9"} 2').values == {"heat": -3}


def test_a_hundred_thousand_lines_are_read_in_a_few_seconds() -> None:
    import time

    text = "\n".join(f'http_requests_total{{code="{n}",path="/x"}} {n}' for n in range(100_000))
    began = time.perf_counter()
    parse(text)
    assert time.perf_counter() - began < 8
