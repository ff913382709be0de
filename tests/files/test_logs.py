"""The log is one object a line, private, without secrets, and never in the way."""

import json
import logging
import os
import re
import sys
import threading

import pytest

from console.files import logs as module
from console.files.logs import set_up_logs


def redact(text: str) -> str:
    return re.sub("hunter2", "***", text)


@pytest.fixture
def told():
    return []


@pytest.fixture
def log(tmp_path, told):
    opened = set_up_logs(tmp_path / "logs", "cli", redact, on_crash=told.append)
    yield opened
    opened.close()


def lines(log) -> list[dict]:
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def test_a_line_is_one_object_with_its_instant(log):
    logging.getLogger("console.engine").info("weight of %s is %d", "shop\nx", 5)
    (line,) = lines(log)
    assert (line["level"], line["logger"], line["text"]) == ("info", "console.engine", "weight of shop\nx is 5")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])


def test_no_secret_reaches_the_log(log, told):
    try:
        raise ValueError("token hunter2")
    except ValueError as error:
        logging.getLogger("x").exception("failed with %s", "hunter2")
        sys.excepthook(type(error), error, error.__traceback__)
    assert "hunter2" not in log.path.read_text()
    assert {"failed with ***", "uncaught ValueError"} <= {line["text"] for line in lines(log)}
    assert told == ["ValueError: token ***"]


def test_arguments_that_do_not_fit_lose_nothing(log):
    (handler,) = [one for one in logging.getLogger().handlers if getattr(one, "baseFilename", "") == str(log.path)]
    handler.handle(logging.LogRecord("x", logging.WARNING, "", 0, "%d of %d", ("one",), None))
    assert lines(log)[0]["text"] == "%d of %d"


def test_http_libraries_are_silent_while_the_log_is_open(tmp_path):
    opened = set_up_logs(tmp_path, "cli", redact)
    logging.getLogger("httpx").warning("GET /?token=x")
    opened.close()
    assert not opened.path.exists()
    assert not logging.getLogger("httpx").disabled


def test_what_nobody_caught_in_a_thread_is_logged(log, told):
    def fail():
        raise RuntimeError("lost")

    thread = threading.Thread(target=fail, name="engine")
    thread.start()
    thread.join()
    assert lines(log)[0]["text"] == "uncaught RuntimeError in engine"
    assert "lost" in lines(log)[0]["traceback"]
    assert told == ["RuntimeError: lost"]


def test_closing_puts_everything_back(tmp_path):
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook, logging.getLogger().level, len(logging.getLogger().handlers))
    set_up_logs(tmp_path, "cli", redact).close()
    after = (sys.excepthook, threading.excepthook, sys.unraisablehook, logging.getLogger().level, len(logging.getLogger().handlers))
    assert before == after


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_log_is_for_its_owner_only(log):
    logging.getLogger("x").info("a")
    assert {path.stat().st_mode & 0o777 for path in log.path.parent.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    opened = set_up_logs(tmp_path / "file" / "logs", "cli", redact)
    try:
        logging.getLogger("x").info("a")
        assert opened.lost == 1
    finally:
        opened.close()


def test_the_log_rotates_and_stays_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2000)
    opened = set_up_logs(tmp_path, "cli", redact)
    for _ in range(200):
        logging.getLogger("x").info("a" * 100)
    opened.close()
    kept = sorted(path.name for path in tmp_path.iterdir() if "crash" not in path.name)
    assert kept == ["cli.log", *(f"cli.log.{number}" for number in range(1, module.KEPT + 1))]
    assert all((tmp_path / name).stat().st_size <= 2000 for name in kept)
