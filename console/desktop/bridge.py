"""The one door between the Qt thread and the engine thread: coroutines go down, frozen values come up by queued signals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from console.model.errors import ConsoleError

if TYPE_CHECKING:
    from console.model.desk import Cancel, Desk

T = TypeVar("T")
Submit = Callable[[Coroutine[Any, Any, Any]], "Future[Any]"]
Done = Callable[[Any], None]
Failed = Callable[[ConsoleError], None]

_log = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong inside the console."


class Bridge(QObject):
    """Carries questions to the engine and brings answers, batches and events back on the Qt thread; never blocks.

    The window exists before the engine: what is asked before `attach` waits for it.
    """

    attached = Signal()
    updated = Signal(object)
    """An Update, at most every 100 ms."""
    happened = Signal(object)
    """An Event."""
    failed = Signal(object)
    """A ConsoleError that nobody else takes."""
    _landed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._submit: Submit | None = None
        self._cancel: Cancel | None = None
        self._waiting: list[tuple[Callable[[Desk], Coroutine[Any, Any, Any]], Done | None, Failed | None]] = []
        self._landed.connect(self._land, Qt.ConnectionType.QueuedConnection)

    @property
    def desk(self) -> Desk | None:
        """Return the desk, or None until the engine runs."""
        return self._desk

    def attach(self, desk: Desk, submit: Submit) -> None:
        """Open the door: listen to the desk and send down what was asked meanwhile. `submit` runs a coroutine on the engine's loop."""
        self._desk, self._submit = desk, submit
        self._cancel = desk.listen(self.updated.emit, self.happened.emit)
        self.attached.emit()
        waiting, self._waiting = self._waiting, []
        for work, done, error in waiting:
            self.ask(work, done, error)

    def detach(self) -> None:
        """Stop listening; answers still on their way are dropped."""
        if self._cancel is not None:
            self._cancel()
        self._desk, self._submit, self._cancel = None, None, None
        self._waiting.clear()

    def ask(
        self,
        work: Callable[[Desk], Coroutine[Any, Any, T]],
        done: Callable[[T], None] | None = None,
        error: Failed | None = None,
        owner: QObject | None = None,
    ) -> None:
        """Run `work(desk)` on the engine's loop; `done` or `error` is called with the outcome on the Qt thread.

        An error without an `error` callback goes to `failed`, and so does one whose widget is gone: nobody else would tell it. `owner` is
        the widget that a plain function belongs to; a method's own object is known.
        """
        if owner is not None:
            done = None if done is None else _Owned(owner, done)
            error = None if error is None else _Owned(owner, error)
        if self._desk is None or self._submit is None:
            self._waiting.append((work, done, error))
            return
        future = self._submit(work(self._desk))
        future.add_done_callback(lambda ended: self._landed.emit(ended, (done, error)))

    def _land(self, future: Future[Any], callbacks: tuple[Done | None, Failed | None]) -> None:
        done, error = callbacks
        try:
            result = future.result()
        except CancelledError:
            return
        except ConsoleError as problem:
            self._report(problem, error)
        except Exception as fault:  # noqa: BLE001 (an outer door: it reports everything)
            _log.exception("a question to the engine failed in an unforeseen way")
            self._report(ConsoleError(UNEXPECTED, means=type(fault).__name__, advice="Details are in the log."), error)
        else:
            if done is not None and _alive(done):
                done(result)

    def _report(self, problem: ConsoleError, error: Failed | None) -> None:
        if error is None or not _alive(error):
            self.failed.emit(problem)
        else:
            error(problem)


class _Owned:
    """A function that belongs to a widget, as a method does."""

    def __init__(self, owner: QObject, call: Callable[[Any], None]) -> None:
        self.__self__ = owner
        self._call = call

    def __call__(self, value: Any) -> None:
        self._call(value)


def _alive(callback: Callable[..., Any]) -> bool:
    owner = getattr(callback, "__self__", None)
    return not isinstance(owner, QObject) or isValid(owner)
