"""The Targets page: the first start, the table worst first, and everything that a person can do with one target."""

from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QPlainTextEdit, QTableWidget

from console.desktop.pages.bad_file import BadFileDialog, as_text
from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.target_moves import SwitchDialog, TrustDialog
from console.desktop.pages.target_order import Group, Head
from console.desktop.pages.targets import TargetsPage
from console.model.errors import NotAllowed, Unreachable
from console.model.target import Environment
from console.model.verbs import State, Verb
from console.model.views import Problem, Update
from tests.desktop import samples
from tests.desktop.pages.fake_desk import bad_lines, tell


def fleet():
    trouble = Problem("No reply from the router.", "Its weights are not known.", "Look whether it runs.", samples.NOW)
    return Update(
        targets=(
            samples.target("basket-us"),
            samples.target("account-eu", armed=False, trusted=False, commands=("make image", "kubectl apply")),
            samples.target("ledger-eu", State.FROZEN),
            samples.target("search-ap", State.HANGING, problem=trouble),
            samples.incident_target(),
        ),
        rollouts=(samples.incident_rollout(),),
    )


def names(page):
    lines = [page.table.model.line(row) for row in range(page.table.model.rowCount())]
    return [line.group if isinstance(line, Head) else line.name for line in lines]


def drop(widget, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    widget.dropEvent(event)


def test_with_nothing_connected_the_first_start_invites(shown, qtbot, desk):
    page = shown(TargetsPage, samples.first_start())
    assert page.first.isVisible()
    assert page.place() == ("Targets", "none yet")
    qtbot.waitUntil(lambda: bool(desk.called("secrets") and desk.called("audit_page")))


def test_one_click_opens_the_practice_shop_with_the_chosen_scenario(shown, qtbot, desk):
    page = shown(TargetsPage, samples.first_start())
    page.first.practice.choose("healthy")
    page.first.practice.start_too.setChecked(False)
    qtbot.mouseClick(page.first.practice.button, Qt.MouseButton.LeftButton)
    assert desk.called("open_practice") == [("healthy", 20.0, False)]
    qtbot.waitUntil(page.first.practice.button.isEnabled)


def test_while_the_practice_shop_opens_each_step_is_told_and_then_its_rollout_is_shown(shown, qtbot, desk):
    page = shown(TargetsPage, samples.first_start())
    said = []
    page.first.practice.show_progress = said.append
    page._progressed.connect(said.append)
    qtbot.mouseClick(page.first.practice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ("releases", "practice-shop") in page.heard["went"])
    assert "Starting the router" in said
    assert page.first.practice.button.isEnabled()


def test_a_practice_shop_that_cannot_open_says_why_and_can_be_tried_again(shown, qtbot, desk):
    desk.errors["open_practice"] = Unreachable("Envoy did not start.", sent=False, advice="Install the demo extra.")
    page = shown(TargetsPage, samples.first_start())
    qtbot.mouseClick(page.first.practice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Envoy did not start" in page.first.practice._note.text())
    assert page.first.practice.button.isEnabled()


def test_a_dropped_target_file_is_checked_and_added(shown, qtbot, desk):
    page = shown(TargetsPage, samples.first_start())
    drop(page, Path("/files/shop.yaml"), Path("/files/readme.txt"))
    qtbot.waitUntil(lambda: desk.called("add_target") == [(Path("/files/shop.yaml"),)])
    assert desk.called("check_file") == [(Path("/files/shop.yaml"),)]


def test_a_bad_file_shows_all_its_mistakes_at_once_and_is_not_added(shown, qtbot, desk):
    desk.problems = bad_lines()
    page = shown(TargetsPage, samples.first_start())
    page.adding.take([Path("shop.yaml")])
    qtbot.waitUntil(lambda: page.findChild(BadFileDialog) is not None)
    dialog = page.findChild(BadFileDialog)
    table = dialog.findChild(QTableWidget)
    cells = [[table.item(row, column).text() for column in range(5)] for row in range(table.rowCount())]
    assert cells[0] == ["4", "traffic.knd", "knd", "a known key", "kind"]
    assert len(cells) == 3
    assert not desk.called("add_target")
    desk.problems = []
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(desk.called("add_target")))


def test_mistakes_copy_as_a_compiler_writes_them():
    assert as_text(bad_lines()).splitlines()[0] == "shop.yaml:4: traffic.knd: found knd, wanted a known key; nearest kind"


def test_targets_stand_in_groups_worst_first(shown):
    page = shown(TargetsPage, fleet())
    assert names(page) == [
        Group.PERSON, "checkout-eu", "search-ap", Group.FROZEN, "ledger-eu", Group.CALM, "account-eu", "basket-us",
    ]  # fmt: skip


def test_the_worst_target_is_chosen_first_and_stays_chosen_when_the_order_changes(shown, around):
    page = shown(TargetsPage, fleet())
    assert page.panel.view.name == "checkout-eu"
    page.show_subject("basket-us")
    tell(page, around, Update(targets=(samples.target("basket-us", State.FAILED),)))
    assert page.panel.view.name == "basket-us"
    assert page.table.view.currentIndex().row() == page.table.model.row_of("basket-us")


def test_typing_narrows_and_escape_shows_all_again(shown, qtbot):
    page = shown(TargetsPage, fleet())
    page.focus_filter()
    qtbot.keyClicks(page.table.filter, "basket")
    assert names(page) == [Group.CALM, "basket-us"]
    qtbot.keyClick(page.table.filter, Qt.Key.Key_Escape)
    assert len(names(page)) == 8


def test_a_filter_that_nothing_passes_says_so(shown, qtbot):
    page = shown(TargetsPage, fleet())
    qtbot.keyClicks(page.table.filter, "no such")
    assert page.table._nothing.isVisible()
    assert not page.table.view.isVisible()


def test_a_chip_keeps_only_its_state(shown, qtbot):
    page = shown(TargetsPage, fleet())
    qtbot.mouseClick(page.table._chips[State.FROZEN], Qt.MouseButton.LeftButton)
    assert names(page) == [Group.FROZEN, "ledger-eu"]


def test_enter_opens_the_rollout_of_the_chosen_target(shown, qtbot):
    page = shown(TargetsPage, fleet())
    page.table.view.setFocus()
    qtbot.keyClick(page.table.view, Qt.Key.Key_Return)
    assert page.heard["went"] == [("releases", "R-2291")]


def test_arming_needs_a_reason(shown, qtbot, desk):
    page = shown(TargetsPage, fleet())
    page.show_subject("account-eu")
    assert page.panel.switch.isEnabled() is False
    qtbot.mouseClick(page.panel.arm, Qt.MouseButton.LeftButton)
    dialog = page.findChild(AskingWhy)
    assert not dialog.answer.isEnabled()
    qtbot.keyClicks(dialog.reason, "first release")
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    assert desk.called("arm") == [("account-eu", True, "first release")]


def test_an_arming_that_is_refused_stays_open_with_the_reason(shown, qtbot, desk):
    desk.errors["arm"] = NotAllowed("The file changed since it was trusted.")
    page = shown(TargetsPage, fleet())
    page.show_subject("account-eu")
    qtbot.mouseClick(page.panel.arm, Qt.MouseButton.LeftButton)
    dialog = page.findChild(AskingWhy)
    qtbot.keyClicks(dialog.reason, "first release")
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "file changed" in dialog._problem.text())
    assert dialog.isVisible()


def test_the_trust_prompt_lists_every_command_and_cancel_is_the_default(shown, qtbot, desk):
    page = shown(TargetsPage, fleet())
    page.show_subject("account-eu")
    qtbot.mouseClick(page.panel.trust, Qt.MouseButton.LeftButton)
    dialog = page.findChild(TrustDialog)
    assert dialog.findChild(QPlainTextEdit).toPlainText() == "make image\nkubectl apply"
    assert dialog.cancel.isDefault()
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    assert desk.called("trust") == [("account-eu",)]


def test_a_target_is_removed_only_after_a_question(shown, qtbot, desk):
    page = shown(TargetsPage, fleet())
    page.show_subject("basket-us")
    qtbot.mouseClick(page.panel.remove, Qt.MouseButton.LeftButton)
    assert not desk.called("drop_target")
    qtbot.mouseClick(page.findChild(Asking).answer, Qt.MouseButton.LeftButton)
    assert desk.called("drop_target") == [("basket-us",)]


def test_a_target_with_a_rollout_can_be_neither_switched_nor_removed(shown):
    page = shown(TargetsPage, fleet())
    assert not page.panel.switch.isVisible()
    assert not page.panel.remove.isEnabled()
    assert page.panel.main.text() == "Open rollout"


def switch_dialog(page, qtbot):
    qtbot.mouseClick(page.panel.switch, Qt.MouseButton.LeftButton)
    dialog = page.findChild(SwitchDialog)
    qtbot.keyClicks(dialog.reason, "faster")
    return dialog


def test_a_switch_in_production_previews_and_wants_the_name_typed(shown, qtbot, desk):
    page = shown(TargetsPage, fleet())
    page.show_subject("basket-us")
    qtbot.mouseClick(switch_dialog(page, qtbot).answer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.moves._forward.preview is not None)
    preview = page.moves._forward.preview
    qtbot.keyClicks(preview.field, "basket-eu")
    qtbot.keyClick(preview.field, Qt.Key.Key_Return)
    assert page.heard["act"] == []
    preview.field.setText("basket-us")
    qtbot.keyClick(preview.field, Qt.Key.Key_Return)
    (command,) = page.heard["act"]
    assert (command.verb, command.target, command.side, command.reason) == (Verb.SWITCH, "basket-us", "green", "faster")


def test_a_switch_back_to_stable_goes_at_once(shown, qtbot, desk):
    page = shown(TargetsPage, fleet())
    page.show_subject("basket-us")
    dialog = switch_dialog(page, qtbot)
    dialog._group.button(0).setChecked(True)
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    assert [command.verb for command in page.heard["act"]] == [Verb.SWITCH_BACK]
    assert not desk.called("preview")


def test_an_error_of_a_system_is_said_in_words(shown):
    page = shown(TargetsPage, fleet())
    page.show_subject("search-ap")
    assert page.panel._problem.text() == "No reply from the router. Its weights are not known. Look whether it runs."


def test_weights_that_were_not_read_back_are_unknown_not_zero(shown):
    page = shown(TargetsPage, samples.unknown())
    rows = {name.text(): value.text() for name, value in page.panel._weights._rows}
    assert rows["Read back"] == "unknown, not read back"
    assert page.panel._canary.text() == "canary unknown"


@pytest.mark.parametrize("environment", list(Environment))
def test_choosing_a_target_tells_the_window(shown, environment):
    page = shown(TargetsPage, Update(targets=(samples.target("a", environment=environment), samples.target("b"))))
    page.show_subject("b")
    assert page.heard["selected"][-1] == "b"


def test_a_target_whose_last_rollout_is_over_is_calm_and_can_be_planned_again(shown, qtbot):
    page = shown(TargetsPage, Update(targets=(samples.target("basket-us", rollout="R-1", release=""),)))
    assert names(page) == [Group.CALM, "basket-us"]
    assert page.panel.switch.isVisible()
    qtbot.mouseClick(page.panel.main, Qt.MouseButton.LeftButton)
    assert page.heard["went"] == [("releases", "plan:basket-us")]


def test_a_dialog_closed_before_its_answer_loses_no_error(shown, qtbot, desk, around):
    desk.errors["arm"] = NotAllowed("The file changed since it was trusted.")
    page = shown(TargetsPage, fleet())
    page.show_subject("account-eu")
    qtbot.mouseClick(page.panel.arm, Qt.MouseButton.LeftButton)
    dialog = page.findChild(AskingWhy)
    qtbot.keyClicks(dialog.reason, "first release")
    with qtbot.waitSignal(around.bridge.failed) as failed:
        qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
        shiboken6.delete(dialog)
    assert failed.args[0].message == "The file changed since it was trusted."
