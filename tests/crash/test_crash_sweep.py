"""Consoles that die twice at random places recover: no effect without an intent, nothing sent again blindly, no step lost."""

import os

import pytest
from crash.crashing import random_case
from crash.sweep import once

DOUBLE = int(os.environ.get("DOUBLE_CRASHES", "20"))


@pytest.mark.parametrize("number", range(DOUBLE))
def test_a_double_crash_recovers(number: int) -> None:
    result = once(random_case(number))
    assert result.problems == [], f"again: python tests/crash/sweep.py --case {number} ({result.case})"
