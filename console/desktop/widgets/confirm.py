"""The preview of a forward move: what will be sent to which system; in production the target's name is typed first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from console.desktop import forms
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.sends import SendList
from console.desktop.widgets.topbar import EnvironmentTab
from console.desktop.widgets.veil import Veil

if TYPE_CHECKING:
    from console.model.views import SendView

WIDE, TOP = 660, 120


class ForwardPreview(Veil):
    """Shows the rows and sends them at one button; every other way out sends nothing."""

    sent = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, WIDE, TOP)
        self._wanted = ""
        self._title, self._total = Label("", "lead", elide=True), Label("", "small", "text.2")
        self._tab = EnvironmentTab()
        self._tab.setFixedHeight(24)
        self._rows = SendList()
        self._ask = Label("", "body", "text.2", wrap=True)
        self.field = QLineEdit()
        self.field.setAccessibleName("Name of the target")
        self.field.textChanged.connect(self._check)
        self.field.returnPressed.connect(self._send)
        self.button = Button("Send", "forward")
        self.button.clicked.connect(self._send)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.shut)
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._tab)
        foot.addWidget(self._total, 1)
        foot.addWidget(cancel)
        foot.addWidget(self.button)
        self.body.addLayout(head)
        self.body.addWidget(Label("What will be sent", "label", "text.2"))
        for part in (self._rows, self._ask, self.field):
            self.body.addWidget(part)
        self.body.addLayout(foot)

    def open_for(self, title: str, sends: tuple[SendView, ...], environment: str, target: str) -> None:
        """Open for a move; production wants the target's name typed."""
        self._wanted = target if environment == "production" else ""
        self._title.setText(title)
        self._tab.show_environment(environment)
        self._rows.show_view(sends)
        self._total.setText(f"{forms.span(sum(row.predicted_s for row in sends))} until read back" if sends else "nothing is sent")
        self._ask.setText(f"This raises exposure in production. Type {target} to send.")
        for part in (self._ask, self.field):
            part.setVisible(bool(self._wanted))
        self.field.clear()
        self._check()
        self.open()
        (self.field if self._wanted else self.button).setFocus(Qt.FocusReason.OtherFocusReason)

    def _check(self) -> None:
        self.button.set_locked("" if self._agreed() else f"type {self._wanted} first")

    def _agreed(self) -> bool:
        return not self._wanted or self.field.text().strip() == self._wanted

    def _send(self) -> None:
        if self.isVisible() and self._agreed():
            self.shut()
            self.sent.emit()
