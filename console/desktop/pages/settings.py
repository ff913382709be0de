"""The Settings page: how the window looks, who uses it, where secrets and records are kept."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget

from console import __version__
from console.desktop import look, theme
from console.desktop.page import Page, Surroundings
from console.desktop.pages.laying import Scrolled, column, fill, page_layout, row
from console.desktop.pages.log_panel import LogPanel
from console.desktop.pages.preferences import MOTION, OPERATOR, ROWS, THEME, ZOOM, preferences
from console.desktop.pages.secrets_panel import SecretsPanel
from console.desktop.pages.team_panel import TeamPanel
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.panel import Facts, Panel
from console.files.folders import folders
from console.model.errors import ConsoleError
from console.model.views import Notice, Update

_THEMES = {"system": "As the system", "dark": "Dark", "light": "Light", "contrast": "High contrast"}
_SIZES = {str(size): f"{size} %" for size in look.ZOOMS}
_ROWS = {"dense": "Dense", "normal": "Normal", "roomy": "Roomy"}
WIDEST = 1330


class Segments(QWidget):
    """A choice among a few, as joined buttons."""

    def __init__(self, name: str, choices: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.buttons = {key: Button(words, "segment") for key, words in choices.items()}
        for button in self.buttons.values():
            button.setAutoExclusive(True)
        fill(QHBoxLayout(self), [*self.buttons.values(), -1], 0)

    def choose(self, key: str) -> None:
        """Press one button without telling anyone."""
        button = self.buttons.get(key)
        if button is not None and not button.isChecked():
            button.setChecked(True)


class SettingsPage(Page):
    """A few settings; each takes effect at once and is stored."""

    title = "Settings"

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(around, parent)
        self._zoom_now = look.zoom()
        self.team = TeamPanel(around)
        self.secrets = SecretsPanel(around)
        self.secrets.told.connect(self.told)
        self.team.told.connect(self.told)
        content = QWidget()
        content.setMaximumWidth(WIDEST)
        left = column([self._looks(), self._person(), self.team, self._places(), -1], theme.size("gutter"))
        self.log = self._log()
        right = column([self.secrets, *([self.log] if self.log is not None else []), -1], theme.size("gutter"))
        both = QHBoxLayout(content)
        fill(both, [left, right], theme.size("gutter"))
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        page_layout(self).addWidget(Scrolled(content))
        preferences().changed.connect(self._show_preferences)
        around.bridge.attached.connect(self._load)
        if around.bridge.desk is not None:
            self._load()
        self._show_preferences()

    def show_update(self, _update: Update) -> None:
        """Show the names of secrets that targets use."""
        self.secrets.show_targets(tuple(self.around.known.targets.values()))

    def place(self) -> tuple[str, str]:
        """Return the title with the version."""
        return self.title, f"release-console {__version__}"

    def _looks(self) -> Panel:
        panel = Panel("Look")
        self.themes, self.rows = Segments("Theme", _THEMES), Segments("Rows of tables", _ROWS)
        self.motion = QCheckBox("Reduced motion: panels appear at once, countdowns step once a second")
        for key, button in self.themes.buttons.items():
            button.clicked.connect(lambda _=False, key=key: self._keep(THEME, key))
        for key, button in self.rows.buttons.items():
            button.clicked.connect(lambda _=False, key=key: self._keep(ROWS, key))
        self.motion.clicked.connect(lambda on: self._keep(MOTION, "yes" if on else "no"))
        panel.body.addLayout(row([_name("Theme"), self.themes]))
        panel.body.addLayout(row([_name("Table rows"), self.rows]))
        self.sizes, self._size_note = Segments("Text size", _SIZES), Label("", "small", "look", wrap=True)
        for key, button in self.sizes.buttons.items():
            button.clicked.connect(lambda _=False, key=key: self._keep(ZOOM, key))
        panel.body.addLayout(row([_name("Text size"), self.sizes]))
        panel.body.addWidget(self._size_note)
        panel.body.addWidget(self.motion)
        return panel

    def _person(self) -> Panel:
        panel = Panel("Operator", "stands in every audit record")
        self.operator = QLineEdit(self.around.actor.name)
        self.operator.setMaxLength(80)
        self.operator.setAccessibleName("Operator's name")
        self.save_operator = Button("Save")
        self.save_operator.clicked.connect(self._keep_operator)
        self.operator.returnPressed.connect(self._keep_operator)
        self._operator_note = Label(f"Records now say: {self.around.actor.name}", "small", "text.2", wrap=True)
        panel.body.addLayout(row([_name("Name"), self.operator, self.save_operator]))
        panel.body.addWidget(self._operator_note)
        return panel

    def _places(self) -> Panel:
        panel = Panel("Where things are", f"release-console {__version__}")
        facts = Facts(72)
        panel.body.addWidget(facts)
        try:
            found = folders()
        except ConsoleError as problem:
            facts.show_rows((("Data", str(problem)),))
            return panel
        facts.show_rows((("Data", str(found.data)), ("Logs", str(found.logs))))
        open_data, open_logs = Button("Open data folder", icon="folder-open"), Button("Open log folder", icon="folder-open")
        open_data.clicked.connect(lambda: self._open(found.data))
        open_logs.clicked.connect(lambda: self._open(found.logs))
        panel.body.addLayout(row([open_data, open_logs, -1]))
        return panel

    def _log(self) -> LogPanel | None:
        try:
            return LogPanel(self.around, folders().logs / "desktop.log")
        except ConsoleError:
            return None  # why there are no folders stands under "Where things are"

    def _load(self) -> None:
        preferences().load(self.around.bridge)
        self.around.bridge.ask(lambda desk: desk.setting(OPERATOR, self.around.actor.name), self.operator.setText)
        self.secrets.load()
        self.team.load()
        if self.log is not None:
            self.log.read()

    def _show_preferences(self) -> None:
        chosen = preferences()
        self.themes.choose(chosen.theme)
        self.rows.choose(chosen.rows)
        self.sizes.choose(str(chosen.zoom))
        self._size_note.setText(f"{chosen.zoom} % takes effect at the next start; now it is {self._zoom_now} %.")
        self._size_note.setVisible(chosen.zoom != self._zoom_now)
        self.motion.setChecked(chosen.reduced_motion)

    def _keep(self, key: str, value: str) -> None:
        chosen = preferences()
        takes = {THEME: chosen.take_theme, ROWS: chosen.take_rows, MOTION: chosen.take_motion, ZOOM: chosen.take_zoom}
        takes[key](value)
        self.around.bridge.ask(lambda desk: desk.set_setting(key, value), None, self._not_kept)

    def _keep_operator(self) -> None:
        name = self.operator.text().strip()
        if not name:
            self._operator_note.setText("A name is needed: a record without one says nothing.")
            self._operator_note.set_ink("fail")
            return
        self.around.bridge.ask(lambda desk: desk.set_setting(OPERATOR, name), lambda _: self._operator_kept(name), self._not_kept, self)

    def _operator_kept(self, name: str) -> None:
        self._operator_note.set_ink("text.2")
        self.around.actor = replace(self.around.actor, name=name)
        self._operator_note.setText(f"Records say from now on: {name}")

    def _not_kept(self, error: ConsoleError) -> None:
        self.told.emit(Notice(self.around.clock.now(), "fail", "The setting was not stored", str(error)))

    def _open(self, folder: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.told.emit(Notice(self.around.clock.now(), "fail", "The folder could not be opened", str(folder)))


def _name(text: str) -> Label:
    label = Label(text, "small", "text.3")
    label.setFixedWidth(72)
    return label
