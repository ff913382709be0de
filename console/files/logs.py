"""The program's log: one JSON object a line in a rotating private file, secrets masked, crashes and stray exceptions included."""

import faulthandler
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from console.files.folders import make_private
from console.model.clock import iso

MAX_BYTES = 5 * 1024 * 1024
KEPT = 4
LONGEST = 20_000
SILENCED = ("httpx", "httpcore")
"""Their INFO lines carry addresses with query tokens."""

Redact = Callable[[str], str]
logger = logging.getLogger("console")


@dataclass(slots=True)
class Logs:
    """The log that is open; `close` puts everything back as it was."""

    path: Path
    _handler: "_PrivateHandler"
    _crashes: TextIO | None
    _restore: Callable[[], None]

    @property
    def lost(self) -> int:
        """Return how many lines could not be written."""
        return self._handler.lost

    def close(self) -> None:
        """Stop logging and let the hooks go."""
        self._restore()
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        if self._crashes is not None:
            faulthandler.disable()
            self._crashes.close()


def set_up_logs(
    folder: Path, face: str, redact: Redact, *, level: int = logging.INFO, on_crash: Callable[[str], None] | None = None
) -> Logs:
    """Log to `<folder>/<face>.log` (`face` is desktop, cli or agent) and send uncaught exceptions there.

    `redact` masks secrets in each text. `on_crash` is told an uncaught exception in one line instead of the traceback that Python prints.
    A log that cannot be written never stops the program: lines are then counted in `lost`.
    """
    with suppress(OSError):
        make_private(folder)
    handler = _PrivateHandler(folder / f"{face}.log")
    handler.setFormatter(_JsonLines(redact))
    root = logging.getLogger()
    root.addHandler(handler)
    before = root.level
    root.setLevel(level)
    for name in SILENCED:
        logging.getLogger(name).disabled = True
    hooks = _hook(redact, on_crash)

    def restore() -> None:
        root.setLevel(before)
        for name in SILENCED:
            logging.getLogger(name).disabled = False
        hooks()

    return Logs(folder / f"{face}.log", handler, _watch_crashes(folder / f"{face}-crash.log"), restore)


class _JsonLines(logging.Formatter):
    """A log record as one JSON object: at, level, logger, thread, text, and the traceback where there is one."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        line: dict[str, Any] = {
            "at": iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "text": self._redact(text)[:LONGEST],
        }
        if record.exc_info:
            line["traceback"] = self._redact(self.formatException(record.exc_info))[-LONGEST:]
        return json.dumps(line, ensure_ascii=True)


class _PrivateHandler(RotatingFileHandler):
    """A rotating file that only its owner reads, opened with the first line; what cannot be written is counted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        self.lost = 0

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, self.mode, encoding="utf-8", opener=_private)  # type: ignore[return-value]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's own name and arguments
        self.lost += 1


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _watch_crashes(path: Path) -> TextIO | None:
    """Let the interpreter write where it was when it is killed by a fault; None where the file cannot be made."""
    try:
        file = open(path, "a", encoding="utf-8", opener=_private)  # noqa: SIM115  # it stays open as long as the program runs
    except OSError:
        return None
    faulthandler.enable(file)
    return file


def _hook(redact: Redact, on_crash: Callable[[str], None] | None) -> Callable[[], None]:
    """Send exceptions that nobody caught to the log, from every thread; return what takes the hooks away again."""
    main, thread, unraisable = sys.excepthook, threading.excepthook, sys.unraisablehook

    def on_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            main(kind, error, trace)
            return
        logger.critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))
        if on_crash is None:
            main(kind, error, trace)
        else:
            on_crash(redact(f"{kind.__name__}: {error}"))

    def on_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or issubclass(args.exc_type, SystemExit):
            return
        name = args.thread.name if args.thread else "a thread"
        logger.critical("uncaught %s in %s", args.exc_type.__name__, name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
        if on_crash is not None:
            on_crash(redact(f"{args.exc_type.__name__}: {args.exc_value}"))

    def on_unraisable(args: Any) -> None:
        error = args.exc_value
        logger.error("%s", args.err_msg or "exception ignored", exc_info=(args.exc_type, error, args.exc_traceback) if error else None)

    sys.excepthook, threading.excepthook, sys.unraisablehook = on_main, on_thread, on_unraisable

    def restore() -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable

    return restore
