"""Where our own files lie: what ships with the program, and what a person's use of it leaves."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent

STORE_VARIABLE = "RELEASE_CONSOLE_STORE"
"""In the environment: the address of a team's database, or `own` for the records in one's own folder; it wins over the settings."""
OWN_RECORDS = "own"


def resource(*parts: str) -> Path:
    """Return the path of a file that ships with the program.

    Raises FileNotFoundError when the installation is incomplete.
    """
    for root in (PACKAGE.parent / "resources", PACKAGE / "_resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"resource {'/'.join(parts)} is missing from this installation")


def chosen_home() -> Path | None:
    """Return the one folder for configuration, data and logs that RELEASE_CONSOLE_HOME names, if it is set."""
    home = os.environ.get("RELEASE_CONSOLE_HOME", "")
    return Path(home).expanduser() if home else None
