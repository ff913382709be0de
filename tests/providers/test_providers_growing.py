"""Totals over many processes never fall: what restarts, goes or comes takes nothing away and is counted once."""

import contextlib
import json
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model import promql
from console.model.errors import Malformed
from console.model.readings import MetricNames
from console.providers.metrics.growing import FORGET_S, KEPT_S
from console.providers.metrics.promreply import Series, error_words, read_answer, read_names
from console.providers.metrics.sidecounts import SideCounts

NAMES = MetricNames(("ok", "failed"), ("depth",), ("took",), frozenset({"ok", "failed"}), (("ok", "failed"),))


def series(instance: str, *samples: tuple[float, float], **labels: str) -> Series:
    return Series({"__name__": "x", "job": "shop", "instance": instance, **labels}, samples)


def counted(counts: SideCounts, now_s: float = 0.0, ages: Mapping[str, float] | None = None, **found: list[Series]) -> Mapping[str, float]:
    counts.take(found, ages or {}, now_s)
    return counts.told(now_s).values


def age(counts: SideCounts, now_s: float = 0.0) -> float:
    at = counts.told(now_s).at
    assert at is not None
    return at.timestamp()


def test_the_first_reading_is_the_origin_and_later_ones_add_what_grew() -> None:
    counts = SideCounts(NAMES, 15.0)
    assert counted(counts, ok=[series("a", (1, 100.0), (2, 101.0)), series("b", (1.5, 7.0))])["ok"] == 108
    assert counted(counts, ok=[series("a", (2, 101.0), (3, 104.0)), series("b", (1.5, 7.0), (2.5, 9.0))])["ok"] == 113


def test_a_process_that_goes_takes_nothing_away_and_one_that_comes_counts_whole() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (1, 100.0)), series("b", (1, 50.0))])
    assert counted(counts, ok=[series("a", (2, 101.0))])["ok"] == 151
    assert counted(counts, ok=[series("a", (3, 101.0)), series("c", (3, 4.0))])["ok"] == 155
    assert counted(counts, ok=[series("a", (4, 101.0)), series("b", (4, 51.0))])["ok"] == 156


def test_a_counter_that_fell_between_two_samples_of_one_reading_is_seen() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (1, 10.0))])
    assert counted(counts, ok=[series("a", (1, 10.0), (2, 12.0), (3, 0.0), (4, 30.0))])["ok"] == 42
    assert any("ok began again at 00:00:03 UTC" in note for note in counts.told(0.0).notes)
    assert counts.told(301.0).notes == ()


def test_when_one_of_a_pair_began_again_so_did_the_other_of_the_same_process_only() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (1, 100.0))], failed=[series("a", (1, 1.0)), series("b", (1, 5.0))])
    values = counted(counts, ok=[series("a", (2, 3.0))], failed=[series("a", (2, 2.0)), series("b", (2, 6.0))])
    assert values == {"ok": 103, "failed": 6 + 2 + 1}


def test_the_same_sample_counts_once_however_often_it_is_read() -> None:
    counts = SideCounts(NAMES, 15.0)
    for _ in range(3):
        assert counted(counts, ok=[series("a", (1, 5.0))])["ok"] == 5
    assert counted(counts, ok=[series("a", (0.5, 9.0))])["ok"] == 5  # another replica that is behind


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_a_name_with_a_number_that_is_none_has_no_value_until_it_has_one_again(nonsense: float) -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (1, 5.0))])
    assert "ok" not in counted(counts, ok=[series("a", (2, nonsense))])
    assert "depth" not in counted(counts, depth=[series("a", (1, nonsense)), series("b", (1, 2.0))])
    assert counted(counts, ok=[series("a", (3, 8.0))])["ok"] == 8


def test_a_name_that_is_gone_is_told_with_its_age_and_then_no_more() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, 10.0, ok=[series("a", (1000, 5.0))], failed=[series("a", (1000, 0.0))])
    counts.take({"failed": [series("a", (1100, 0.0))]}, {}, 110.0)
    assert counts.told(110.0).values["ok"] == 5
    assert age(counts, 110.0) == 1000
    assert "ok" not in counts.told(10.0 + KEPT_S + 1).values


def test_a_side_is_as_old_as_the_oldest_counter_that_a_gate_rests_on() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (90, 1.0)), series("b", (100, 1.0))], failed=[series("a", (95, 1.0))], depth=[series("a", (1, 1.0))])
    assert age(counts) == 95
    counted(counts, ages={"ok": 60.0, "failed": 99.0}, ok=[series("a", (200, 1.0))], failed=[series("a", (200, 1.0))])
    assert age(counts) == 99  # never younger than it was: what was seen stays seen


def test_a_value_is_what_the_living_say() -> None:
    counts = SideCounts(NAMES, 15.0)
    assert counted(counts, depth=[series("a", (100, 3.0)), series("b", (69, 40.0)), series("c", (80, 4.0))])["depth"] == 7
    assert "depth" not in counted(counts, depth=[])


def test_a_series_that_was_away_for_too_long_is_forgotten() -> None:
    counts = SideCounts(NAMES, 15.0)
    counted(counts, ok=[series("a", (0, 5.0)), series("b", (0, 1.0))])
    counted(counts, ok=[series("b", (FORGET_S + 1, 1.0))])
    assert counted(counts, ok=[series("b", (FORGET_S + 2, 1.0)), series("a", (FORGET_S + 2, 6.0))])["ok"] == 12


def test_histograms_are_added_up_edge_by_edge_and_not_drawn_when_their_edges_differ() -> None:
    counts = SideCounts(NAMES, 15.0)
    both = [series(each, (1, n), le=edge) for each in ("a", "b") for edge, n in (("0.1", 1.0), ("+Inf", 3.0))]
    counts.take({"took": both}, {}, 0.0)
    assert counts.told(0.0).buckets == {"took": ((0.1, 2.0), (math.inf, 6.0))}
    counts.take({"took": [*both, series("c", (1, 1.0), le="0.2")]}, {}, 0.0)
    assert counts.told(0.0).buckets == {}
    assert any("different buckets" in note for note in counts.told(0.0).notes)
    counts.take({"took": [series("a", (2, 1.0), le="none")]}, {}, 0.0)
    assert counts.told(0.0).buckets == {}


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), min_size=3, max_size=3), min_size=1, max_size=30))
def test_totals_are_what_the_processes_counted_whatever_restarts_between_scrapes(steps: list[list[tuple[bool, int]]]) -> None:
    counts, held, truth = SideCounts(NAMES, 15.0), [5, 0, 9], 14
    counted(counts, ok=[series(str(number), (0, float(value))) for number, value in enumerate(held)])
    for at, step in enumerate(steps, start=1):
        found = []
        for number, (restarts, more) in enumerate(step):
            samples = [(at - 0.5, 0.0)] if restarts else []
            held[number] = more if restarts else held[number] + more
            truth += more
            found.append(series(str(number), *samples, (float(at), float(held[number]))))
        assert counted(counts, ok=found)["ok"] == truth


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.integers()
    | st.sampled_from(["1", "NaN", "+Inf", "1e400", "0x1", "success"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["metric", "value", "values", "le"]), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(["vector", "matrix", "scalar", "string"]), st.lists(JSON, max_size=4) | JSON, st.binary(max_size=60))
def test_any_answer_is_read_or_refused(kind: str, result: object, garbage: bytes) -> None:
    whole = json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()
    for body in (whole, garbage, whole[:-3] + garbage):
        error_words(body)
        for read in (read_answer, read_names):
            with contextlib.suppress(Malformed):
                read(body, "Prometheus")


@given(st.text(alphabet="abx$side{}()[]\"'`\\,=~! #5m\n", max_size=60))
def test_any_text_is_a_query_or_is_refused_and_one_that_is_taken_cannot_leave_its_brackets(text: str) -> None:
    try:
        promql.check_query(text)
    except promql.BadQuery:
        return
    filled = promql.filled(text, 'a="b"')
    assert promql.SIDE not in filled
    assert all(selector in text and selector.endswith("}") for selector in promql.selectors(text))
    assert list(promql.selectors(f"({text})")) == list(promql.selectors(text))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("x{$side}", ["x{$side}"]),
        ('sum(x{r="}",$side}) / sum by (a) (rate(y:z{$side,b="c"}[5m]))', ['x{r="}",$side}', 'y:z{$side,b="c"}']),
        ("{__name__='x\\'',$side}", ["{__name__='x\\'',$side}"]),
    ],
)
def test_the_selectors_with_the_place_for_a_side_are_found(query: str, found: list[str]) -> None:
    assert list(promql.selectors(query)) == found


@pytest.mark.parametrize(
    "query", ["", "x", 'x{a="$side"}', "x{$side", "x{$side})", "x{$side} # c", "x{$side} + $side", 'x{a="b,$side}', "(x{$side}]"]
)
def test_a_query_that_would_not_be_that_of_one_side_is_refused(query: str) -> None:
    with pytest.raises(promql.BadQuery):
        promql.check_query(query)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('a="b"', True),
        (' a =~ "b.*" , c!="d\\"e", ', True),
        ('a="b"} or up{c="d"', False),
        ("a=b", False),
        ("", False),
        ('a="b" c="d"', False),
    ],
)
def test_matchers_are_matchers_and_nothing_else(text: str, good: bool) -> None:
    assert promql.are_matchers(text) is good
