"""What the store's tests share: a clock that is set by hand, people, plans, and an open store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_kit import HandClock, settle_now

from console.store.database import Patience
from console.store.sqlite import SqliteStore, open_store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path, clock: HandClock) -> Iterator[SqliteStore]:
    opened = open_store(folder, clock, Patience(usual_s=0.2, urgent_s=0.1))
    yield opened
    settle_now(opened.close())
