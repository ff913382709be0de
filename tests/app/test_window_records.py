"""The real window keeps an anchor of its records outside, and chooses a team's database, moves into it and leaves it again."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from journeys.window import Program, program
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from servers.postgres_process import PostgresServer

from console.app import team
from console.desktop.pages.audit import AuditPage
from console.desktop.pages.audit_verify import VerifyCard
from console.desktop.pages.dialog import Asking
from console.desktop.pages.settings import SettingsPage
from console.desktop.pages.team_dialogs import JoinDialog, MoveDialog
from console.desktop.pages.team_panel import TeamPanel

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
T = TypeVar("T", bound=Asking)
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def url(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("RELEASE_CONSOLE_STORE", raising=False)
    name = postgres_server.new_database()
    team.set_up(postgres_server.url(name), "")
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def question(running: Program, kind: type[T]) -> T:
    return next(found for found in running.inside.window.findChildren(kind) if found.isVisible())


def test_an_anchor_is_kept_outside_and_every_verification_is_held_against_it(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    with program(qapp, qtbot) as running:
        card = _anchored(running, tmp_path)
        qtbot.mouseClick(card.button, CLICK)
        running.until(lambda: "1 from outside agree" in [value.text() for _, value in card._facts._rows], "the records were verified")


def test_a_team_is_joined_filled_and_left_from_the_window(qapp: QApplication, qtbot: QtBot, url: str, tmp_path: Path) -> None:
    with program(qapp, qtbot) as running:
        _anchored(running, tmp_path)
        panel = _settings(running)
        running.until(panel.join.isVisible, "the records were read")
        qtbot.mouseClick(panel.join, CLICK)
        joining = question(running, JoinDialog)
        joining.address.setText(url)
        qtbot.mouseClick(joining.test, CLICK)
        running.until(joining.answer.isEnabled, "the database answered")
        qtbot.mouseClick(joining.answer, CLICK)
        running.until(panel.next.isVisible, "the database was chosen")
        assert panel.next.text().endswith("as postgres.")
    with program(qapp, qtbot) as running:
        panel = _settings(running)
        running.until(panel.move_here.isVisible, "the team's records are open, and those of this computer wait")
        qtbot.mouseClick(panel.move_here, CLICK)
        moving = question(running, MoveDialog)
        moving.reason.setText("one history")
        qtbot.mouseClick(moving.answer, CLICK)
        running.until(panel.move_here.isHidden, "the history was moved")
        qtbot.mouseClick(panel.leave, CLICK)
        qtbot.mouseClick(question(running, Asking).answer, CLICK)
        running.until(panel.next.isVisible, "the team was left")
        assert panel.next.text() == "From the next start on, records are kept in your own folder."


def _anchored(running: Program, folder: Path) -> VerifyCard:
    """Keep an anchor, which is a record of its own as well."""
    running.inside.go("audit")
    page = running.inside.pages["audit"]
    assert isinstance(page, AuditPage)
    card = page.verify
    running.until(lambda: card.places.text().startswith("No anchor is kept outside."), "the places were read")
    card.anchor.keep(folder / "elsewhere.jsonl")
    running.until(lambda: "1 anchor, the newest over" in card.places.text(), "an anchor was kept")
    return card


def _settings(running: Program) -> TeamPanel:
    running.inside.go("settings")
    page = running.inside.pages["settings"]
    assert isinstance(page, SettingsPage)
    return page.team
