"""The Settings page: each change acts at once and is stored; a secret goes to the keyring and nowhere else."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from console.desktop import theme
from console.desktop.pages.preferences import preferences
from console.desktop.pages.secrets_panel import SecretDialog
from console.desktop.pages.settings import SettingsPage
from console.desktop.pages.targets import TargetsPage
from console.model.desk import SecretsState
from console.model.errors import SecretsUnavailable
from console.model.views import Update
from tests.desktop import samples

CLICK = Qt.MouseButton.LeftButton


def with_secret():
    return Update(targets=(samples.target("checkout-eu", secrets=("shop-token",)),))


def test_a_theme_is_put_in_force_at_once_and_stored(shown, qtbot, desk):
    page = shown(SettingsPage, samples.incident())
    qtbot.mouseClick(page.themes.buttons["light"], CLICK)
    assert theme.current() == "light"
    assert ("theme", "light") in desk.called("set_setting")


def test_stored_choices_are_shown_when_the_engine_is_there(shown, qtbot, desk):
    desk.settings = {"row_height": "roomy", "reduced_motion": "yes", "operator": "Rita Meyer"}
    page = shown(SettingsPage, samples.incident())
    qtbot.waitUntil(page.rows.buttons["roomy"].isChecked)
    qtbot.waitUntil(lambda: page.operator.text() == "Rita Meyer")
    assert page.motion.isChecked()
    preferences().take_rows("normal")
    preferences().take_motion("no")


def test_a_choice_that_does_not_exist_is_passed_over(qapp):
    preferences().take_rows("gigantic")
    preferences().take_theme("plaid")
    assert preferences().rows in {"dense", "normal", "roomy"}


def test_row_height_reaches_the_table_of_targets(shown, qtbot):
    page = shown(TargetsPage, samples.incident())
    preferences().take_rows("roomy")
    assert page.table.view.verticalHeader().defaultSectionSize() == 32
    preferences().take_rows("normal")


def test_the_operator_is_stored_by_enter_and_never_empty(shown, qtbot, desk):
    page = shown(SettingsPage, samples.incident())
    qtbot.waitUntil(lambda: bool(page.operator.text()))
    page.operator.setText(" ")
    qtbot.keyClick(page.operator, Qt.Key.Key_Return)
    assert "A name is needed" in page._operator_note.text()
    page.operator.setText("Ravi S.")
    qtbot.keyClick(page.operator, Qt.Key.Key_Return)
    assert ("operator", "Ravi S.") in desk.called("set_setting")
    qtbot.waitUntil(lambda: page.around.actor.name == "Ravi S.")
    assert page._operator_note.text() == "Records say from now on: Ravi S."


def test_without_a_keyring_the_reason_and_the_advice_are_told_and_nothing_can_be_set(shown, qtbot, desk):
    desk.state = SecretsState(False, "fail", "No keyring answers.", "Install and unlock one.")
    page = shown(SettingsPage, with_secret())
    qtbot.waitUntil(lambda: page.secrets._words.text() == "No keyring answers. Install and unlock one.")
    assert not page.secrets.another.isEnabled()


def test_the_end_of_the_log_is_shown_as_plain_text_and_read_again_at_a_click(shown, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path))
    page = shown(SettingsPage, samples.incident())
    log = tmp_path / "logs" / "desktop.log"
    log.write_text('{"at": "2026-11-24T10:10:22Z", "level": "error", "text": "<b>router</b> is gone"}\n')
    qtbot.mouseClick(page.log.again, CLICK)
    qtbot.waitUntil(lambda: "<b>router</b> is gone" in page.log.lines.toPlainText())
    assert page.log.lines.isReadOnly()


def test_a_secret_is_taken_hidden_and_kept_under_its_name(shown, qtbot, desk):
    page = shown(SettingsPage, with_secret())
    qtbot.waitUntil(page.secrets.another.isEnabled)
    page.secrets._ask("shop-token")
    dialog = page.findChild(SecretDialog)
    assert dialog.value.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClicks(dialog.value, "s3cret")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("put_secret") == [("shop-token", "s3cret")]
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert "s3cret" not in page.heard["told"][0].text


def test_a_locked_keyring_is_told_in_the_dialog(shown, qtbot, desk):
    desk.errors["put_secret"] = SecretsUnavailable("The keyring is locked.", advice="Unlock it and try again.")
    page = shown(SettingsPage, with_secret())
    qtbot.waitUntil(page.secrets.another.isEnabled)
    page.secrets._ask("shop-token")
    dialog = page.findChild(SecretDialog)
    qtbot.keyClicks(dialog.value, "x")
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(lambda: "The keyring is locked." in dialog._problem.text())


def test_names_that_targets_use_are_listed_with_their_targets(shown, around, qtbot):
    page = shown(SettingsPage, with_secret())
    assert page.secrets._rows.count() == 1
    assert not page.secrets._none.isVisible()
    around.known.take(replace(with_secret(), targets=(samples.target("checkout-eu"),)))
    page.show_update(Update())
    assert page.secrets._none.isVisible()
