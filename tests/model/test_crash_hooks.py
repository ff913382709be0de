"""The crash hooks: silent unless armed, and strict about their names."""

import os
import signal
import subprocess
import sys

import pytest

from console.model.hooks import CRASH_VARIABLE, HOOKS, arm, arm_from, reach


def test_nothing_happens_unless_a_test_armed_it():
    reach("no such hook")
    seen: list[str] = []
    with arm(seen.append):
        for name in HOOKS:
            reach(name)
    reach(HOOKS[0])
    assert seen == list(HOOKS)


def test_an_armed_test_finds_a_misspelt_hook():
    with arm(lambda name: None), pytest.raises(ValueError, match="no hook is named 'bfore-send'"):
        reach("bfore-send")


@pytest.mark.parametrize("value", ["nowhere", "before-send:0", "before-send:x", "before-send:-1"])
def test_a_crash_that_cannot_be_is_refused(value: str):
    with pytest.raises(ValueError, match=r"names 'nowhere'|counts from 1|invalid literal"):
        arm_from(value)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_the_environment_kills_the_process_at_the_nth_reach():
    program = "from console.model.hooks import reach\nfor n in range(5): reach('after-send'), reach('before-send'), print(n, flush=True)"
    environment = {**os.environ, CRASH_VARIABLE: "before-send:3"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1"]
