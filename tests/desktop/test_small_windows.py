"""What is shown where there is little room: no words cut in half, and nothing promised that will not be done."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from console.desktop import theme
from console.desktop.widgets.autoact import AutoActCard
from console.desktop.widgets.badges import Badge
from console.desktop.widgets.bottombar import BottomBar
from console.desktop.widgets.chart import AXIS_HIGH, ChartCard, Plot
from console.model.readiness import Light
from console.model.verbs import State
from tests.desktop import samples


@pytest.fixture
def made(qtbot):
    """Make a widget, give it a size and show it."""

    def make(widget, *size):
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        return widget

    return make


def rollout(light=None):
    return samples.incident().rollouts[0] if light is None else samples.lit(light).rollouts[0]


@pytest.mark.parametrize("high", [120, 140, 218, 400])
def test_a_markers_word_is_whole_and_lies_over_no_line(made, high):
    view = rollout()
    card = made(ChartCard(), 204, high)
    card.show_view(view.charts[-1], view.markers)
    plot, half = card._plot, theme.line_height("caption") / 2
    axis = AXIS_HIGH if plot.getPlotItem().getAxis("bottom").isVisible() else 0
    room = plot.height() - axis - 2
    low, top = plot.getPlotItem().getViewBox().viewRange()[1]
    highest = max(float(np.nanmax(line.getData()[1])) for line in plot._lines.values())
    middle = (1 - plot._word_place()) * room
    assert card.marker_words == ("5 %",)
    assert middle - half >= 0
    assert middle + half <= (top - highest) / (top - low) * room


def test_past_the_point_of_no_return_no_rollback_by_itself_is_promised(made):
    card = made(AutoActCard(), 404, 400)
    card.show_view(rollout())
    assert card._words.text() == "Rolls back by itself in"
    card.show_view(rollout(Light.SHUT))
    assert card._words.text() == "Rolls back, or asks you, in"


def test_the_card_says_the_seconds_that_the_light_says(made):
    card = made(AutoActCard(), 404, 400)
    card.show_view(rollout(Light.READY))
    assert sum(row.predicted_s for row in rollout(Light.READY).sends) > 300
    assert card._total.text() == "41 s all"


def test_the_bar_drops_a_word_before_it_cuts_the_weight(made):
    bar = made(BottomBar(), 1180, 60)
    bar.show_verbs("checkout-eu, 5 % canary", {}, failing=False)
    assert bar._subject.text() == "checkout-eu, 5 % canary"
    bar.show_verbs("checkout-europe-west, 25 % canary", {}, failing=False)
    assert bar._subject.text() == "checkout-europe-west, 25 %"


def test_a_badge_leaves_a_second_part_out_that_would_be_dots(made):
    wide, narrow = (made(Badge(), width, 20) for width in (220, 128))
    alone = made(Badge(), 128, 20)
    for badge in (wide, narrow):
        badge.show_badge(State.HEALTHY, "Rollback ready", "41 s until 10:50", "ok")
    alone.show_badge(State.HEALTHY, "Rollback ready", "", "ok")
    assert narrow.grab().toImage() == alone.grab().toImage()
    assert wide.grab().toImage() != alone.grab().toImage()
    assert narrow.accessibleName() == "Rollback ready, 41 s until 10:50"


def test_on_a_small_screen_the_window_fits_the_pages_scroll_and_the_bar_stays(opened):
    inside = opened(samples.incident(), size=(860, 690))
    inside.go("releases", "R-2291")
    window = inside.window
    assert window.minimumWidth() <= window.screen().availableSize().width()
    assert window.width() == 860
    bar = window.bottom
    assert all(button.mapTo(window, button.rect().bottomRight()).x() < 860 for button in bar.buttons.values())
    assert window.stack.width() > 860


@pytest.mark.parametrize("key", ["releases", "audit", "calendar", "settings"])
def test_a_page_fits_into_a_window_of_1100_without_scrolling_sideways(opened, key):
    inside = opened(samples.incident(), size=(1100, 700))
    inside.go(key)
    stack = inside.window.stack
    assert stack.width() <= 1100 - theme.size("rail") - 2 * 3
    assert stack.currentWidget().minimumSizeHint().width() <= stack.width()


def test_the_wizard_over_many_targets_fits_a_window_of_1100_with_next_in_sight(opened):
    inside = opened(replace(samples.incident(), targets=samples.fleet(40)), size=(1100, 700))
    inside.go("targets", "connect:")
    page, stack = inside.pages["targets"], inside.window.stack
    assert stack.width() <= 1100 - theme.size("rail") - 2 * 3
    assert page.wizard.next.mapTo(inside.window, page.wizard.next.rect().bottomRight()).x() < 1100


def test_tab_stops_at_no_chart_and_at_no_area_that_only_scrolls(opened):
    inside = opened(samples.incident(), size=(1100, 700))
    inside.go("releases", "R-2291")
    stops = [each for each in inside.window.findChildren(QWidget) if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert len(stops) > 10
    assert not [each for each in stops if isinstance(each, QScrollArea) or isinstance(each.parent(), Plot)]
