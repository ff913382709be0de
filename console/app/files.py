"""Reads target files, with the libraries that they need imported only then."""

from pathlib import Path

from console.model.errors import BadFile
from console.model.stores import TargetRow
from console.model.target import Target


def read_target(row: TargetRow) -> Target:
    """Return the target as its file says now. Raises BadFile with every mistake, and for a file that was given another target's name."""
    from console.files.targetfile import load_target  # noqa: PLC0415  # pydantic and ruamel.yaml

    target = load_target(Path(row.path))
    if row.name and target.name != row.name:
        raise BadFile(f"{row.path} names its target {target.name}, and it was added as {row.name}.", advice=f"Name it {row.name} again.")
    return target
