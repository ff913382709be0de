"""Remembers theme and text size for the first paint of the next start, which comes before the settings can be read.

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


ZOOMS = (100, 125, 150, 175, 200)
"""The text sizes to choose from, in per cent."""


def _words() -> list[str]:
    try:
        return _file().read_text(encoding="utf-8")[:40].split()
    except (OSError, UnicodeDecodeError):
        return []


def remembered() -> str:
    """Return the theme of the last start, `system` when there was none."""
    return (_words() + ["system"] * 2)[1]


def zoom() -> int:
    """Return the text size for this start, in per cent; 100 when none was chosen."""
    size = (_words() + ["100"] * 3)[2]
    return int(size) if size.isascii() and size.isdigit() and int(size) in ZOOMS else 100


def remember(choice: str, meant: str, size: int = 100) -> None:
    """Keep a choice, the theme that it meant and a text size for the next start; when that cannot be written, it flashes once."""
    try:
        if (remembered(), zoom()) != (meant, size):
            _file().parent.mkdir(parents=True, exist_ok=True)
            _file().write_text(f"{choice} {meant} {size}", encoding="utf-8")
    except OSError as problem:
        import logging  # noqa: PLC0415 (the first paint does not wait for it)

        logging.getLogger(__name__).warning("the theme could not be remembered: %s", problem)
