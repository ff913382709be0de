"""The last door: whatever nobody foresaw goes to the log, and to the person in words."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from console.model.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from PySide6.QtCore import QMessageLogContext

_log = logging.getLogger(__name__)
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def unforeseen(fault: BaseException) -> ConsoleError:
    """Return a fault in words; the traceback is for the log only."""
    return ConsoleError(
        "Something went wrong inside the console.",
        means=f"What you see may be old ({type(fault).__name__}). Rollbacks still go.",
        advice="Details are in the log. If it comes back, start the console again.",
    )


def catch_all(tell: Callable[[ConsoleError], None]) -> None:
    """Send every uncaught exception of every thread, and Qt's own messages, to the log; `tell` is called with the words."""

    def uncaught(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, fault, trace)
            return
        _log.critical("uncaught", exc_info=(kind, fault, trace))
        tell(fault if isinstance(fault, ConsoleError) else unforeseen(fault))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    qInstallMessageHandler(_from_qt)


def _from_qt(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    _log.log(_LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
