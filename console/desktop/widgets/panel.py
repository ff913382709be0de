"""A card on the ground, with a title, a grey second part and a body."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from console.desktop.widgets.label import Label


class Panel(QFrame):
    """A card; `body` is the layout for what it holds."""

    def __init__(self, title: str = "", aside: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(13, 10, 13, 11)
        outer.setSpacing(6)
        self._title = Label(title, "label")
        self._aside = Label(aside, "caption", "text.3")
        self._head = QHBoxLayout()
        self._head.setSpacing(8)
        self._head.addWidget(self._title)
        self._head.addStretch(1)
        self._head.addWidget(self._aside)
        outer.addLayout(self._head)
        self.body = QVBoxLayout()
        self.body.setSpacing(6)
        outer.addLayout(self.body, 1)
        self._title.setVisible(bool(title))
        self._aside.setVisible(bool(aside))

    def set_title(self, text: str) -> None:
        """Show another title; an empty one takes no room."""
        self._title.setText(text)
        self._title.setVisible(bool(text))

    def set_aside(self, text: str) -> None:
        """Show the grey part at the right of the title."""
        self._aside.setText(text)
        self._aside.setVisible(bool(text))

    def head_widget(self, widget: QWidget) -> None:
        """Add a widget at the right end of the head."""
        self._head.addWidget(widget, 0, Qt.AlignmentFlag.AlignRight)


_LAST_ROW = 1000


class Facts(QWidget):
    """Rows of a grey name and a value."""

    def __init__(self, name_width: int = 72, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnMinimumWidth(0, name_width)
        self._grid.setColumnStretch(1, 1)
        self._grid.setRowStretch(_LAST_ROW, 1)  # room that is left over stays below the rows, not between them
        self._rows: list[tuple[Label, Label]] = []

    def show_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show names with values; labels are kept from one call to the next."""
        while len(self._rows) < len(rows):
            self._add()
        for index, (name, value) in enumerate(self._rows):
            shown = index < len(rows)
            name.setVisible(shown)
            value.setVisible(shown)
            if shown:
                name.setText(rows[index][0])
                value.setText(rows[index][1])

    def _add(self) -> None:
        at = len(self._rows)
        pair = (Label("", "small", "text.3"), Label("", "small", "text", wrap=True))
        pair[1].setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        pair[1].setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._grid.addWidget(pair[0], at, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(pair[1], at, 1)
        self._rows.append(pair)
