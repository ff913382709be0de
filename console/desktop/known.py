"""What the window knows now: all batches from the engine, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.model.views import CalendarView, Problem, RolloutView, TargetView, Update


class Known:
    """The newest view of each target and rollout, kept so that a page made later can catch up."""

    def __init__(self) -> None:
        self.targets: dict[str, TargetView] = {}
        self.rollouts: dict[str, RolloutView] = {}
        self.calendar: CalendarView | None = None
        self.store_problem: Problem | None = None

    def take(self, update: Update) -> None:
        """Put a batch in."""
        self.targets.update((view.name, view) for view in update.targets)
        self.rollouts.update((view.id, view) for view in update.rollouts)
        for name in update.gone:
            self.targets.pop(name, None)
        if update.calendar is not None:
            self.calendar = update.calendar
        self.store_problem = update.store_problem

    def everything(self) -> Update:
        """Return all that is known as one batch, without notices."""
        from console.model.views import Update  # noqa: PLC0415 (keeps the first paint free of the views)

        return Update(
            targets=tuple(self.targets.values()),
            rollouts=tuple(self.rollouts.values()),
            calendar=self.calendar,
            store_problem=self.store_problem,
        )

    def rollout_of(self, target: str) -> RolloutView | None:
        """Return the rollout that a target is in, or None."""
        view = self.targets.get(target)
        return self.rollouts.get(view.rollout) if view is not None and view.rollout else None
