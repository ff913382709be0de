"""What the command palette offers: backward verbs first, then forward ones, then everything that can be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.desktop import forms, theme
from console.desktop.widgets.bottombar import ORDER
from console.desktop.widgets.palette import GROUPS, Choice
from console.model.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.desktop.known import Known
    from console.desktop.page import PageEntry
    from console.model.views import RolloutView, TargetView

    Go = Callable[[str, str], None]
    Act = Callable[[Verb, str], None]

FORWARD = (Verb.PROMOTE, Verb.RESUME, Verb.STEP_UP, Verb.SWITCH)
BACKWARD_GROUP, FORWARD_GROUP, OPEN_GROUP = GROUPS


def choices(known: Known, pages: tuple[PageEntry, ...], go: Go, preview: Act, act: Act) -> list[Choice]:
    """Return every line. `go` opens a page on a subject, `preview` shows what a backward verb sends, `act` sends it."""
    found = []
    for view in sorted(known.targets.values(), key=lambda one: one.name):
        rollout = known.rollout_of(view.name)
        found += list(_backward(view, rollout, preview, act))
        found += list(_forward(view, rollout, go))
        state = ", ".join(part for part in (theme.state_word(view.state).lower(), view.stable_version) if part)
        found.append(Choice(OPEN_GROUP, view.name, _bound(go, "targets", view.name), f"target, {state}", state=view.state))
    for one in known.rollouts.values():
        aside = f"rollout of {one.target}, {forms.moment(one.started_at)}"
        found.append(Choice(OPEN_GROUP, one.title, _bound(go, "releases", one.id), aside, state=one.state))
    found.append(
        Choice(OPEN_GROUP, "Connect a target", _bound(go, "targets", "connect:"), "looks around and writes its file", "plus", key="Ctrl N")
    )
    found += [Choice(OPEN_GROUP, page.title, _bound(go, page.key, ""), "page", page.icon) for page in pages]
    return found


def _backward(view: TargetView, rollout: RolloutView | None, preview: Act, act: Act) -> Iterator[Choice]:
    for verb, name, key, icon in sorted(ORDER, key=lambda entry: entry[0] is not Verb.ROLLBACK):
        told = view.verbs.get(verb) or (view.verbs.get(Verb.ABORT) if verb is Verb.ROLLBACK else None)
        if told is None:
            continue
        sends = rollout.sends if rollout is not None and verb is Verb.ROLLBACK else ()
        text = f"{name} {view.flag if verb is Verb.FLAG_KILL and view.flag else view.name}"
        refusal = "" if told.enabled else told.second
        yield Choice(
            BACKWARD_GROUP,
            text,
            _bound(preview, told.verb, view.name),
            told.second,
            icon,
            key=key,
            refusal=refusal,
            send=_bound(act, told.verb, view.name),
            sends=sends,
        )


def _forward(view: TargetView, rollout: RolloutView | None, go: Go) -> Iterator[Choice]:
    for verb in FORWARD:
        told = rollout.verbs.get(verb) if rollout is not None else None
        if told is not None and rollout is not None:
            refusal = "" if told.enabled else f"refused: {told.second}"
            open_it = _bound(go, "releases", rollout.id)
            yield Choice(
                FORWARD_GROUP, f"{verb.capitalize()} {view.name}", open_it, told.second, "play", refusal=refusal, sends=rollout.next_sends
            )


def _bound(call: Callable[..., None], *told: object) -> Callable[[], None]:
    return lambda: call(*told)
