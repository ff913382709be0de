"""Where our own configuration, data and logs lie on this computer; private to the person who uses it."""

import os
from dataclasses import dataclass
from pathlib import Path

from console.model.errors import CannotRecord
from console.model.places import chosen_home

NAME = "release-console"


@dataclass(frozen=True, slots=True)
class Folders:
    """Three folders; all of them exist and only their owner can look into them."""

    config: Path
    data: Path
    logs: Path


def folders() -> Folders:
    """Return the folders, made where they were missing: under RELEASE_CONSOLE_HOME if set, else where the system keeps such things.

    Raises CannotRecord when one cannot be made.
    """
    found = _chosen()
    for folder in (found.config, found.data, found.logs):
        try:
            make_private(folder)
        except OSError as error:
            raise CannotRecord(
                f"The folder {folder} cannot be made: {(error.strerror or str(error)).lower()}.",
                means="Nothing can be recorded there.",
                advice="Free the place or the permission, or set RELEASE_CONSOLE_HOME to another folder.",
            ) from error
    return found


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may look into. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _chosen() -> Folders:
    home = chosen_home()
    if home is not None:
        return Folders(home / "config", home / "data", home / "logs")
    from platformdirs import PlatformDirs  # noqa: PLC0415  # not needed where a home is chosen

    dirs = PlatformDirs(NAME, appauthor=False, roaming=False)
    return Folders(Path(dirs.user_config_path), Path(dirs.user_data_path), Path(dirs.user_log_path))
