"""What the window knows now: all batches from the engine, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from console.model.team import RecordsView
    from console.model.views import CalendarView, Problem, RolloutView, TargetView, TrainView, Update


class WheelSeen(NamedTuple):
    """Under which token a rollout is driven, since when this window has seen that, and under which token it drove it itself (0: never)."""

    token: int
    since: datetime
    mine: int = 0


class Known:
    """The newest view of each target and rollout, kept so that a page made later can catch up."""

    def __init__(self) -> None:
        self.targets: dict[str, TargetView] = {}
        self.rollouts: dict[str, RolloutView] = {}
        self.trains: dict[str, TrainView] = {}
        self.calendar: CalendarView | None = None
        self.store_problem: Problem | None = None
        self.records: RecordsView | None = None
        self.wheels: dict[str, WheelSeen] = {}

    def take(self, update: Update) -> None:
        """Put a batch in."""
        self.targets.update((view.name, view) for view in update.targets)
        self.rollouts.update((view.id, view) for view in update.rollouts)
        self.trains.update((view.id, view) for view in update.trains)
        for view in update.rollouts:
            self._see_wheel(view)
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
            trains=tuple(self.trains.values()),
        )

    def cannot_drive(self, view: TargetView) -> str:
        """Return in words why this login may not move a target forward; "" where it may, or where that is not known."""
        return self.records.cannot_drive(view.environment.value) if self.records is not None else ""

    def lost_wheel(self, view: RolloutView) -> WheelSeen | None:
        """Return who took over from this window, and when; None while it drives, or when it never did."""
        seen, lease = self.wheels.get(view.id), view.wheel.lease
        return seen if seen is not None and lease is not None and not view.wheel.mine and 0 < seen.mine < lease.token else None

    def train_of(self, rollout: str) -> TrainView | None:
        """Return the train that a rollout belongs to, the newest where several do; None for a rollout of its own."""
        own = [view for view in self.trains.values() if any(rollout in {each.rollout, each.back} for each in view.members)]
        return max(own, key=lambda view: view.started_at, default=None)

    def _see_wheel(self, view: RolloutView) -> None:
        lease = view.wheel.lease
        if lease is None:
            return
        seen = self.wheels.get(view.id)
        since = seen.since if seen is not None and seen.token == lease.token else lease.renewed_at
        own = lease.token if view.wheel.mine else seen.mine if seen is not None else 0
        self.wheels[view.id] = WheelSeen(lease.token, since, own)

    def rollout_of(self, target: str) -> RolloutView | None:
        """Return the rollout that a target is in, or None."""
        view = self.targets.get(target)
        return self.rollouts.get(view.rollout) if view is not None and view.rollout else None
