"""The clock that runs through sleep, on each system by its own name."""

import time
from types import SimpleNamespace

import pytest

from console.model import clock
from console.model.clock import SystemClock, sleepless


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux has it")
def test_on_linux_it_is_the_time_since_boot_sleep_included() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    now = SystemClock().elapsed()
    assert before <= now <= time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.skipif(not hasattr(time, "CLOCK_MONOTONIC"), reason="POSIX has it")
def test_on_macos_it_is_the_monotonic_clock_of_the_system_which_counts_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "sys", SimpleNamespace(platform="darwin"))
    asked: list[int] = []
    monkeypatch.setattr(clock, "time", SimpleNamespace(CLOCK_MONOTONIC=7, clock_gettime=lambda which: asked.append(which) or 12.5))
    assert sleepless()() == 12.5
    assert asked == [7]


def test_on_windows_it_counts_the_ticks_that_run_on_in_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    def ticks() -> int:
        return 61_500

    kernel = SimpleNamespace(GetTickCount64=ticks)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(clock, "sys", SimpleNamespace(platform="win32"))
    assert sleepless()() == 61.5
    assert ticks.restype is ctypes.c_ulonglong  # type: ignore[attr-defined]


def test_elsewhere_it_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "sys", SimpleNamespace(platform="freebsd14"))
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert sleepless() is time.monotonic
