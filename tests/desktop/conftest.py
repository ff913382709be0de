"""What every desktop test is given: a themed application whose clock stands still, and a whole window around a fake desk."""

import pytest

from console.desktop import theme
from console.desktop.widgets.age import ticker
from tests.desktop import samples


@pytest.fixture(autouse=True)
def _dark(qapp):
    theme.apply(qapp, "dark")
    ticker().set_clock(samples.SampleClock())


def _freely(window):
    window.asks_first = None


@pytest.fixture
def opened(qtbot):
    """Open a whole window on a batch; `.desk` records what it was asked."""
    from console.desktop.inside import Inside
    from console.desktop.pages import PAGES
    from console.desktop.window import Window
    from tests.desktop.pages.fake_desk import FakeDesk, surroundings

    def make(update=None, size=(1440, 900), alarm=None):
        desk = FakeDesk()
        around = surroundings(desk)
        window = Window(PAGES)
        qtbot.addWidget(window, before_close_func=_freely)
        inside = Inside(around, window, alarm)
        inside.desk, inside.around = desk, around
        window.resize(*size)
        window.show()
        if update is not None:
            around.bridge.updated.emit(update)
        return inside

    return make
