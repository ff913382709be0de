"""Remembers the theme for the first paint of the next start, which comes before the settings can be read."""

import logging
from pathlib import Path

from PySide6.QtCore import QStandardPaths

from console.model.places import chosen_home

_log = logging.getLogger(__name__)


def _file() -> Path:
    folder = (
        chosen_home() or Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "release-console"
    )
    return folder / "look"


def remembered() -> str:
    """Return the theme that was chosen last, `system` when none was."""
    try:
        return _file().read_text(encoding="utf-8")[:20].strip() or "system"
    except (OSError, UnicodeDecodeError):
        return "system"


def remember(choice: str) -> None:
    """Keep a theme for the next start; when that cannot be written, the next start only flashes in another colour."""
    try:
        if remembered() != choice:
            _file().parent.mkdir(parents=True, exist_ok=True)
            _file().write_text(choice, encoding="utf-8")
    except OSError as problem:
        _log.warning("the theme could not be remembered: %s", problem)
