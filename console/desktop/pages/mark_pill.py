"""A pill to press, with a state's mark before its words."""

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QWidget

from console.desktop import theme
from console.desktop.widgets.button import Button
from console.desktop.widgets.mark import mark_pixmap
from console.model.verbs import State

MARK = 13


class MarkPill(Button):
    """A checkable pill; its mark follows the theme."""

    def __init__(self, state: State | None = None, parent: QWidget | None = None) -> None:
        self._mark: State | None = None
        super().__init__("", "pill", parent=parent)
        self.setFont(theme.font("small"))
        self.setIconSize(QSize(MARK, MARK))
        if state is not None:
            self.show_mark(state)

    def show_mark(self, state: State) -> None:
        """Show another state's mark."""
        if state is not self._mark:
            self._mark = state
            self.setIcon(QIcon(mark_pixmap(state, MARK)))

    def changeEvent(self, event: QEvent) -> None:
        """Draw the mark in the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._mark is not None:
            self.setIcon(QIcon(mark_pixmap(self._mark, MARK)))
            self.setIconSize(QSize(MARK, MARK))
