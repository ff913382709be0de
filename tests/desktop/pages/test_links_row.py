"""Links to dashboards beside a rollout: they open at its time, in the browser, and nothing but http and https is ever opened."""

from dataclasses import replace

import samples
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices

from console.desktop.pages.links_row import open_in_browser
from console.desktop.pages.releases import ReleasesPage
from console.model.links import Link

LINKS = tuple(Link(name, f"https://grafana.example/d/{name}") for name in ("one", "two", "three", "four"))


def shown_links(shown, links):
    update = samples.healthy()
    (view,) = update.rollouts
    return shown(ReleasesPage, replace(update, rollouts=(replace(view, dashboards=links),))).rollout.links


def test_a_click_opens_the_dashboard_that_it_names(shown, qtbot):
    row, opened = shown_links(shown, LINKS), []
    row.open = opened.append
    qtbot.mouseClick(row.buttons[3], Qt.MouseButton.LeftButton)
    assert opened == ["https://grafana.example/d/four"]
    assert row.buttons[3].accessibleName() == "open the dashboard four in the browser"


def test_buttons_stay_while_only_the_time_of_their_links_changes(shown, qtbot):
    row = shown_links(shown, LINKS)
    before = list(row.buttons)
    later = tuple(replace(link, url=f"{link.url}?to=now") for link in LINKS)
    row.show_links(later)
    assert row.buttons == before
    opened = []
    row.open = opened.append
    qtbot.mouseClick(row.buttons[0], Qt.MouseButton.LeftButton)
    assert opened == ["https://grafana.example/d/one?to=now"]
    row.show_links(LINKS[:1])
    assert len(row.buttons) == 1


def test_without_links_there_is_no_row(shown):
    assert not shown_links(shown, ()).isVisible()


def test_nothing_but_http_is_opened(monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    for address in ("file:///etc/passwd", "javascript:alert(1)", "smb://x/y", "", "https://grafana.example/d/x"):
        open_in_browser(address)
    assert opened == ["https://grafana.example/d/x"]
