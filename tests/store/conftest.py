"""What the store's tests share: a clock that is set by hand, plans, and an open store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Actor
from console.model.target import SessionGate, Stage
from console.model.verbs import Direction, Verb

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Actor("ann", "desk:1:aa")
BOB = Actor("bob", "desk:2:bb")


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.instant = NOON

    def now(self) -> datetime:
        return self.instant

    def elapsed(self) -> float:
        return (self.instant - NOON).total_seconds()

    def move(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
