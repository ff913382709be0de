"""A way back in words: where it stands, what is safe already, and what each of its rows waits for or would lose."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.desktop import forms, theme
from console.model.rollout import Phase, StepState
from console.model.verbs import Direction, State
from console.model.views import RolloutView, SendView

GOING_BACK = {Phase.ABORTING, Phase.BACK_STOPPED, Phase.ROLLED_BACK, Phase.ABORTED}
SETTLED = {State.HEALTHY, State.WAIVED}
"""A row that is confirmed, or that a person passed over: what waits for it may go."""
_OPEN = {None, State.PLANNED}
_OVER = {Phase.ROLLED_BACK: "Rolled back", Phase.ABORTED: "Aborted, traffic is on stable"}
Words = tuple[str, str]
"""Words with their ink."""


def stopped_row(rows: Sequence[SendView]) -> SendView | None:
    """Return the first row that waits for a person, or None."""
    return next((row for row in rows if row.moves), None)


def since(view: RolloutView) -> dict[int, datetime]:
    """Return when each backward step that is on its way was sent, by `seq`."""
    going = (row for row in view.steps if row.state is StepState.SENT and row.step.direction is Direction.BACKWARD)
    return {row.step.seq: row.sent_at for row in going}


def left_s(rows: Sequence[SendView], started: Mapping[int, datetime], now: datetime) -> float:
    """Return the seconds that a way back still takes: predicted ones, less what a running step has used."""
    open_rows = [row for row in rows if row.state not in SETTLED]
    return sum(max(0.0, row.predicted_s - _gone(row, started, now)) for row in open_rows)


def head(view: RolloutView, now: datetime) -> tuple[State, str, str]:
    """Return mark, sentence and grey second part of a way back."""
    rows, count = view.sends, len(view.sends)
    settled = sum(row.state in SETTLED for row in rows)
    skipped = sum(row.state is State.WAIVED for row in rows)
    if view.phase.over:
        took = sum(row.took_s or 0.0 for row in rows)
        passed = f", {skipped} step{'s' if skipped > 1 else ''} skipped" if skipped else ""
        planned = f"{forms.span(took)}, predicted {forms.span(sum(row.predicted_s for row in rows))}" if took else ""
        return (State.WAIVED if skipped else State.ROLLING_BACK), f"{_OVER.get(view.phase, 'Over')}{passed}", planned
    row = stopped_row(rows)
    if view.phase is Phase.BACK_STOPPED or row is not None:
        where = f" at step {row.number}: {row.what}" if row is not None else ""
        return _stopped_state(row), f"Rollback stopped{where}", ""
    left = left_s(rows, since(view), now)
    return State.ROLLING_BACK, f"Rolling back, step {min(count, settled + 1)} of {count}", f"{forms.span(left)} left" if left else ""


def _stopped_state(row: SendView | None) -> State:
    if row is None or row.state in _OPEN:
        return State.HELD
    return row.state or State.HELD


def safe_words(view: RolloutView) -> Words:
    """Say first whether customers are safe: what the canary's share of traffic was read back as, and when."""
    fact = view.weight.read_back
    if fact.value is None or fact.at is None:
        return "Traffic is not read back: nobody knows where it is.", "unknown"
    at = forms.clock(fact.at)
    if fact.value == 0:
        return f"Traffic is back on stable {view.stable_version}: 0 % read back {at}.", "ok"
    return f"Traffic is not back yet: {forms.per_cent(fact.value)} canary read back {at}.", "fail"


def advice(view: RolloutView) -> str:
    """Say what to do next where a way back stands still; "" where nothing has to be done."""
    row = stopped_row(view.sends)
    done = f"{sum(shown.state in SETTLED for shown in view.sends)} of {len(view.sends)} done."
    if row is None:
        return f"{done} Roll back (F8) tries every step again that is not." if view.phase is Phase.BACK_STOPPED else ""
    behind = sum(row.seq in other.after and other.state not in SETTLED for other in view.sends)
    waiting = f" {behind} step{'s wait' if behind > 1 else ' waits'} for it." if behind else ""
    return f"{done} Choose what becomes of step {row.number}.{waiting} Roll back (F8) tries all again that are not done."


def waits_words(row: SendView, rows: Sequence[SendView]) -> str:
    """Say which rows a row still waits for: "waits for 2 and 3"."""
    if row.state not in _OPEN:
        return ""
    numbers = [str(other.number) for other in rows if other.seq in row.after and other.state not in SETTLED]
    if not numbers:
        return ""
    return f"waits for {', '.join(numbers[:-1])} and {numbers[-1]}" if len(numbers) > 1 else f"waits for {numbers[0]}"


def loss_words(row: SendView) -> str:
    """Say what undoing a row would lose, with its class; "" for one that is free."""
    if row.reversibility == "free":
        return ""
    name = "one-way" if row.reversibility in {"one-way", "one_way"} else row.reversibility
    return f"{name}, loses {row.loses}" if row.loses else name


def seconds_words(row: SendView, started: Mapping[int, datetime], now: datetime) -> str:
    """Return measured seconds, "4 s of 18 s" while it runs, or predicted ones."""
    if row.took_s is not None:
        return f"{row.took_s:.1f} s"
    if row.seq in started and row.state not in SETTLED and not row.moves:
        return f"{forms.span(_gone(row, started, now))} of {forms.span(row.predicted_s)}"
    return forms.span(row.predicted_s)


def share_gone(row: SendView, started: Mapping[int, datetime], now: datetime) -> float:
    """Return how much of a running row's predicted seconds has gone, 0 to 1; 0 for a row that does not run."""
    if row.seq not in started or row.took_s is not None or row.moves or not row.predicted_s:
        return 0.0
    return min(1.0, _gone(row, started, now) / row.predicted_s)


def state_word(row: SendView) -> str:
    """Return the word of a row's state; one that was passed over is skipped, one that was sent is under way."""
    if row.state is None:
        return "planned"
    return {State.WAIVED: "skipped", State.IN_ROLLOUT: "under way", State.HEALTHY: "confirmed"}.get(
        row.state, theme.state_word(row.state).lower()
    )


def aloud(row: SendView, rows: Sequence[SendView]) -> str:
    """Return a row as one sentence for screen readers."""
    seconds = forms.span(row.predicted_s) if row.took_s is None else f"{row.took_s:.1f} s"
    moves = f"you can {', '.join(row.moves)}" if row.moves else ""
    what = f"{row.system} {row.value}".strip()
    parts = (f"{row.number} {row.what}", state_word(row), what, seconds, row.detail, waits_words(row, rows), loss_words(row), moves)
    return ", ".join(part for part in parts if part)


def _gone(row: SendView, started: Mapping[int, datetime], now: datetime) -> float:
    return max(0.0, (now - started[row.seq]).total_seconds()) if row.seq in started else 0.0
