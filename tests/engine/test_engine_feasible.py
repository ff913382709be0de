"""What a router's system tells beforehand stops a start in words, and one that does not answer stops nothing."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from console.engine.feasible import ask_beforehand
from console.model.errors import ConsoleError, Unreachable
from console.model.readings import Foreseen

pytestmark = pytest.mark.anyio


@dataclass
class Router:
    """Tells beforehand what it was told to."""

    foreseen: Foreseen | ConsoleError
    asked: list[int] = field(default_factory=list)

    async def foresee(self, weights: list[int]) -> Foreseen:
        self.asked = list(weights)
        if isinstance(self.foreseen, ConsoleError):
            raise self.foreseen
        return self.foreseen


def live(router: object) -> Any:
    return SimpleNamespace(connections=SimpleNamespace(router=router), foreseen=Foreseen())


async def test_obstacles_are_returned_and_kept_for_the_plan() -> None:
    router = Router(Foreseen(("may not write",), ("splits by pods",)))
    target = live(router)
    assert await ask_beforehand(target, [5, 50]) == ("may not write",)
    assert target.foreseen == router.foreseen
    assert router.asked == [5, 50]


async def test_no_answer_is_a_warning_and_no_obstacle() -> None:
    target = live(Router(Unreachable("The cluster is away.", sent=False)))
    assert await ask_beforehand(target, [5]) == ()
    assert target.foreseen.warnings == ("Rights and weights could not be asked beforehand: The cluster is away.",)


async def test_a_router_that_tells_nothing_beforehand_is_not_asked() -> None:
    assert await ask_beforehand(live(object()), [5]) == ()
