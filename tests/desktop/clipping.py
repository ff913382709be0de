"""Finds text that is cut off: labels and buttons with less room than their words need, unless the whole text is in the tooltip."""

from PySide6.QtWidgets import QAbstractButton, QCheckBox, QLabel, QRadioButton, QWidget

from console.desktop.widgets.bottombar import VerbButton
from console.desktop.widgets.label import Label

SLACK = 1
"""A px that rounding to device pixels may take."""


def clipped(root: QWidget) -> list[str]:
    """Return what is cut off in a widget, in words."""
    found = [told for label in root.findChildren(QLabel) if label.isVisible() and label.text() and (told := _label(label))]
    buttons = (button for button in root.findChildren(QAbstractButton) if button.isVisible() and button.text())
    return found + [told for button in buttons if not isinstance(button, VerbButton) and (told := _button(button))]


def _label(label: QLabel) -> str:
    if isinstance(label, Label) and label._elide and not label.wordWrap():
        return "" if label.toolTip() or label.fontMetrics().horizontalAdvance(label.text()) <= label.width() + SLACK else _said(label)
    if label.wordWrap():
        return "" if label.height() + SLACK >= label.heightForWidth(label.width()) else _said(label)
    wanted = label.sizeHint()
    return "" if label.width() + SLACK >= wanted.width() and label.height() + SLACK >= wanted.height() else _said(label)


def _button(button: QAbstractButton) -> str:
    if isinstance(button, QCheckBox | QRadioButton):
        wanted = button.sizeHint().width()
    else:
        wanted = button.fontMetrics().horizontalAdvance(button.text())
    return "" if button.width() + SLACK >= wanted and button.height() + SLACK >= button.fontMetrics().height() else _said(button)


def _said(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    return f"{type(widget).__name__} {text!r} has {widget.width()}x{widget.height()}, wants {widget.sizeHint().toTuple()}"
