"""What a router and a flag service say beside their values stands with their connections."""

from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import FakeFlags, world

from console.model.readings import FlagState, Split

pytestmark = pytest.mark.anyio


async def test_a_flag_that_was_asked_for_and_is_not_in_effect_says_so_with_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = FakeFlags.state
    told: list[tuple[bool | None, str]] = [(False, "Flag enabled by rita")]

    async def telling(flags: FakeFlags) -> FlagState:
        in_effect, note = told[-1]
        return replace(await state(flags), percent=25.0, in_effect=in_effect, note=note)

    monkeypatch.setattr(FakeFlags, "state", telling)
    async with world(tmp_path) as w:
        desk = await w.desk()

        def notes() -> tuple[str, ...]:
            return next(each.notes for each in desk.target.connections if each.port == "flags")

        await w.time.advance(10)
        assert notes() == ("on for 25 %", "those who evaluate it do not see it so yet", "Flag enabled by rita")
        told.append((True, ""))
        await w.time.advance(10)
        assert notes() == ("on for 25 %", "those who evaluate it see it so")
        told.append((None, ""))
        w.shop.flags.on = False
        await w.time.advance(10)
        assert notes() == ("off",)


async def test_what_a_router_says_beside_its_weights_stands_with_its_connection(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        split = w.shop.router.split

        async def telling() -> Split:
            return replace(await split(), note="its file asks for something else")

        w.shop.router.split = telling
        await w.time.advance(5)
        assert next(each.notes for each in desk.target.connections if each.port == "traffic") == ("its file asks for something else",)
