"""The parts of a route with the side that each is on."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from console.desktop.pages.connect_parts import line
from console.desktop.pages.laying import Card, fill, row
from console.desktop.pages.settings import Segments
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.wizard import CANARY, NEITHER, STABLE, Part, Route


class SidesTable(QWidget):
    """The parts of a route with the side that each is on, and the sides' names."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second = line("First side"), line("Second side")
        for each in (self.first, self.second):
            each.setMaximumWidth(150)
            each.setMaxLength(40)
            each.editingFinished.connect(self._renamed)
        self.swap = Button("Exchange", icon="arrow-left-right")
        self.swap.clicked.connect(self._swap)
        self._rows = QVBoxLayout()
        fill(self._rows, [], 3)
        self._parts: dict[str, Segments] = {}
        self._named = ("", "")
        self._card = Card(pad=12)
        self._card.body.addLayout(
            row([Label("The sides are called", "small", "text.2"), self.first, Label("and", "small", "text.2"), self.second, self.swap, -1])
        )
        self._card.body.addLayout(self._rows)
        fill(QVBoxLayout(self), [self._card], 0)

    def show_route(self, route: Route, names: tuple[str, str]) -> None:
        """Show the parts of a route on their guessed sides."""
        self._named = names
        for field, name in zip((self.first, self.second), names, strict=True):
            with QSignalBlocker(field):
                field.setText(name)
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._parts = {}
        for part in route.parts:
            self._rows.addWidget(self._row(part, names, fixed=route.kind == "argo-rollout"))

    def names(self) -> tuple[str, str]:
        """Return the sides' names."""
        return self.first.text().strip(), self.second.text().strip()

    def sides(self) -> dict[str, int]:
        """Return the side of each part by its name."""
        return {
            name: next((int(key) for key, button in segments.buttons.items() if button.isChecked()), NEITHER)
            for name, segments in self._parts.items()
        }

    def _row(self, part: Part, names: tuple[str, str], *, fixed: bool) -> QWidget:
        made = QWidget()
        segments = Segments(f"Side of {part.name}", {str(STABLE): names[0], str(CANARY): names[1], str(NEITHER): "neither"})
        segments.choose(str(part.side))
        for button in segments.buttons.values():
            button.setEnabled(not fixed)
            button.toggled.connect(lambda on: self.changed.emit() if on else None)
        self._parts[part.name] = segments
        name = Label(part.name, "body.medium", elide=True)
        name.setMinimumWidth(120)
        fill(QHBoxLayout(made), [name, Label(part.detail, "small", "text.3", elide=True), segments], 10)
        made.layout().setStretch(1, 1)  # type: ignore[union-attr]
        return made

    def _renamed(self) -> None:
        names = self.names()
        if names == self._named:
            return
        self._named = names
        for segments in self._parts.values():
            for key, name in zip((str(STABLE), str(CANARY)), names, strict=True):
                segments.buttons[key].setText(name)
        self.changed.emit()

    def _swap(self) -> None:
        first, second = self.names()
        self.first.setText(second)
        self.second.setText(first)
        for name, side in self.sides().items():
            other = {STABLE: CANARY, CANARY: STABLE}.get(side, NEITHER)
            with QSignalBlocker(self):
                self._parts[name].choose(str(other))
        self._renamed()
