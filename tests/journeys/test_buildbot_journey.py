"""A release that a real Buildbot checks first: through the engine, a failing stage halts it, and a cancel is told with its reason."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell, target_text
from servers.buildbot_process import BuildbotServer
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

from console.app import Console, opened
from console.model.commands import Command
from console.model.rollout import Phase
from console.model.verbs import Verb
from console.model.views import RolloutView, Update

pytestmark = [pytest.mark.journey, pytest.mark.buildbot, pytest.mark.envoy, pytest.mark.anyio]

LONG_S = 60.0


@pytest.fixture
def scripts(
    buildbot_server: BuildbotServer,
    envoy_server: EnvoyServer,
    upstreams: Mapping[str, Upstream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A home with an armed target whose pipeline is a Buildbot; returns the folder with the scripts that are its stages."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    pipeline = (
        f"pipeline:\n  provider: buildbot\n  url: {buildbot_server.url}\n  builder: release\n  scheduler: release\n"
        f"  parameters: {{folder: '{folder}'}}\n"
    )
    file = tmp_path / "shop.yaml"
    file.write_text(target_text(envoy_server.admin, upstreams, pipeline), encoding="utf-8")
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "home"))
    shell = Shell(tmp_path / "home")
    assert shell("target", "check", str(file)).code == 0
    assert shell("target", "add", str(file)).code == 0
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    return folder


class Eyes:
    """What the window is told of the one rollout, as it comes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seen: list[RolloutView] = []
        self.cancel = console.listen(self._take, lambda event: None)

    def _take(self, update: Update) -> None:
        self.seen.extend(update.rollouts)

    async def until(self, met: Callable[[RolloutView], bool]) -> RolloutView:
        async with asyncio.timeout(LONG_S):
            while not (self.seen and met(self.seen[-1])):
                await asyncio.sleep(0.02)
        return self.seen[-1]


async def begin(console: Console) -> str:
    await console.read("shop", 6.0)
    answer = await console.act(Command(Verb.START, "shop", console.actor, "test", release="18.0.0"))
    assert answer.decision.allowed, answer.decision.reasons
    return answer.rollout


async def test_a_failing_stage_halts_the_rollout_before_any_traffic_moves_and_says_where(
    scripts: Path, buildbot_server: BuildbotServer
) -> None:
    (scripts / "1-image.sh").write_text("echo building $RELEASE_VERSION")
    (scripts / "2-smoke.sh").write_text("echo cart answers 500 >&2; exit 7")
    async with opened(watch=["shop"]) as console:
        eyes = Eyes(console)
        rollout = await begin(console)
        held = await eyes.until(lambda view: view.phase is Phase.HELD)
        assert held.id == rollout
        assert "smoke failed with exit code 7" in held.note
        assert held.pipeline is not None
        assert [(stage.name, stage.state) for stage in held.pipeline.stages] == [("image", "passed"), ("smoke", "failed")]
        assert ("smoke", "cart answers 500") in [(line.stage, line.text) for line in held.log]
        assert held.weight.read_back.value == 0.0
        assert held.pipeline.link.startswith(buildbot_server.url)


async def test_a_run_is_cancelled_with_a_reason_that_both_sides_tell(scripts: Path, buildbot_server: BuildbotServer) -> None:
    (scripts / "1-image.sh").write_text("echo up; sleep 300")
    async with opened(watch=["shop"]) as console:
        eyes = Eyes(console)
        rollout = await begin(console)
        await eyes.until(lambda view: bool(view.log))
        await console.cancel_pipeline(rollout, "the wrong version")
        held = await eyes.until(lambda view: view.phase is Phase.HELD)
        assert "the wrong version" in held.note
    build = buildbot_server.get("builds?order=-buildid&limit=1")["builds"][0]
    assert (build["results"], "the wrong version" in build["state_string"]) == (6, True)


async def test_another_console_follows_the_run_that_one_left_and_starts_none(scripts: Path, buildbot_server: BuildbotServer) -> None:
    gate = scripts / "gate"
    (scripts / "1-image.sh").write_text(f"echo up; while [ ! -e {gate} ]; do sleep 0.05; done")
    before = len(buildbot_server.get("builds")["builds"])
    async with opened(watch=["shop"]) as console:
        eyes = Eyes(console)
        rollout = await begin(console)
        await eyes.until(lambda view: bool(view.log))
    gate.touch()
    async with opened(watch=["shop"]) as console:
        eyes = Eyes(console)
        await console.read("shop", 6.0)
        await eyes.until(lambda view: view.phase in {Phase.HELD, Phase.UNKNOWN})
        await console.act(Command(Verb.RESUME, "shop", console.actor, "test", rollout=rollout))
        await eyes.until(lambda view: any(cell.name != "Pipeline" and cell.running for cell in view.stages))
        await console.act(Command(Verb.ABORT, "shop", console.actor, "test", rollout=rollout))
    assert len(buildbot_server.get("builds")["builds"]) == before + 1
