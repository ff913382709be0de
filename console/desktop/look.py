"""Remembers the theme for the first paint of the next start, which comes before the settings can be read.

With the choice `system` the theme that it meant last time is kept as well: asking the desktop again can wait until after the paint.
"""

from pathlib import Path

from PySide6.QtCore import QStandardPaths

from console.model.places import chosen_home


def _file() -> Path:
    folder = (
        chosen_home() or Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "release-console"
    )
    return folder / "look"


def remembered() -> str:
    """Return the theme of the last start, `system` when there was none."""
    try:
        return _file().read_text(encoding="utf-8")[:20].partition(" ")[2].strip() or "system"
    except (OSError, UnicodeDecodeError):
        return "system"


def remember(choice: str, meant: str) -> None:
    """Keep a choice and the theme that it meant for the next start; when that cannot be written, the next start flashes once."""
    try:
        if remembered() != meant:
            _file().parent.mkdir(parents=True, exist_ok=True)
            _file().write_text(f"{choice} {meant}", encoding="utf-8")
    except OSError as problem:
        import logging  # noqa: PLC0415 (the first paint does not wait for it)

        logging.getLogger(__name__).warning("the theme could not be remembered: %s", problem)
