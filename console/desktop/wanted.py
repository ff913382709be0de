"""What a window is opened with."""

from typing import NamedTuple


class Practice(NamedTuple):
    """The practice shop to open with the window; `start` also starts its rollout."""

    scenario: str
    speed: float
    start: bool
