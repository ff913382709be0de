"""The end of the program: a thread that waits at the keyring neither keeps it nor aborts it."""

import subprocess
import sys
from pathlib import Path

import pytest

ENDING = """
import sys, threading
import console.__main__ as program
threading.Thread(target=threading.Event().wait, name={name!r}, daemon=True).start()
program._start = lambda: print("done") or 3
sys.exit(program.main())
"""


@pytest.mark.parametrize("name", ["secrets", "audit-key", "another"])
def test_the_program_ends_with_its_code_and_its_words_while_a_thread_waits_for_a_person(name: str) -> None:
    command = [sys.executable, "-c", ENDING.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (3, "done", "")
