"""A console killed at each point of the incident's way back: it ends done, or stopped at a step that is named, and goes on from there."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo.shops import OpenShop, running, until
from journeys.eyes import Eyes
from journeys.kit import Shell, Watched, let_leases_run_out

from console.app import Console, opened
from console.demo import targetfile
from console.files.targetfile import read_target
from console.model.commands import Command
from console.model.hooks import HOOKS
from console.model.rollout import Phase, StepState
from console.model.verbs import Verb
from console.model.views import RolloutView

pytestmark = [pytest.mark.anyio, pytest.mark.envoy, pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")]

STEPS = 6
"""Traffic, flag, robot, code, migration and tokens."""
TWELVE = [f"{hook}:{number}" for number in range(1, STEPS + 1) for hook in ("before-send", "after-send")]
EVERY = [f"{hook}:{number}" for hook in HOOKS if hook not in {"wheel-taken", "plan-opened"} for number in range(1, STEPS + 1)]
POINTS = {"": ["before-send:1", "after-send:4"], "12": TWELVE, "all": EVERY}[os.environ.get("ROLLBACK_CRASHES", "")]
"""Before and after each of the six steps is sent; by default two of them, and with `all` every hook at each of its first six passes."""


@dataclass
class Site:
    """A practice shop that outlives the console, and a home that knows it, armed and trusted."""

    shop: OpenShop
    home: Path
    eyes: Eyes

    def spoil(self) -> None:
        """Make it as the bad release left it: 5.2b on the canary side, the field added, stale tokens about, the flag on."""
        at = self.shop.at
        self.shop.split(100, 0)
        assert self.shop.ask(at.flags, "/flag", "PUT", body='{"on": true, "percent": 100}').status == 200
        assert self.shop.ask(at.deployer, "/reconciler/resume", "POST").status == 200
        until(lambda: self.eyes.versions()["green"] == "5.2b", "5.2b on the canary side", 20.0)
        folder = self.shop.shop.folder
        command = [sys.executable, str(targetfile.DEPLOY), "migrate", str(folder / targetfile.DATABASE), str(folder / targetfile.MIGRATION)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        token = '{"session": "%s", "format": 2, "reference": ""}'
        assert self.shop.ask(at.tokens, "/token", "PUT", body=token % os.urandom(4).hex()).status == 200


@pytest.fixture(scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with running(folder / "practice", "silent-payment") as shop:
        home = folder / "home"
        home.mkdir()
        path = home / "practice.yaml"
        path.write_text(shop.shop.target_text, encoding="utf-8")
        for words in (("target", "add", str(path)), ("target", "arm", "practice"), ("target", "trust", "practice", "--yes")):
            said = Shell(home)(*words)
            assert said.code == 0, said
        yield Site(shop, home, Eyes(read_target(path.read_bytes(), str(path))))


@pytest.fixture
def site(_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The shop as a bad release left it, and a home of this test's own."""
    home = tmp_path / "home"
    shutil.copytree(_site.home, home)
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    _site.spoil()
    return Site(_site.shop, home, _site.eyes)


async def go_forward(console: Console) -> None:
    """Give the bad version all the traffic."""
    watched = Watched(console)
    await console.read("practice", 20.0)
    answer = await console.act(Command(Verb.SWITCH, "practice", console.actor, "a bad day", side="green"))
    assert answer.decision.allowed, answer.decision
    await watched.until(lambda: answer.rollout in watched.rollouts and watched.rollouts[answer.rollout].phase is Phase.DONE, "all on 5.2b")


@pytest.mark.parametrize("point", POINTS)
async def test_a_way_back_that_was_killed_is_done_or_names_the_step_at_which_it_stands_and_goes_through(site: Site, point: str) -> None:
    async with opened(watch=["practice"]) as console:
        await go_forward(console)
    said = Shell(site.home)("rollback", "practice", "--reason", "payments fail", crash_at=point)
    if said.code == 0:
        assert point not in TWELVE, "each of the six steps passes this point"
    else:
        assert said.code == -signal.SIGKILL, said
    let_leases_run_out(site.home)
    async with opened(watch=None, keeps_watch=True) as console:
        watched = Watched(console)
        await watched.until(
            lambda: bool(watched.rollouts) and all(map(settled, watched.rollouts.values())), "what was left behind, read back"
        )
        for view in [view for view in watched.rollouts.values() if not view.phase.over]:
            assert bool(view.unknowns) or re.match(r"rollback stopped at step [1-6]: \w", view.note), view
            answer = await console.act(Command(Verb.ROLLBACK, "practice", console.actor, "after the crash", rollout=view.id))
            assert answer.decision.allowed, answer.decision
            await watched.until(lambda known=view.id: watched.rollouts[known].phase is Phase.ROLLED_BACK, "the way back is at its end")
        if not any(view.phase is Phase.ROLLED_BACK for view in watched.rollouts.values()):
            await begin_again(console, watched)
        for rollout in await console.store.journal.rollouts(live=False):
            states = {row.state for row in await console.store.journal.steps(rollout.id)}
            assert states <= {StepState.CONFIRMED, StepState.UNKNOWN, StepState.FAILED}, "no step is left on its way"
        report = await console.audit_verify(None)
        assert (report.ok, report.open_intents) == (True, ())
    assert (site.eyes.versions(), site.eyes.columns()) == ({"blue": "5.1", "green": "5.1"}, "as before the migration")
    assert (site.eyes.tokens()["done"], site.eyes.flag()["on"]) == (True, False)
    assert site.shop.load()["failed"] == 0, "no customer lost a request"


def settled(view: RolloutView) -> bool:
    """Tell whether a rollout is over, or was read back and waits for a person."""
    return view.phase.over or (view.phase not in {Phase.PLANNED, Phase.RUNNING, Phase.ABORTING} and bool(view.verbs))


async def begin_again(console: Console, watched: Watched) -> None:
    """Roll back anew what was killed before anything of it was on record."""
    await console.read("practice", 20.0)
    answer = await console.act(Command(Verb.ROLLBACK, "practice", console.actor, "after the crash"))
    assert answer.decision.allowed, answer.decision
    await watched.until(
        lambda: answer.rollout in watched.rollouts and watched.rollouts[answer.rollout].phase is Phase.ROLLED_BACK,
        "the way back is at its end",
    )
