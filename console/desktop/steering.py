"""Keeps frame, bars and ribbons in step with the target that the window is for, and turns keys and clicks into verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from console.desktop import standing
from console.desktop.acting import Acting
from console.desktop.widgets.age import ticker
from console.desktop.widgets.verb_preview import VerbPreview

if TYPE_CHECKING:
    from console.desktop.page import Surroundings
    from console.desktop.widgets.ribbon import Ribbons
    from console.desktop.window import Window
    from console.model.verbs import Verb
    from console.model.views import RolloutView, TargetView


class Steering(QObject):
    """One per window. The target is the one a person chose, else the worst one."""

    def __init__(self, around: Surroundings, window: Window, ribbons: Ribbons) -> None:
        super().__init__(window)
        self._around, self._window, self._ribbons = around, window, ribbons
        self._picked = self._looked_at = ""
        self._preview: VerbPreview | None = None
        self.acting = Acting(around, self)
        window.bottom.acted.connect(self.act)
        window.bottom.asked.connect(self.preview)
        ticker().ticked.connect(self.refresh)
        self.refresh()

    @property
    def target(self) -> TargetView | None:
        """Return the target that the window is for."""
        known = self._around.known
        return known.targets.get(self._picked) or known.targets.get(standing.first_target(known))

    @property
    def rollout(self) -> RolloutView | None:
        """Return the rollout that this target is in."""
        return self._around.known.rollout_of(self.target.name) if self.target is not None else None

    @property
    def previewing(self) -> bool:
        """Tell whether a preview stands above a verb."""
        return self._preview is not None and self._preview.isVisible()

    def pick(self, name: str) -> None:
        """Make the window for a target."""
        self._picked = name
        self.refresh()

    def refresh(self) -> None:
        """Show the target's newest state in everything that stands around the pages."""
        window, target, rollout, now = self._window, self.target, self.rollout, ticker().now()
        self._look_at(target.name if target is not None else "")
        environment = target.environment.value if target is not None else None
        window.frame.show_environment(environment)
        window.top.tab.show_environment(environment)
        window.top.show_freeze(target.freeze if target is not None else None, now)
        window.top.show_wheel(rollout.wheel if rollout is not None else None, now)
        window.top.show_connections(target.connections if target is not None else (), now)
        window.top.show_time(now)
        failing = standing.failing(target, rollout)
        verbs, shut = (target.verbs, standing.shut(rollout)) if target is not None else ({}, False)
        window.bottom.show_verbs(standing.acts_on(target), verbs, failing=failing, shut=shut)
        if target is not None:
            window.bottom.show_remark(*standing.ENFORCED.get(target.enforced_by, standing.ENFORCED["console"]))
        known = self._around.known
        self._ribbons.show_ribbons(standing.ribbons(target, rollout, known.store_problem, now, known))
        title = standing.title(target)
        if title != window.windowTitle():
            window.setWindowTitle(title)

    def _look_at(self, name: str) -> None:
        """Have the target that the window is for read and drawn whole, however many others there are."""
        if name != self._looked_at:
            self._looked_at = name
            self._around.bridge.ask(lambda desk: desk.look_at(name))

    def act(self, verb: Verb) -> None:
        """Carry out a verb of the bottom bar on the target, at once."""
        if self._preview is not None:
            self._preview.shut()
        if self.target is not None:
            self.acting.act(verb, self.target.name)

    def preview_of(self, verb: Verb, name: str) -> None:
        """Make the window for a target and do what the verb's key does: show the preview with the focus on the verb's button."""
        self.pick(name)
        button = self._window.bottom.button_of(verb)
        button.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.preview(verb)

    def preview(self, verb: Verb) -> None:
        """Show what a verb would send, above its button; Enter on the button sends."""
        target = self.target
        if target is None:
            return
        if self._preview is None:
            self._preview = VerbPreview(self._window.frame)
        shown = self._preview
        shown.open_over(self._window.bottom.button_of(verb), f"{verb.capitalize()}, {target.name}: what will be sent")
        self.acting.preview(verb, target.name, shown.show_rows)
