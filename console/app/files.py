"""Reads target files, with the libraries that they need imported only then."""

import threading
from collections.abc import Sequence
from pathlib import Path

from console.model.errors import BadFile
from console.model.stores import TargetRow
from console.model.target import Target
from console.model.train import TrainPlan

_ONE_BY_ONE = threading.Lock()


def load_libraries() -> None:
    """Import what target files need: one thread at a time, for two that import it at once can each meet a module that is half made."""
    with _ONE_BY_ONE:
        import console.files.draftfile  # noqa: PLC0415
        import console.files.targetfile  # noqa: F401, PLC0415  # pydantic and ruamel.yaml


def read_target(row: TargetRow) -> Target:
    """Return the target as its file says now. Raises BadFile with every mistake, and for a file that was given another target's name."""
    load_libraries()
    from console.files.targetfile import load_target  # noqa: PLC0415

    target = load_target(Path(row.path))
    if row.name and target.name != row.name:
        raise BadFile(f"{row.path} names its target {target.name}, and it was added as {row.name}.", advice=f"Name it {row.name} again.")
    return target


def train_file(path: Path) -> TrainPlan:
    """Return the train that a file describes. Raises BadFile with every mistake."""
    load_libraries()
    from console.files.trainfile import load_train  # noqa: PLC0415  # ruamel.yaml

    return load_train(path)


def train_of_options(services: Sequence[str], name: str) -> TrainPlan:
    """Return the train of `TARGET=VERSION` options, each after the one before it. Raises BadFile."""
    load_libraries()
    from console.files.trainfile import train_of  # noqa: PLC0415  # ruamel.yaml

    return train_of(services, name)
