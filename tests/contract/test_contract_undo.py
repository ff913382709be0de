"""What every system of a way back promises: done is what a read says, doing it twice does no harm, and doubt is never a yes."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from faults.answering import answering
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.argocd_stand_in import BAD, OLD, TOKEN, argocd_stand_in
from servers.ending import over
from servers.fixtures import FlagServer

from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, NotAllowed, OutcomeUnknown, Refused, SecretsUnavailable, TooLarge, Unreachable
from console.model.ports import Undo
from console.model.systems import ArgoCdUndo, CommandUndo, HttpUndo
from console.providers.clients.http import HttpClient
from console.providers.undo.argocd import ArgoCdStep
from console.providers.undo.command import CommandUndoStep
from console.providers.undo.http import HttpUndoStep

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="drives POSIX shells")]

WORK = """
folder="$1"; mode="$2"
echo "$RELEASE_STEP_KEY" >> "$folder/keys"
touch "$folder/first"
[ "$mode" = half ] && { echo "the second part failed"; exit 3; }
[ "$mode" = hang ] && sleep 300
touch "$folder/second"
"""
LOOK = """
folder="$1"; mode="$2"
[ "$mode" = hang ] && sleep 300
echo "since: 2026-11-24T10:00:00Z"
[ -e "$folder/first" ] && [ -e "$folder/second" ] && { echo "both parts are done"; exit 0; }
echo "$(ls "$folder" | grep -c -e first -e second) of 2 parts are done"; exit 1
"""


@dataclass
class Rig:
    """One system with work in two parts, the provider under test for it, and ways to make it go wrong."""

    step: Undo
    half: Undo
    """The same, whose work stops after its first part with an error."""
    hanging: Undo
    """The same, whose work stops after its first part and never ends; its deadline is 0.4 s."""
    silent: Undo
    """The same, whose check never answers; its deadline is 0.4 s."""
    keys: Callable[[], Awaitable[list[str]]]
    """The keys of the steps that were asked for; none where the system takes no key."""
    said_by_half: type[ConsoleError]
    details: tuple[str, str, str] = ("0 of 2 parts are done", "1 of 2 parts are done", "both parts are done")
    """What a read says before, after the first part, and when it is done."""
    since: datetime = datetime(2026, 11, 24, 10, tzinfo=UTC)
    takes_key: bool = True


@pytest.fixture(params=["http", "command", "argocd"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    if request.param == "argocd":
        made = _by_argocd()
    else:
        made = _over_http(request.getfixturevalue("flag_server")) if request.param == "http" else _by_command(tmp_path)
    async for each in made:
        yield each


async def _by_argocd() -> AsyncIterator[Rig]:
    """A rollback of a stand-in: pausing auto-sync is its first part; nothing here is Argo CD."""
    http, clock = HttpClient(), SystemClock()

    async def fetch() -> str:
        return TOKEN

    def step(url: str, timeout_s: float = 2.0) -> Undo:
        return ArgoCdStep(ArgoCdUndo(url, "shop", "rollback", timeout_s=timeout_s), http, clock, lambda: asyncio.ensure_future(fetch()))

    async def keys() -> list[str]:
        return []

    async with argocd_stand_in() as argo, fault_proxy(argo.url) as hanging, fault_proxy(argo.url) as silent:

        def half(method: str, *asked: Any) -> tuple[int, object]:
            return (400, {"error": "the second part failed"}) if method == "POST" else argo.answer(method, *asked)

        hanging.set(Fault.HANG_BEFORE, lambda asked, number: asked.startswith(b"POST"))
        silent.set(Fault.HANG_BEFORE)
        async with answering(half) as port:
            before, after = f"{BAD[:10]} deployed, Synced, Healthy", f"{OLD[:10]} is deployed and healthy, back from {BAD[:10]}"
            yield Rig(
                step(argo.url),
                step(f"http://127.0.0.1:{port}"),
                step(hanging.url, 0.4),
                step(silent.url, 0.4),
                keys,
                OutcomeUnknown,
                (before, before, after),
                datetime(2026, 11, 24, 11, tzinfo=UTC),
                takes_key=False,
            )
    await http.aclose()


async def _over_http(server: FlagServer) -> AsyncIterator[Rig]:
    http, clock = HttpClient(), SystemClock()

    def step(url: str, work: str = "/undo", timeout_s: float = 2.0) -> Undo:
        return HttpUndoStep(HttpUndo(f"{url}{work}", f"{server.url}/undo", timeout_s), http, clock)

    async def keys() -> list[str]:
        return list(json.loads(await asyncio.to_thread(server.get, "/undo"))["keys"])

    async with fault_proxy(server.url) as proxy:
        proxy.set(Fault.HANG_BEFORE)
        silent = HttpUndoStep(HttpUndo(f"{server.url}/undo", f"{proxy.url}/undo", 0.4), http, clock)
        hanging = HttpUndoStep(HttpUndo(f"{proxy.url}/undo", f"{server.url}/undo", 0.4), http, clock)
        yield Rig(step(server.url), step(server.url, "/undo?half=1"), hanging, silent, keys, OutcomeUnknown)
    await http.aclose()


async def _by_command(folder: Path) -> AsyncIterator[Rig]:
    (folder / "work.sh").write_text(WORK)
    (folder / "look.sh").write_text(LOOK)
    state = folder / "state"
    state.mkdir()

    def step(work: str = "", look: str = "", timeout_s: float = 20.0) -> Undo:
        spec = CommandUndo(("/bin/sh", "work.sh", str(state), work), ("/bin/sh", "look.sh", str(state), look), ".", timeout_s)
        return CommandUndoStep(spec, folder, SystemClock(), lambda: True)

    async def keys() -> list[str]:
        return (state / "keys").read_text().split() if (state / "keys").exists() else []

    yield Rig(step(), step("half"), step("hang", timeout_s=0.4), step(look="hang", timeout_s=0.4), keys, Refused)


async def test_it_is_done_when_a_read_says_so(rig: Rig) -> None:
    before = await rig.step.look()
    assert (before.done, before.detail) == (False, rig.details[0])
    await rig.step.run("step-7")
    after = await rig.step.look()
    assert (after.done, after.detail, after.since) == (True, rig.details[2], rig.since)
    assert after.at >= before.at


async def test_doing_it_twice_does_no_harm_and_the_step_s_key_goes_along(rig: Rig) -> None:
    await rig.step.run("step-7")
    await rig.step.run("step-7")
    assert (await rig.step.look()).done
    assert await rig.keys() == (["step-7", "step-7"] if rig.takes_key else [])


async def test_looking_changes_nothing(rig: Rig) -> None:
    for _ in range(3):
        assert not (await rig.step.look()).done
    assert await rig.keys() == []


async def test_work_that_stops_half_way_is_an_error_and_the_read_tells_that_it_is_not_done(rig: Rig) -> None:
    with pytest.raises(rig.said_by_half) as caught:
        await rig.half.run("step-7")
    assert "the second part failed" in str(caught.value)
    assert caught.value.means
    assert caught.value.advice
    state = await rig.step.look()
    assert (state.done, state.detail) == (False, rig.details[1])
    await rig.step.run("step-7")
    assert (await rig.step.look()).done


async def test_work_that_hangs_is_given_up_at_the_deadline_and_perhaps_done(rig: Rig) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        await rig.hanging.run("step-7")
    assert time.monotonic() - began < 5
    assert caught.value.sent
    assert "0.4 s" in caught.value.message
    assert not (await rig.step.look()).done


async def test_a_check_that_hangs_is_never_a_yes(rig: Rig) -> None:
    await rig.step.run("step-7")
    with pytest.raises(Unreachable):
        await rig.silent.look()


# What is special to each kind.


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
def over_http(client: HttpClient) -> Callable[..., Undo]:
    return lambda url, token=None: HttpUndoStep(HttpUndo(f"{url}/run", f"{url}/check", 1.0), client, SystemClock(), token)


def told(**fields: object) -> Answer:
    return Answer(body=json.dumps({"done": True, "detail": "so", **fields}).encode())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (told(done="yes"), Malformed),
        (told(done=1), Malformed),
        (told(done=None), Malformed),
        (told(detail=[1]), Malformed),
        (told(since="yesterday"), Malformed),
        (told(since="2026-11-24T10:00:00"), Malformed),
        (told(since=3), Malformed),
        (told(until="soon"), Malformed),
        (Answer(body=b'{"done": true, "done": false}'), Malformed),
        (Answer(body=b"{}"), Malformed),
        (Answer(body=b"true"), Malformed),
        (Answer(body=b"<html>login</html>"), Malformed),
        (Answer(raw=b"\x00garbage\r\n\r\n"), Malformed),
        (Answer(302, headers={"location": "/login"}), Refused),
        (Answer(401), Refused),
        (Answer(404), Refused),
        (Answer(503), Refused),
        (bomb(9_000_000), TooLarge),
    ],
)
async def test_each_kind_of_bad_check_is_its_own_error(over_http, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await over_http(server.url).look()
    assert caught.value.advice


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(401), Refused),
        (Answer(409), Refused),
        (Answer(423, body=b"locked by \x1b[31mthe nightly job"), Refused),
        (Answer(429), Refused),
        (Answer(500), OutcomeUnknown),
        (Answer(504), OutcomeUnknown),
        (Answer(raw=b"\x00garbage\r\n\r\n"), OutcomeUnknown),
        (bomb(9_000_000), OutcomeUnknown),
    ],
)
async def test_each_kind_of_no_to_the_work_is_its_own_error(over_http, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await over_http(server.url).run("step-1")
        assert len(server.requests) == 1, "what may change something is never asked a second time"
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_success_is_accepted_whatever_its_body(over_http, status: int) -> None:
    async with scripted_server() as server:
        server.script(Answer(status, body=b"" if status == 204 else b"anything"))
        await over_http(server.url).run("step-1")
        assert server.requests[0].startswith(b"POST /run ")
        assert b"idempotency-key: step-1\r\n" in server.requests[0].lower()


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
async def test_a_request_that_is_cut_or_hangs_is_perhaps_done_and_the_read_tells(
    client: HttpClient, flag_server: FlagServer, fault: Fault
) -> None:
    async with fault_proxy(flag_server.url) as proxy:
        proxy.set(fault)
        step = HttpUndoStep(HttpUndo(f"{proxy.url}/undo", f"{flag_server.url}/undo", 0.4), client, SystemClock())
        with pytest.raises(Unreachable) as caught:
            await step.run("step-1")
    assert caught.value.sent
    assert (await step.look()).done == (fault in {Fault.CUT_AFTER, Fault.HANG_AFTER})


@pytest.mark.parametrize(
    ("fault", "wanted"), [(Fault.DRIP, Unreachable), (Fault.GARBAGE, Malformed), (Fault.OVERSIZE, (TooLarge, Unreachable))]
)
async def test_a_check_over_a_bad_wire_is_never_a_yes(client: HttpClient, flag_server: FlagServer, fault: Fault, wanted) -> None:
    async with fault_proxy(flag_server.url) as proxy:
        proxy.set(fault)
        with pytest.raises(wanted):
            await HttpUndoStep(HttpUndo(f"{proxy.url}/undo", f"{proxy.url}/undo", 0.4), client, SystemClock()).look()


async def test_nothing_was_sent_when_nobody_listens(over_http) -> None:
    async with scripted_server() as gone:
        pass
    with pytest.raises(Unreachable) as caught:
        await over_http(gone.url).run("step-1")
    assert not caught.value.sent


async def test_the_secret_goes_in_a_header_and_is_not_shown(over_http) -> None:
    async def secret() -> str:
        return "canary-secret"

    async with scripted_server() as server:
        server.script(Answer(403, body=b"no canary-secret here"))
        with pytest.raises(Refused) as caught:
            await over_http(server.url, token=secret).run("step-1")
        assert b"authorization: bearer canary-secret" in server.requests[0].lower()
    assert "canary-secret" not in str(caught.value)


async def test_nothing_is_sent_without_the_secret(over_http) -> None:
    async def locked() -> str:
        raise SecretsUnavailable("The keyring is locked.")

    async with scripted_server() as server:
        with pytest.raises(SecretsUnavailable):
            await over_http(server.url, token=locked).run("step-1")
        assert server.requests == []


async def test_what_the_other_side_tells_is_plain_text(over_http) -> None:
    async with scripted_server() as server:
        server.script(told(detail="<b>purged</b>\x1b[31m \u202e" + "x" * 5000))
        detail = (await over_http(server.url).look()).detail
    assert detail.startswith("<b>purged</b> \\u202e")
    assert len(detail) == 200


def by_shell(
    folder: Path, *, run: str = "true", check: str = "true", timeout_s: float = 20.0, trusted: Callable[[], bool] = lambda: True
) -> Undo:
    return CommandUndoStep(CommandUndo(("/bin/sh", "-c", run), ("/bin/sh", "-c", check), ".", timeout_s), folder, SystemClock(), trusted)


@pytest.mark.parametrize(("code", "done"), [(0, True), (1, False)])
async def test_a_check_that_exits_0_is_done_and_1_is_not(tmp_path: Path, code: int, *, done: bool) -> None:
    assert (await by_shell(tmp_path, check=f"exit {code}").look()).done is done


@pytest.mark.parametrize(
    "check", ["exit 2", "exit 126", "exit 127", "exit 255", "kill -9 $$", "kill -15 $$", "echo 'since: today'", "echo 'until: soon'"]
)
async def test_any_other_end_of_a_check_is_unknown_and_never_a_yes(tmp_path: Path, check: str) -> None:
    with pytest.raises(Malformed) as caught:
        await by_shell(tmp_path, check=check).look()
    assert caught.value.advice


async def test_a_check_may_tell_since_and_until_when_and_its_detail_is_the_last_line_that_does_not(tmp_path: Path) -> None:
    script = "echo '2 pods are left'; echo 'until: 2026-11-24T10:09:00Z'; echo 'since: 2026-11-24T10:00:00Z'"
    found = await by_shell(tmp_path, check=script).look()
    assert (found.since, found.until) == (datetime(2026, 11, 24, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, 9, tzinfo=UTC))
    assert found.detail == "2 pods are left"


async def test_work_that_exits_with_an_error_is_refused_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"exit code 4.*It says: no such column: \\u202epayment_ref"):
        await by_shell(tmp_path, run="echo first; printf 'no such column: \\342\\200\\256payment_ref\\033[31m\\n' >&2; exit 4").run(
            "step-1"
        )


async def test_work_that_somebody_killed_is_perhaps_done(tmp_path: Path) -> None:
    with pytest.raises(OutcomeUnknown, match="signal 9"):
        await by_shell(tmp_path, run="kill -9 $$").run("step-1")


@pytest.mark.parametrize("argv", [("/no/such/program",), ("/bin/echo", "a\0b")])
async def test_a_command_that_cannot_be_started_did_nothing(tmp_path: Path, argv: tuple[str, ...]) -> None:
    step = CommandUndoStep(CommandUndo(argv, argv), tmp_path, SystemClock(), lambda: True)
    for ask in (step.run("step-1"), step.look()):
        with pytest.raises(Unreachable, match="could not be started") as caught:
            await ask
        assert not caught.value.sent


async def test_a_folder_that_does_not_exist_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        await by_shell(tmp_path / "nowhere").run("step-1")
    assert not caught.value.sent


async def test_no_command_runs_before_its_file_is_trusted_and_all_do_afterwards(tmp_path: Path) -> None:
    trust = [False]
    step = by_shell(tmp_path, run="touch ran", check="touch looked", trusted=lambda: trust[0])
    for ask in (step.run("step-1"), step.look()):
        with pytest.raises(NotAllowed, match="not trusted"):
            await ask
    assert list(tmp_path.iterdir()) == []
    trust[0] = True
    await step.run("step-1")
    assert (await step.look()).done
    assert {each.name for each in tmp_path.iterdir()} == {"ran", "looked"}


async def test_secrets_in_our_environment_stay_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "canary-env-1")
    await by_shell(tmp_path, run="env > environment").run("step-9")
    assert "canary-env-1" not in (tmp_path / "environment").read_text()
    assert "RELEASE_STEP_KEY=step-9" in (tmp_path / "environment").read_text().splitlines()


async def test_output_without_end_is_bounded_and_its_last_words_are_kept(tmp_path: Path) -> None:
    began = time.monotonic()
    state = await by_shell(tmp_path, check="head -c 20000000 /dev/zero | tr '\\0' x; echo; seq 1 200000; echo the last").look()
    assert (state.done, state.detail) == (True, "the last")
    assert time.monotonic() - began < 15


async def test_all_that_a_hanging_command_started_is_ended_with_it(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        await by_shell(tmp_path, run="trap '' TERM; sleep 300 & echo $! $$ > pids; wait; sleep 300", timeout_s=0.3).run("step-1")
    assert await over(*map(int, (tmp_path / "pids").read_text().split()))


async def test_all_that_a_command_left_running_is_ended_with_it(tmp_path: Path) -> None:
    await by_shell(tmp_path, run="sleep 300 & echo $! > pids").run("step-1")
    assert await over(int((tmp_path / "pids").read_text()))


async def test_all_ends_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    asked = asyncio.create_task(by_shell(tmp_path, run="echo $$ > pids; sleep 300").run("step-1"))
    while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text().endswith("\n"):
        await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await over(int((tmp_path / "pids").read_text()))


async def test_a_question_that_is_given_up_at_any_instant_leaves_no_process_and_no_open_file(tmp_path: Path) -> None:
    await by_shell(tmp_path).look()
    before, others = open_files(), set(psutil.Process().children())  # servers of other tests live on
    for turn in range(60):
        asked = asyncio.create_task(by_shell(tmp_path, check="sleep 0.02 & wait").look())
        for _ in range(turn):
            await asyncio.sleep(0)
        await asyncio.sleep(turn % 4 * 0.004)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    for _ in range(200):
        if set(psutil.Process().children()) <= others and open_files() <= before:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{psutil.Process().children()}, {open_files()} files, {before} before")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


KILLED = """
import asyncio, sys
from pathlib import Path
from console.model.clock import SystemClock
from console.model.systems import CommandUndo
from console.providers.undo.command import CommandUndoStep

spec = CommandUndo(("/bin/sh", "-c", "sleep 300 & echo $! $$ > pids.new; mv pids.new pids; sleep 300"), ("true",))
asyncio.run(CommandUndoStep(spec, Path(sys.argv[1]), SystemClock(), lambda: True).run("step-1"))
"""


async def test_nothing_survives_when_the_console_is_killed(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    console = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    while not (tmp_path / "pids").exists():
        await asyncio.sleep(0.02)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    console.kill()
    await asyncio.to_thread(console.wait)
    assert await over(*pids)
