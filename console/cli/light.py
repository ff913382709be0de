"""The readiness light in the words of a terminal: what it says now, what the way back takes later, and its reasons."""

from datetime import datetime

from console.model.readiness import Readiness, Then


def light_words(readiness: Readiness, now: datetime) -> str:
    """Return the light with its seconds, now and after the next thing that changes them: `ready, about 41 s; then 541 s, from stage 3`."""
    then = readiness.then
    return f"{readiness.light.value}, about {readiness.predicted_s:g} s" + ("" if then is None else f"; {_later(then, now)}")


def print_light(readiness: Readiness, now: datetime) -> None:
    """Print the light and a line for each of its reasons."""
    print(f"The way back is {light_words(readiness, now)}:")
    for item in readiness.items:
        print(f"  {item.name}: {item.light.value}. {item.sentence}")


def _later(then: Then, now: datetime) -> str:
    left = "then hold only" if then.predicted_s is None else f"then {then.predicted_s:g} s"
    place = f", from stage {then.stage}" if then.stage else ""
    when = "" if then.at is None else f", in {max(0.0, (then.at - now).total_seconds()):.0f} s{' at the earliest' if then.stage else ''}"
    return f"{left}{place}{when} ({then.name})"
