"""What every page's test is given: a themed application, a labelled fake desk, and surroundings around it."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from console.desktop import theme
from tests.desktop.pages.fake_desk import FakeDesk, surroundings


@pytest.fixture(autouse=True)
def _themed(qapp):
    if not qapp.styleSheet() or theme.current() != "dark":
        theme.apply(qapp, "dark")


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def around(desk):
    return surroundings(desk)


@pytest.fixture
def shown(qtbot, around):
    """Make a page, show it, tell it a batch, and record the signals that it sends to the window."""
    made = []

    def make(page_class, update=None, size=(1330, 766)):
        page = page_class(around)
        page.heard = {"act": [], "went": [], "told": [], "selected": []}
        page.act.connect(page.heard["act"].append)
        page.told.connect(page.heard["told"].append)
        page.selected.connect(page.heard["selected"].append)
        page.went.connect(lambda key, subject: page.heard["went"].append((key, subject)))
        made.append(page)
        page.resize(*size)
        page.show()
        if update is not None:
            around.known.take(update)
            page.show_update(update)
        return page

    yield make
    for page in made:
        page.close()
        page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
