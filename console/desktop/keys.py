"""The window's keys: F6 to F9 for the verbs, Ctrl+K palette, Ctrl+N new target, / filter, Ctrl with a number, +, - page and text size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QShortcut

from console.desktop.widgets.bottombar import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desktop.inside import Inside
    from console.desktop.window import Window


def bind(window: Window, inside: Inside) -> None:
    """Give the window its keys; the verbs' keys work from anywhere in it."""
    for verb, _, key, _ in ORDER:
        _key(window, key, lambda chosen=verb: window.bottom.press_key(chosen))  # type: ignore[misc]
    _key(window, "Ctrl+K", inside.open_palette)
    _key(window, "/", lambda: _filter(inside))
    _key(window, "Ctrl+N", lambda: inside.go("targets", "connect:"))
    for keys, step in (("Ctrl++", 1), ("Ctrl+=", 1), ("Ctrl+-", -1), ("Ctrl+0", 0)):
        _key(window, keys, lambda chosen=step: inside.choose_size(chosen))  # type: ignore[misc]
    for number, page in enumerate(window.entries, 1):
        _key(window, f"Ctrl+{number}", lambda chosen=page: inside.go(chosen))  # type: ignore[misc]


def _key(window: Window, keys: str, act: Callable[[], None]) -> None:
    shortcut = QShortcut(QKeySequence(keys), window)
    shortcut.setAutoRepeat(False)
    shortcut.activated.connect(act)


def _filter(inside: Inside) -> None:
    if inside.page is not None:
        inside.page.focus_filter()
