"""The target's panel says who is told, what became of it last, and tries it with one click."""

from dataclasses import replace
from datetime import timedelta

from console.desktop.pages.targets import TargetsPage
from console.model.errors import NotAllowed
from console.model.notes import ChannelTried, ChannelView
from console.model.views import Update
from tests.desktop import samples

CHAT = ChannelView("release chat", "slack", ("started", "done"), samples.NOW - timedelta(minutes=4), told=3)
PAGER = ChannelView(
    "on-call",
    "pagerduty",
    ("gate failed",),
    problem="The channel on-call does not permit this (HTTP 403).",
    advice="Store its key again.",
    since=samples.NOW,
    waiting=2,
    dropped=1,
)
UNUSED = ChannelView("change board", "teams", ("done",))
TOLD = replace(samples.target("basket-us"), channels=(CHAT, PAGER, UNUSED))


def box_of(shown, *targets):
    page = shown(TargetsPage, Update(targets=targets))
    page._choose("basket-us")
    return page.panel.channels


def texts(box):
    return [row._words.text() if row._words.isVisibleTo(box) else "" for row in box.rows if row.isVisibleTo(box)]


def test_each_channel_stands_with_its_last_result(shown):
    box = box_of(shown, TOLD)
    assert texts(box) == [
        "",
        "The channel on-call does not permit this (HTTP 403). 2 waiting, 1 dropped. Store its key again.",
        "not told anything from here yet",
    ]
    assert [row._mark.accessibleName() != "" for row in box.rows] == [True] * 3


def test_a_target_without_channels_shows_none(shown):
    assert not box_of(shown, samples.target("basket-us")).isVisible()


def test_a_click_sends_a_test_and_says_what_became_of_it(shown, qtbot, desk):
    desk.channels_tried = (ChannelTried("release chat", "slack", True, 0.1), ChannelTried("on-call", "pagerduty", False, 0.2, "no"))
    box = box_of(shown, TOLD)
    box.test.click()
    qtbot.waitUntil(lambda: bool(desk.called("test_channels")))
    qtbot.waitUntil(lambda: box.result.text() == "on-call did not accept the test: no.")
    assert box.test.isEnabled()


def test_a_test_that_cannot_be_sent_says_why(shown, qtbot, desk):
    desk.errors["test_channels"] = NotAllowed("The file of basket-us has no channels.")
    box = box_of(shown, TOLD)
    box.test.click()
    qtbot.waitUntil(lambda: box.result.text().startswith("The file of basket-us has no channels."))


def test_what_a_test_said_goes_with_its_target(shown, desk):
    box = box_of(shown, TOLD, samples.target("account-eu", channels=(CHAT,)))
    box.show_tried("basket-us", (ChannelTried("release chat", "slack", True, 0.1),))
    assert box.result.text() == "Every channel accepted the test."
    box.show_view("account-eu", (CHAT,))
    assert box.result.text() == ""
    box.show_tried("basket-us", ())
    assert box.result.text() == ""
