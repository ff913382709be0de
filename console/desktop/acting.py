"""Carries verbs from a click, a key or a page to the engine, and tells what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desktop.page import Surroundings
    from console.model.commands import Answer, Command, Decision
    from console.model.errors import ConsoleError
    from console.model.verbs import Verb
    from console.model.views import Notice, SendView

    Rows = Callable[[tuple[SendView, ...], str], None]

WHY = "from the bottom bar"


class Acting(QObject):
    """Sends commands; `told` carries a Notice for a refusal or an error, nothing for a move that is on its way: its page shows it."""

    told = Signal(object)
    done = Signal(object)
    """The Command that was taken."""
    asked = Signal(object, object)
    """A Command that goes when it is sent again, and the Decision with what a person has to have read first."""

    def __init__(self, around: Surroundings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._around = around

    def command(self, verb: Verb, target: str, reason: str = WHY) -> Command:
        """Return the command for a verb on a target and the rollout that it is in."""
        from console.model.commands import Command  # noqa: PLC0415 (keeps the first paint free of it)

        view = self._around.known.targets.get(target)
        return Command(verb, target, self._around.actor, reason, rollout=view.rollout if view is not None else "")

    def act(self, verb: Verb, target: str) -> None:
        """Carry out a verb now."""
        if target:
            self.send(self.command(verb, target))

    def send(self, command: Command) -> None:
        """Send a command as it is."""
        self._around.bridge.ask(
            lambda desk: desk.act(command), lambda answer: self._answered(command, answer), lambda error: self._failed(command, error)
        )

    def preview(self, verb: Verb, target: str, show: Rows) -> None:
        """Ask what a verb would send; `show` gets the rows, or a sentence where there are none."""
        command = self.command(verb, target)
        self._around.bridge.ask(lambda desk: desk.preview(command), lambda found: _shown(found, show), lambda error: show((), str(error)))

    def _answered(self, command: Command, answer: Answer) -> None:
        if answer.decision.allowed:
            self.done.emit(command)
            return
        if answer.decision.asks:
            self.asked.emit(command, answer.decision)
            return
        why = " ".join(part for part in (*answer.decision.reasons[:1], answer.decision.allowed_instead) if part)
        self._tell(command, "refused", f"{command.verb.capitalize()} was refused", why)

    def _failed(self, command: Command, error: ConsoleError) -> None:
        self._tell(command, "fail", f"{command.verb.capitalize()} did not go", str(error))

    def _tell(self, command: Command, level: str, title: str, text: str) -> None:
        self.told.emit(notice(self._around, level, title, text, command.target))


def notice(around: Surroundings, level: str, title: str, text: str, target: str = "") -> Notice:
    """Return a notice of now."""
    from console.model.views import Notice  # noqa: PLC0415 (keeps the first paint free of the views)

    return Notice(around.clock.now(), level, title, text, target)


def _shown(found: tuple[Decision, tuple[SendView, ...]], show: Rows) -> None:
    decision, rows = found
    show(tuple(rows), "" if decision.allowed else " ".join(decision.reasons[:1]))
