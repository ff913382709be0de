"""The window's keys: F6 to F9 for the verbs, Ctrl+K for the palette, / for the filter, Ctrl and a number for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QShortcut

from console.desktop.widgets.bottombar import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from console.desktop.window import Window


def bind(window: Window, pages: Sequence[str]) -> None:
    """Give the window its keys; the verbs' keys work from anywhere in it."""
    for verb, _, key, _ in ORDER:
        _key(window, key, lambda chosen=verb: window.bottom.press_key(chosen))  # type: ignore[misc]
    _key(window, "Ctrl+K", window.open_palette)
    _key(window, "/", lambda: _filter(window))
    for number, page in enumerate(pages, 1):
        _key(window, f"Ctrl+{number}", lambda chosen=page: window.go(chosen))  # type: ignore[misc]


def _key(window: Window, keys: str, act: Callable[[], None]) -> None:
    shortcut = QShortcut(QKeySequence(keys), window)
    shortcut.setAutoRepeat(False)
    shortcut.activated.connect(act)


def _filter(window: Window) -> None:
    if window.page is not None:
        window.page.focus_filter()
