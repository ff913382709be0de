"""The tie between a process of the practice shop and the program that started it: when the program's pipe closes, the process ends."""

import json
import os
import sys
import threading
from collections.abc import Callable


def _leave() -> None:
    os._exit(0)


def hold(at_end: Callable[[], None] = _leave, at_word: Callable[[], None] = lambda: None) -> None:
    """Watch standard input from a thread of its own, and call `at_end` as soon as the other end is closed, however that came about.

    `at_word` is called when something is written to it: the request to leave in order.

    A thread, so that a process whose loop is stuck still ends; os.read, so that no buffer's lock is held at exit.
    """

    def watch() -> None:
        while os.read(0, 4096):
            at_word()
        at_end()

    threading.Thread(target=watch, name="leash", daemon=True).start()


def tell(**facts: object) -> None:
    """Print one line of JSON for the program that started this process, such as the port that is served."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
