"""What freezes a target, in which order, and how the blackout closes and opens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.freeze import Blackout, FreezeWindow, OneOff, StopTheLine, TrafficNow
from console.policy.calendar import Calendar
from console.policy.freezing import CalendarHealth, Restraints, freeze_state, traffic_now

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
BLACKOUT = Blackout("http_requests", 800.0)


def window(start: str, end: str, zone: str = "UTC", name: str = "Sale", targets: tuple[str, ...] = ()) -> FreezeWindow:
    return FreezeWindow(name, name, "Rita", "busy", zone, OneOff(datetime.fromisoformat(start), datetime.fromisoformat(end)), targets)


EVERYTHING = Restraints(
    Calendar((window("2026-11-27", "2026-11-28"), window("2026-11-29", "2026-11-30", name="Next")), NOW - timedelta(days=1)),
    (StopTheLine("Ana", "payments fail", NOW),),
    TrafficNow(0.9, closed=True, at=NOW, peak_per_min=800),
    CalendarHealth("unreadable"),
)


def test_the_worst_reason_is_named_first():
    without_stop = replace(EVERYTHING, stops=())
    without_window = replace(without_stop, calendar=Calendar((), NOW))
    without_blackout = replace(without_window, traffic=None)
    without_all = replace(without_blackout, health=CalendarHealth())
    kinds = [freeze_state("shop", NOW, r).kind for r in (EVERYTHING, without_stop, without_window, without_blackout, without_all)]
    assert kinds == ["stop the line", "window", "blackout", "calendar broken", ""]


def test_a_frozen_target_says_who_until_when_and_what_comes_next():
    state = freeze_state("shop", NOW, replace(EVERYTHING, stops=()))
    assert (state.name, state.owner, state.reason, state.zone) == ("Sale", "Rita", "busy", "UTC")
    assert state.until == datetime(2026, 11, 28, tzinfo=UTC)
    assert (state.next_name, state.next_start) == ("Next", datetime(2026, 11, 29, tzinfo=UTC))


def test_a_window_whose_zone_is_unknown_here_freezes_what_it_covers():
    calendar = Calendar((window("2026-11-27", "2026-11-28", "Europe/Atlantis", targets=("shop",)),), NOW)
    assert freeze_state("shop", NOW, Restraints(calendar)).kind == "calendar broken"
    assert not freeze_state("search", NOW, Restraints(calendar)).frozen


def test_a_stop_ends_by_itself_and_covers_only_its_targets():
    stop = StopTheLine("Ana", "x", NOW, NOW + timedelta(minutes=10), ("shop",))
    restraints = Restraints(Calendar((), NOW), (stop,))
    assert freeze_state("shop", NOW, restraints).until == stop.until
    assert not freeze_state("search", NOW, restraints).frozen
    assert not freeze_state("shop", NOW + timedelta(minutes=10), restraints).frozen


def test_of_several_stops_the_one_without_an_end_counts():
    stops = (StopTheLine("Ana", "x", NOW, NOW + timedelta(minutes=10)), StopTheLine("Leo", "y", NOW), StopTheLine("Mia", "z", NOW, NOW))
    state = freeze_state("shop", NOW, Restraints(Calendar((), NOW), stops))
    assert (state.owner, state.until) == ("Leo", None)


def test_a_calendar_is_trusted_for_a_day():
    fresh = Restraints(Calendar((), NOW), health=CalendarHealth(read_at=NOW - timedelta(hours=24)))
    assert not freeze_state("shop", NOW, fresh).frozen
    assert freeze_state("shop", NOW + timedelta(seconds=1), fresh).reason == "the calendar was last read 24 h ago"


def test_a_blackout_closes_at_the_upper_and_opens_under_the_lower_threshold():
    closed, traffic = [], TrafficNow(0.1, closed=False, at=NOW, peak_per_min=800)
    for rate in (500, 600, 639, 640, 600, 570, 560, 559, 600, 639, 640):
        traffic = traffic_now(BLACKOUT, traffic, rate, NOW)
        closed.append(traffic.closed)
    assert closed == [False, False, False, True, True, True, True, False, False, False, True]


def test_traffic_that_is_not_known_is_closed_and_stays_so_between_the_thresholds():
    unknown = traffic_now(BLACKOUT, TrafficNow(0.1, closed=False, at=NOW, peak_per_min=800), None, NOW)
    assert unknown.share is None
    assert unknown.closed
    assert traffic_now(BLACKOUT, unknown, 600, NOW).closed
    assert traffic_now(BLACKOUT, None, 600, NOW).closed
    assert not traffic_now(BLACKOUT, None, 500, NOW).closed
    assert "traffic unknown" in freeze_state("shop", NOW, Restraints(Calendar((), NOW), traffic=unknown)).reason


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0])
def test_a_rate_that_is_no_number_is_unknown(rate):
    assert traffic_now(BLACKOUT, None, rate, NOW).share is None


@given(st.lists(st.none() | st.floats(0, 2000), max_size=30))
def test_a_blackout_is_never_open_above_the_upper_threshold(rates):
    traffic = None
    for rate in rates:
        traffic = traffic_now(BLACKOUT, traffic, rate, NOW)
        assert traffic.closed or (rate is not None and rate / 800 < 0.8)
        assert not traffic.closed or rate is None or rate / 800 >= 0.7
