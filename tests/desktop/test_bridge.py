"""The one door: nothing blocks, answers land on the Qt thread, and every error is told in words."""

import asyncio
import threading

import pytest
from PySide6.QtCore import QObject, QThread, Signal

from console.desktop.bridge import Bridge
from console.engine.thread import EngineThread
from console.model.errors import ConsoleError, Unreachable
from tests.desktop import samples


class Listener:
    """A desk that only listens."""

    def __init__(self):
        self.cancelled = False

    def listen(self, on_update, on_event=None):
        self.on_update, self.on_event = on_update, on_event
        return self.cancel

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def engine():
    thread = EngineThread("bridge-test")
    thread.start()
    yield thread
    assert thread.stop()


@pytest.fixture
def bridge(qapp, engine):
    made = Bridge()
    made.attach(Listener(), engine.submit)
    yield made
    made.detach()


def test_2000_signals_carry_their_values(qapp):
    """PySide6 6.12.0 on Python 3.11 aborts after about 700: each emit loses a reference to True."""

    class Emitter(QObject):
        sent = Signal(bool, object)

    emitter, heard = Emitter(), []
    emitter.sent.connect(lambda flag, value: heard.append((flag, value)))
    for number in range(2000):
        emitter.sent.emit(True, number)
    assert heard == [(True, number) for number in range(2000)]


def test_an_answer_lands_on_the_qt_thread(qtbot, bridge):
    landed = []

    async def where(_desk):
        return threading.current_thread().name

    bridge.ask(where, lambda name: landed.append((name, QThread.currentThread() is bridge.thread())))
    qtbot.waitUntil(lambda: bool(landed))
    assert landed == [("bridge-test", True)]


def test_asking_never_waits(qtbot, bridge):
    gate, landed = threading.Event(), []

    async def slow(_desk):
        await asyncio.to_thread(gate.wait)
        return "late"

    bridge.ask(slow, landed.append)
    assert landed == []
    gate.set()
    qtbot.waitUntil(lambda: landed == ["late"])


def test_what_is_asked_before_the_engine_runs_waits_for_it(qtbot, engine):
    bridge, landed = Bridge(), []

    async def answer(_desk):
        return 1

    bridge.ask(answer, landed.append)
    bridge.attach(Listener(), engine.submit)
    qtbot.waitUntil(lambda: landed == [1])
    bridge.detach()


def test_an_error_goes_to_whoever_asked(qtbot, bridge):
    problems = []

    async def fails(_desk):
        raise Unreachable("No reply from the router.", sent=False)

    bridge.ask(fails, None, problems.append)
    qtbot.waitUntil(lambda: bool(problems))
    assert problems[0].message == "No reply from the router."


def test_an_error_that_nobody_takes_is_told_to_the_window(qtbot, bridge):
    async def fails(_desk):
        raise ConsoleError("The disk is full.", advice="Free some space.")

    with qtbot.waitSignal(bridge.failed) as caught:
        bridge.ask(fails)
    assert caught.args[0].advice == "Free some space."


def test_a_fault_is_told_in_words_without_its_traceback(qtbot, bridge):
    async def breaks(_desk):
        raise KeyError("weights")

    with qtbot.waitSignal(bridge.failed) as caught:
        bridge.ask(breaks)
    assert isinstance(caught.args[0], ConsoleError)
    assert "Traceback" not in str(caught.args[0])


def test_an_answer_for_a_widget_that_is_gone_is_dropped(qtbot, bridge):
    class Page(QObject):
        def show(self, _value):
            raise AssertionError("a dead page was told")

    page, gate = Page(), threading.Event()

    async def slow(_desk):
        await asyncio.to_thread(gate.wait)
        return 1

    async def after(_desk):
        return 2

    bridge.ask(slow, page.show)
    page.deleteLater()
    qtbot.waitUntil(lambda: not _lives(page))
    gate.set()
    landed = []
    bridge.ask(after, landed.append)
    qtbot.waitUntil(lambda: landed == [2])


def test_batches_from_the_engines_thread_arrive_as_signals(qtbot, bridge, engine):
    async def tell():
        bridge.desk.on_update(samples.first_start())

    with qtbot.waitSignal(bridge.updated) as caught:
        engine.submit(tell())
    assert caught.args[0] == samples.first_start()


def test_detaching_stops_listening(qapp, engine):
    bridge, desk = Bridge(), Listener()
    bridge.attach(desk, engine.submit)
    bridge.detach()
    assert desk.cancelled
    assert bridge.desk is None


def _lives(thing):
    from shiboken6 import isValid

    return isValid(thing)
