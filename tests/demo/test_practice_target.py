"""The practice target's file is one that the console reads, and says what the shop really is."""

from pathlib import Path

import pytest

from console.demo.practice import PracticeShop
from console.demo.targetfile import Addresses, text
from console.files.targetfile import read_target
from console.model.errors import Unreachable
from console.model.target import Environment, SessionGate, Target

AT = Addresses(shop=1001, admin=1002, stable=1003, canary=1004, payments=1005, flags=1006, load=1007, tokens=1008, deployer=1009)


def target(folder: Path = Path("/shop"), speed: float = 20.0) -> Target:
    return read_target(text(AT, folder, speed).encode(), "practice.yaml")


def test_it_is_a_practice_target_that_runs_at_the_shops_speed() -> None:
    made = target()
    assert (made.name, made.environment, made.speed) == (PracticeShop.target_name, Environment.PRACTICE, 20.0)
    assert made.sides == ("blue", "green")
    assert made.auto_rollback_after_s == 20
    assert made.freezes == ()
    assert made.blackout is None


def test_it_finds_every_part_of_the_shop() -> None:
    made = target()
    assert made.traffic.admin == "http://127.0.0.1:1002"
    assert made.workloads.urls == {"blue": "http://127.0.0.1:1003/version", "green": "http://127.0.0.1:1004/version"}
    assert made.metrics is not None
    assert made.metrics.poll_s == 1
    assert made.metrics.urls["green"] == "http://127.0.0.1:1004/metrics"
    assert made.flag is not None
    assert made.flag.url == "http://127.0.0.1:1006/flag"


@pytest.mark.parametrize("speed", [1.0, 7.3, 20.0, 100.0])
def test_stages_climb_to_the_bake_with_waits_divided_by_the_speed(speed: float) -> None:
    made = target(speed=speed)
    assert [(stage.weight, stage.bake) for stage in made.stages] == [(5, False), (25, False), (50, False), (95, False), (95, True)]
    assert made.stages[0].wait_s == pytest.approx(900 / speed, abs=0.001)
    assert sum(stage.wait_s for stage in made.stages) == pytest.approx(3000 / speed, abs=0.01)
    assert all(stage.gates == ("Payment completion", "Error share") for stage in made.stages)


def test_the_gate_that_counts_is_payment_completion_and_it_must_see_total_failure() -> None:
    (sessions,) = [gate for gate in target().gates if isinstance(gate, SessionGate)]
    assert (sessions.name, sessions.harm_to, sessions.resolved, sessions.frozen_rate_acts) == ("Payment completion", 0.0, True, False)


def test_it_prices_a_failed_session_as_the_incident_did() -> None:
    prices = target().prices
    assert prices is not None
    assert prices.per_session * prices.sessions_per_min * 90 == pytest.approx(45_000, rel=0.001)


def test_a_folder_with_odd_characters_is_read_as_it_is() -> None:
    folder = Path('/home/o\'neil/my "shop": #1/ü')
    made = target(folder)
    assert made.pipeline is not None
    assert made.pipeline.folder == str(folder)
    assert made.pipeline.stages[1].run[-2:] == (str(folder / "shop.sqlite"), str(folder / "0052_payment_ref.sql"))
    assert len(made.commands) == 6


def test_there_is_no_file_while_the_shop_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="does not run"):
        _ = PracticeShop(tmp_path, "healthy", 20.0).target_text
