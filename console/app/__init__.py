"""Puts the parts together; the only package that names concrete providers.

Heavy libraries (SQLAlchemy, httpx, pydantic, keyring) are imported where they are first used, so that `--help` and the first paint of
the window do not wait for them.
"""

from console.app.auditing import verify_file
from console.app.desk import Console
from console.app.files import read_target, train_file, train_of_options
from console.app.opening import begin_logs, close_console, collect_rarely, open_console, opened
from console.app.people import person
from console.app.readings import view_when
from console.engine.presence import this_console

__all__ = [
    "Console",
    "begin_logs",
    "close_console",
    "collect_rarely",
    "open_console",
    "opened",
    "person",
    "read_target",
    "this_console",
    "train_file",
    "train_of_options",
    "verify_file",
    "view_when",
]
