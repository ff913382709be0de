"""The alerts beside a rollout: what fires, how bad, since when, and what is silenced; as plain text, and never by colour alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
import samples

from console.desktop.pages.releases import ReleasesPage
from console.model.alerts import Alert, AlertsView
from console.model.verbs import State

SINCE = samples.NOW - timedelta(minutes=4)
DOWN = Alert("CheckoutDown", "critical", "<b>no orders</b> for 4 min", SINCE)
SLOW = Alert("SlowPages", "warning", "", SINCE, silenced=True)


def lines(found):
    shown = [line for line in found.lines if line.words.isVisible()]
    return [(line.state.accessibleName(), line.words.text(), line.since.text()) for line in shown]


def card(shown, alerts: AlertsView | None):
    update = samples.healthy()
    (view,) = update.rollouts
    page = shown(ReleasesPage, replace(update, rollouts=(replace(view, alerts=alerts),)))
    return page.rollout.alerts


def test_what_fires_is_said_with_its_severity_and_age_as_plain_text(shown):
    found = card(shown, AlertsView((DOWN, SLOW), "1 alert fires, 1 silenced", samples.NOW, "expected ones are silenced"))
    assert found.isVisible()
    assert found.head.accessibleName() == "1 alert fires, 1 silenced, beside the release"
    assert lines(found) == [
        ("fires, CheckoutDown", "critical CheckoutDown: <b>no orders</b> for 4 min", "for 4 min"),
        ("silenced, SlowPages", "warning SlowPages", "for 4 min"),
    ]
    assert not found.more.isVisible()
    assert found.quiet.text() == "expected ones are silenced"


def test_what_fires_stands_before_what_is_silenced_the_worst_first_and_the_rest_is_counted(shown):
    lag, late = replace(SLOW, name="Lag", silenced=False), replace(DOWN, name="Late")
    found = card(shown, AlertsView((SLOW, lag, DOWN, late), "3 alerts fire, 1 silenced", samples.NOW))
    assert [words.split(":")[0] for _, words, _ in lines(found)] == ["critical CheckoutDown", "critical Late", "warning Lag"]
    assert found.more.text() == "and 1 more"
    assert "warning SlowPages, for 4 min" in found.toolTip()


def test_a_long_summary_is_cut_before_the_time_since(shown, qtbot):
    found = card(shown, AlertsView((replace(DOWN, summary="no orders " * 20),), "1 alert fires", samples.NOW))
    line = found.lines[0]
    qtbot.waitUntil(lambda: line.since.width() >= line.since.sizeHint().width())
    assert "no orders no orders" in line.words.toolTip()


def test_without_a_source_of_alerts_there_is_no_card(shown):
    assert not card(shown, None).isVisible()


@pytest.mark.parametrize(
    ("view", "state"),
    [
        (AlertsView((), "no alert fires", samples.NOW), State.HEALTHY),
        (AlertsView((SLOW,), "no alert fires, 1 silenced", samples.NOW), State.HEALTHY),
        (AlertsView((DOWN,), "1 alert fires", samples.NOW), State.FAILED),
        (AlertsView((DOWN,), "1 alert fires", samples.NOW, problem="No answer in 5 s."), State.BLIND),
        (AlertsView((), "alerts not read yet", None), State.NO_DATA),
    ],
)
def test_the_mark_tells_whether_somebody_should_look(shown, view, state):
    found = card(shown, view)
    assert found.head._state is state
    assert found.quiet.isVisible() == bool(view.problem)
