"""A thread of its own for the engine's asyncio loop, so that windows and network never wait for each other."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class EngineThread:
    """One asyncio loop in one daemon thread; `submit` hands it coroutines from any other thread."""

    def __init__(self, name: str = "engine") -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def running(self) -> bool:
        """Tell whether the loop takes work."""
        return self._ready.is_set() and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread and return when its loop runs."""
        self._thread.start()
        self._ready.wait()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine on the loop; the future gives its result or raises its error.

        Raises RuntimeError when the thread does not run.
        """
        if self._loop is None or not self.running:
            work.close()
            raise RuntimeError("the engine's thread does not run")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Cancel what still runs, end the loop, and tell whether the thread ended in time. Stopping twice is fine."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            asyncio.set_event_loop(self._loop)
            self._loop.call_soon(self._ready.set)
            self._loop.run_forever()
