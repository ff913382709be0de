"""What holds for every page: remote text is plain text, controls have names, waiting is shown, and the theme can change under them."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit

from console.desktop import theme
from console.desktop.bridge import Bridge
from console.desktop.known import Known
from console.desktop.page import Surroundings
from console.desktop.pages import PAGES
from console.model.views import Update
from tests.desktop import samples

EVIL = "<img src=x onerror=alert(1)><b>bold</b>"
KEYS = [entry.key for entry in PAGES]


def made(key):
    entry = next(entry for entry in PAGES if entry.key == key)

    def build(around):
        return entry.make(around)

    return build


def evil_update():
    base = samples.incident()
    (rollout,) = base.rollouts
    targets = (replace(samples.incident_target(), title=EVIL, release=EVIL, gate_text=EVIL, owner=EVIL, stable_version=EVIL),)
    return replace(base, targets=targets, rollouts=(replace(rollout, headline=EVIL, subline=EVIL, title=EVIL),))


@pytest.mark.parametrize("key", KEYS)
def test_every_label_shows_plain_text(shown, key):
    page = shown(made(key), evil_update())
    rich = [label.text() for label in page.findChildren(QLabel) if label.textFormat() is not Qt.TextFormat.PlainText and label.text()]
    assert rich == []


@pytest.mark.parametrize("key", KEYS)
def test_every_control_has_a_name_for_screen_readers(shown, key):
    page = shown(made(key), samples.incident())
    controls = [*page.findChildren(QLineEdit), *page.findChildren(QComboBox), *page.findChildren(QAbstractButton)]
    own = [control for control in controls if not isinstance(control.parent(), QComboBox) and not control.objectName().startswith("qt_")]
    nameless = [
        control.metaObject().className()
        for control in own
        if control.isVisible() and not (control.accessibleName() or (isinstance(control, QAbstractButton) and control.text()))
        and not isinstance(control.parent(), QLineEdit)
        and "Spin" not in control.parent().metaObject().className()
        and "DateTime" not in control.parent().metaObject().className()
    ]  # fmt: skip
    assert nameless == []


@pytest.mark.parametrize("key", KEYS)
def test_before_the_engine_runs_a_page_waits_without_complaint(qtbot, key):
    around = Surroundings(Bridge(), samples.ACTOR, samples.SampleClock(), Known())
    page = made(key)(around)
    qtbot.addWidget(page)
    page.resize(1074, 546)
    page.show()
    page.show_update(Update())
    assert page.place()[0] == page.title


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("look", ["light", "contrast", "dark"])
def test_a_page_takes_another_theme_while_it_is_shown(shown, qapp, key, look):
    page = shown(made(key), samples.incident())
    theme.apply(qapp, look)
    assert not page.grab().toImage().isNull()


@pytest.mark.parametrize("key", KEYS)
def test_a_page_fits_into_the_smallest_window(shown, key):
    page = shown(made(key), samples.incident(), (1074, 546))
    hint = page.minimumSizeHint()
    assert hint.width() <= 1074
    assert hint.height() <= 576
