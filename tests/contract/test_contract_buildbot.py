"""What a Buildbot promises besides: no build twice whatever becomes of an answer, stages within a second, and plain words for trouble."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from faults.proxy import Fault, FaultProxy, fault_proxy
from servers.buildbot_process import BuildbotServer, boot_buildbot

from console.model.clock import SystemClock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import BuildbotPipeline
from console.model.readings import LogLine, PipelineRun
from console.providers.clients.http import HttpClient
from console.providers.pipelines.buildbot import BuildbotRuns
from console.providers.pipelines.buildbot_run import change_of

pytestmark = [pytest.mark.anyio, pytest.mark.buildbot]

PASSWORD = "canary-buildbot-1"
Make = Callable[..., BuildbotRuns]


@pytest.fixture
async def make(buildbot_server: BuildbotServer, tmp_path: Path) -> AsyncIterator[Make]:
    """Make the provider for some scripts."""
    http, numbers, made = HttpClient(), count(), []

    def one(*scripts: tuple[str, str], **changes: Any) -> BuildbotRuns:
        folder = tmp_path / f"scripts-{next(numbers)}"
        folder.mkdir()
        for at, (name, script) in enumerate(scripts):
            (folder / f"{at}-{name}.sh").write_text(script)
        given = {"url": buildbot_server.url, "builder": "release", "scheduler": "release", "parameters": {"folder": str(folder)}, **changes}
        made.append(BuildbotRuns(BuildbotPipeline(**given), http, SystemClock()))
        return made[-1]

    yield one
    for each in made:
        await each.aclose()
    await http.aclose()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildbotServer]:
    """A real Buildbot whose builds only `ana` may force."""
    server = boot_buildbot(tmp_path_factory.mktemp("guarded"), password=PASSWORD)
    yield server
    server.child.stop()


async def end_of(runs: BuildbotRuns, run: str) -> PipelineRun:
    async with asyncio.timeout(60):
        told = [item async for item in runs.follow(run) if isinstance(item, PipelineRun)]
    return told[-1]


def forces(request: bytes, number: int) -> bool:
    return b" /api/v2/forceschedulers/" in request and request.startswith(b"POST")


def started(server: BuildbotServer, key: str) -> int:
    rows = server.get("buildrequests?property=release_key")["buildrequests"]
    return sum((row["properties"] or {}).get("release_key", [""])[0] == key for row in rows)


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.HANG_AFTER])
async def test_a_start_whose_answer_is_lost_finds_its_build_again(
    make: Make, buildbot_server: BuildbotServer, tmp_path: Path, fault: Fault
) -> None:
    async with fault_proxy(buildbot_server.url) as proxy:
        proxy.set(fault, forces)
        runs = make(("build", "true"), url=proxy.url, timeout_s=1.5)
        run = await runs.start("18.0.0", f"{tmp_path}")
        proxy.set(Fault.NONE)
        assert await runs.find(f"{tmp_path}") == run
        assert (await end_of(runs, run)).state == "passed"
    assert started(buildbot_server, f"{tmp_path}") == 1


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.GARBAGE])
async def test_a_start_that_may_have_got_lost_on_its_way_is_unknown_and_can_be_tried_again(
    make: Make, buildbot_server: BuildbotServer, tmp_path: Path, fault: Fault
) -> None:
    async with fault_proxy(buildbot_server.url) as proxy:
        proxy.set(fault, forces)
        runs = make(("build", "true"), url=proxy.url, timeout_s=1.5)
        with pytest.raises(OutcomeUnknown) as caught:
            await runs.start("18.0.0", f"{tmp_path}")
        assert caught.value.advice
        proxy.set(Fault.NONE)
        await end_of(runs, await runs.start("18.0.0", f"{tmp_path}"))
    assert started(buildbot_server, f"{tmp_path}") == 1


async def test_another_console_finds_the_run_by_its_key_and_starts_none(
    make: Make, buildbot_server: BuildbotServer, tmp_path: Path
) -> None:
    first, second = make(("build", "true")), make(("build", "false"))
    run = await first.start("18.0.0", f"{tmp_path}")
    await first.aclose()
    assert await second.find(f"{tmp_path} other") is None
    assert await second.start("18.0.0", f"{tmp_path}") == run
    assert (await end_of(second, run)).state == "passed"
    assert started(buildbot_server, f"{tmp_path}") == 1


async def test_a_master_that_is_not_there_got_nothing(make: Make) -> None:
    with pytest.raises(Unreachable) as caught:
        await make(url="http://127.0.0.1:9").start("18.0.0", "k")
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheduler": "keyless"}, "takes no parameter 'release_key'"),
        ({"scheduler": "no such"}, "no force scheduler no such"),
        ({"builder": "no such"}, "no builder no such"),
        ({"parameters": {"flavour": "sweet"}}, "takes no parameter 'flavour'"),
    ],
)
async def test_a_target_file_that_does_not_fit_starts_nothing_and_says_what_is_missing(make: Make, changes: Any, said: str) -> None:
    with pytest.raises(BadFile, match=said) as caught:
        await make(("build", "true"), **changes).start("18.0.0", "k")
    assert caught.value.advice


@pytest.mark.parametrize("events", [True, False])
async def test_stages_appear_within_a_second_after_they_change(
    make: Make, buildbot_server: BuildbotServer, tmp_path: Path, events: bool
) -> None:
    """The scripts note when they began and ended; without events the runs are polled every second."""
    names = ("one", "two")
    scripts = [
        (name, f"date +%s.%N > {tmp_path}/{name}.began; sleep {0.7 if events else 2}; date +%s.%N > {tmp_path}/{name}.ended")
        for name in names
    ]
    seen: dict[tuple[str, str], float] = {}
    async with fault_proxy(buildbot_server.url) as proxy:
        proxy.set(Fault.NONE if events else Fault.CUT_BEFORE, lambda request, number: b" /sse/" in request)
        runs = make(*scripts, url=proxy.url)
        async for item in runs.follow(await runs.start("18.0.0", f"{tmp_path}")):
            for stage in item.stages if isinstance(item, PipelineRun) else ():
                seen.setdefault((stage.name, stage.state), SystemClock().now().timestamp())
    for name in names:
        began, ended = (float((tmp_path / f"{name}.{word}").read_text()) for word in ("began", "ended"))
        late = {"running": seen[name, "running"] - began, "passed": seen[name, "passed"] - ended}
        assert max(late.values()) <= (1.0 if events else 2.5), late


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.OVERSIZE])
async def test_a_run_that_cannot_be_read_for_a_while_says_so_and_goes_on(
    make: Make, buildbot_server: BuildbotServer, tmp_path: Path, fault: Fault
) -> None:
    gate = tmp_path / "gate"
    async with fault_proxy(buildbot_server.url) as proxy:
        runs = make(("build", f"echo up; while [ ! -e {gate} ]; do sleep 0.02; done; echo over"), url=proxy.url, timeout_s=0.5)
        texts, notes = [], []
        async with asyncio.timeout(60):
            async for item in runs.follow(await _patient(runs, proxy, f"{tmp_path}")):
                if isinstance(item, LogLine):
                    texts.append(item.text)
                    if item.text == "up":
                        proxy.set(fault)
                elif item.note.startswith("It cannot be read now"):
                    notes.append(item.note)
                    proxy.set(Fault.NONE)
                    gate.touch()
        assert texts == ["up", "over"]
        assert notes
        assert item.state == "passed"
        assert item.note == ""


async def _patient(runs: BuildbotRuns, proxy: FaultProxy, key: str) -> str:
    for _ in range(20):
        try:
            return await runs.start("18.0.0", key)
        except ConsoleError:
            await asyncio.sleep(0.1)
    return await runs.start("18.0.0", key)


async def test_what_comes_next_is_known_from_the_last_good_build(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wait = f"echo up; while [ ! -e {gate} ]; do sleep 0.02; done"
    gate.touch()
    first = make(("image", wait), ("smoke", "true"), ("publish", "true"), builder="release-7")
    await end_of(first, await first.start("1", f"{tmp_path} 1"))
    gate.unlink()
    second = make(("image", wait), ("smoke", "exit 1"), ("publish", "true"), builder="release-7")
    items: Any = second.follow(await second.start("2", f"{tmp_path} 2"))
    async with aclosing(items):
        async for item in items:
            if isinstance(item, LogLine):
                gate.touch()
            elif ("image", "running") in (shown := [(each.name, each.state) for each in item.stages]):
                assert shown[-3:] == [("image", "running"), ("smoke", "planned"), ("publish", "planned")]
    assert [each.state for each in item.stages] == ["passed", "failed", "planned"]
    assert item.link.startswith("http://127.0.0.1")
    assert "/builds/" in item.stages[1].link


async def test_a_run_that_waits_for_a_worker_says_so_and_can_be_cancelled(make: Make, tmp_path: Path) -> None:
    runs = make(("build", "true"), builder="idle")
    run = await runs.start("18.0.0", f"{tmp_path}")
    items: Any = runs.follow(run)
    async with aclosing(items):
        waiting = await anext(items)
        assert waiting.note == "It waits for a worker."
        await runs.cancel(run, "nobody is there")
        ended = [item async for item in items][-1]
    assert (ended.state, ended.reason) == ("cancelled", "nobody is there")


async def test_a_run_that_takes_longer_than_its_limit_is_stopped(make: Make, tmp_path: Path) -> None:
    runs = make(("build", "echo up; sleep 300"), limit_s=1.2)
    ended = await end_of(runs, await runs.start("18.0.0", f"{tmp_path}"))
    assert (ended.state, ended.reason) == ("cancelled", "it took longer than 0.02 min")


async def test_a_cancel_whose_answer_is_lost_is_unknown(make: Make, buildbot_server: BuildbotServer, tmp_path: Path) -> None:
    async with fault_proxy(buildbot_server.url) as proxy:
        runs = make(("build", "echo up; sleep 300"), url=proxy.url, timeout_s=1.5)
        run = await runs.start("18.0.0", f"{tmp_path}")
        items: Any = runs.follow(run)
        async with aclosing(items):
            while not isinstance(await anext(items), LogLine):
                pass
        proxy.set(Fault.CUT_AFTER, lambda request, number: request.startswith(b"POST"))
        with pytest.raises(Unreachable) as caught:
            await runs.cancel(run, "wrong version")
        assert caught.value.sent
        proxy.set(Fault.NONE)
        assert (await end_of(runs, run)).state == "cancelled"


async def _password() -> str:
    return PASSWORD


async def _wrong() -> str:
    return "canary-buildbot-2"


async def test_a_login_of_buildbot_itself_is_used_and_shown_nowhere(guarded: BuildbotServer, tmp_path: Path) -> None:
    (tmp_path / "0-build.sh").write_text("true")
    spec = BuildbotPipeline(guarded.url, "release", "release", parameters={"folder": str(tmp_path)}, user="ana")
    http = HttpClient()
    with pytest.raises(Refused, match="Buildbot") as caught:
        await BuildbotRuns(spec, http, SystemClock()).start("1", f"{tmp_path} 1")
    assert caught.value.status in {401, 403}
    with pytest.raises(Refused, match="refused the credentials") as caught:
        await BuildbotRuns(spec, http, SystemClock(), _wrong).start("1", f"{tmp_path} 2")
    assert "canary" not in str(caught.value)
    runs = BuildbotRuns(spec, http, SystemClock(), _password)
    run = await runs.start("1", f"{tmp_path} 3")
    assert (await end_of(runs, run)).state == "passed"
    asked = guarded.get("buildsets")["buildsets"][-1]["reason"]
    assert "ana" in asked
    guarded.child.restart()
    assert await runs.start("2", f"{tmp_path} 4") != run
    await http.aclose()


def test_a_change_is_shown_by_its_first_line_and_links_only_to_the_web() -> None:
    told = {"revision": "4f1c\x1b[31m", "author": "Ana <a@x>", "comments": "Fix the cart\n\nlong", "revlink": "javascript:alert(1)"}
    change = change_of(told)
    assert (change.revision, change.author, change.title, change.link) == ("4f1c", "Ana <a@x>", "Fix the cart", "")
    assert change_of({**told, "revlink": "https://git/4f1c"}).link == "https://git/4f1c"
    assert json.dumps(change.title)
