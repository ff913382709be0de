"""What a person is told who resumes what another console keeps, in one sentence with the command."""

from types import SimpleNamespace
from typing import Any

import pytest

from console.cli.watching import take_from_a_watcher, watch_words
from console.model.commands import Answer, Decision
from console.model.errors import CannotRecord, NotAllowed
from console.model.rollout import Actor, Phase

pytestmark = pytest.mark.anyio

ANA, BEN = Actor("Ana", "desk:1:aaaa"), Actor("Ben", "desk:2:bbbb")


def console(phase: Phase, holder: Actor | None, answer: Answer | None = None, trouble: Exception | None = None) -> Any:
    """A console of Ana's on a rollout that somebody has; it answers a request for the wheel as it is told to."""

    async def rollout(_: str) -> object:
        if trouble is not None:
            raise trouble
        return SimpleNamespace(id="R-1", phase=phase)

    async def seen(_: str) -> object:
        return SimpleNamespace(live=None if holder is None else SimpleNamespace(holder=holder), lease=None)

    async def take(_: str, reason: str) -> Answer:
        assert answer is not None, "nobody was to be asked"
        return answer

    store = SimpleNamespace(journal=SimpleNamespace(rollout=rollout), wheel=SimpleNamespace(seen=seen))
    return SimpleNamespace(store=store, actor=ANA, take_wheel=take)


async def test_who_drives_keeps_the_wheel_and_the_refusal_names_the_command() -> None:
    no = Answer(Decision(False, ("Ben drives R-1 from desk.", "Ben was asked for a handover.")), "R-1")
    with pytest.raises(NotAllowed) as refused:
        await take_from_a_watcher(console(Phase.HELD, BEN, no), "R-1", "")
    assert str(refused.value) == (
        "R-1 was not resumed: Ben drives R-1 from desk. Ben was asked for a handover. Whoever has the wheel gives it with: "
        "release-console wheel hand-over R-1. Then resume again; going back is open."
    )


@pytest.mark.parametrize(("phase", "holder"), [(Phase.HELD, None), (Phase.HELD, ANA), (Phase.RUNNING, BEN)])
async def test_nobody_is_asked_for_a_wheel_that_is_free_or_drives_on(phase: Phase, holder: Actor | None) -> None:
    await take_from_a_watcher(console(phase, holder), "R-1", "")


async def test_what_is_over_needs_nobody_and_records_that_cannot_be_read_are_said() -> None:
    assert await watch_words(console(Phase.DONE, None), "R-1") == ""
    words = await watch_words(console(Phase.HELD, None, trouble=CannotRecord("The disk is full.")), "R-1")
    assert words == "Whether anybody watches R-1 is not known: The disk is full."
