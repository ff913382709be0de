"""The Kubernetes client: no command runs unless a person trusted that very one, tokens are renewed in time, and no secret is shown."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from clock import FakeClock
from faults.scripted import Answer, ScriptedServer, scripted_server
from providers.authority import Authority, https_server

from console.model.errors import BadFile, ConsoleError, Malformed, NotAllowed, OutcomeUnknown, Refused, TooLarge, Unreachable
from console.model.kubernetes import KubeCluster
from console.providers.clients import kubelogin
from console.providers.clients.kubernetes import SERVICES, KubeClient

pytestmark = pytest.mark.anyio

CANARY = "canary-2f7d1c"
V1 = "client.authentication.k8s.io/v1"
PATH = SERVICES.path("shop", "web")


class Plugin:
    """A login command that counts its runs and prints what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "login.py"
        self.says({"token": CANARY})

    def says(self, status: Any, *, code: int = 0, version: str = V1, more: str = "") -> None:
        document = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
        self.script.write_text(
            "import os, sys\n"
            f"open({str(self.folder / 'runs')!r}, 'a').write(os.environ['KUBERNETES_EXEC_INFO'] + chr(10))\n"
            f"sys.stderr.write('secret {CANARY}')\n{more}\nprint({document!r})\nsys.exit({code})\n"
        )

    @property
    def words(self) -> tuple[str, ...]:
        return ("PROFILE=prod", sys.executable, str(self.script))

    @property
    def entry(self) -> Any:
        env = [{"name": "PROFILE", "value": "prod"}]
        return {"apiVersion": V1, "command": sys.executable, "args": [str(self.script)], "env": env, "provideClusterInfo": True}

    @property
    def runs(self) -> list[Any]:
        path = self.folder / "runs"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as scripted:
        yield scripted


@asynccontextmanager
async def client(
    folder: Path,
    url: str,
    user: Any,
    *,
    login: tuple[str, ...] = (),
    trusted: bool = True,
    clock: FakeClock | None = None,
    authority: str = "",
) -> AsyncIterator[KubeClient]:
    import base64

    more = {"certificate-authority-data": base64.b64encode(authority.encode()).decode()} if authority else {}
    config = {
        "clusters": [{"name": "c", "cluster": {"server": url, **more}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
    }
    (folder / "config").write_text(json.dumps(config))
    made = KubeClient(KubeCluster("prod", kubeconfig="config", login=login), folder, clock or FakeClock(), lambda: trusted)
    try:
        yield made
    finally:
        await made.aclose()


def tokens(server: ScriptedServer) -> list[str]:
    heads = [request.split(b"\r\n\r\n")[0].decode() for request in server.requests]
    return [line.partition(": Bearer ")[2] for head in heads for line in head.split("\r\n") if line.lower().startswith("authorization")]


async def test_a_login_command_that_the_file_does_not_name_is_not_run_and_its_words_are_told(tmp_path, server, plugin: Plugin) -> None:
    async with client(tmp_path, server.url, {"exec": plugin.entry}) as kube:
        with pytest.raises(NotAllowed) as caught:
            await kube.get(PATH, 1.0)
    assert plugin.runs == []
    assert f'login: ["PROFILE=prod", "{sys.executable}"' in caught.value.advice


async def test_a_login_command_that_changed_after_it_was_trusted_is_not_run(tmp_path, server, plugin: Plugin) -> None:
    for changed in ((*plugin.words, "--more"), plugin.words[1:], ("PROFILE=dev", *plugin.words[1:])):
        async with client(tmp_path, server.url, {"exec": plugin.entry}, login=changed) as kube:
            with pytest.raises(NotAllowed, match="another command than the target file names"):
                await kube.get(PATH, 1.0)
    assert plugin.runs == []


async def test_a_login_command_is_not_run_before_a_person_trusts_the_file(tmp_path, server, plugin: Plugin) -> None:
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words, trusted=False) as kube:
        with pytest.raises(NotAllowed, match="is not trusted"):
            await kube.get(PATH, 1.0)
    assert plugin.runs == []


async def test_a_trusted_login_command_gives_the_token_once_and_is_told_the_cluster(tmp_path, server, plugin: Plugin) -> None:
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words) as kube:
        await kube.get(PATH, 5.0)
        await kube.get(PATH, 5.0)
    assert tokens(server) == [CANARY, CANARY]
    (told,) = plugin.runs
    assert told["spec"]["cluster"]["server"] == server.url
    assert told["spec"]["interactive"] is False


async def test_a_token_is_renewed_before_it_ends_and_the_held_one_serves_when_that_fails(tmp_path, server, plugin: Plugin) -> None:
    clock = FakeClock()
    ends = clock.now().replace(microsecond=0)
    plugin.says({"token": "first", "expirationTimestamp": ends.replace(year=ends.year + 1).isoformat().replace("+00:00", "Z")})
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words, clock=clock) as kube:
        await kube.get(PATH, 5.0)
        clock.advance(365 * 86_400 - 90)
        await kube.get(PATH, 5.0)
        assert len(plugin.runs) == 1
        plugin.says({}, code=1)
        clock.advance(60)
        await kube.get(PATH, 5.0)
        assert tokens(server)[-1] == "first"
        plugin.says({"token": "second"})
        await kube.get(PATH, 5.0)
    assert tokens(server)[-1] == "second"


async def test_a_login_that_the_server_refuses_is_renewed_once(tmp_path, server, plugin: Plugin) -> None:
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words) as kube:
        await kube.get(PATH, 5.0)
        server.script(Answer(401), Answer())
        await kube.get(PATH, 5.0)
        assert len(plugin.runs) == 2
        server.script(Answer(401))
        with pytest.raises(Refused) as caught:
            await kube.get(PATH, 5.0)
    assert caught.value.status == 401
    assert len(plugin.runs) == 3


@pytest.mark.parametrize(
    ("status", "options", "wanted"),
    [
        ({"token": ""}, {}, Malformed),
        ({"token": "t"}, {"version": "client.authentication.k8s.io/v1beta1"}, Malformed),
        ({"token": "t", "expirationTimestamp": "soon"}, {}, Malformed),
        ({"token": "t", "expirationTimestamp": "2026-01-01T00:00:00"}, {}, Malformed),
        ({"token": "t"}, {"more": "print('hello')"}, Malformed),
        ({"token": "t"}, {"more": "sys.stdout.write('x' * 500_000)"}, Malformed),
        ({"token": "t"}, {"code": 3}, Refused),
        ({"token": "two\nlines"}, {}, Refused),
        ({"clientCertificateData": CANARY, "clientKeyData": CANARY}, {}, None),
        ({"token": "t"}, {"more": "import time; time.sleep(60)"}, Unreachable),
    ],
)
async def test_what_goes_wrong_with_a_login_is_told_without_any_secret(
    tmp_path, server, plugin: Plugin, monkeypatch, status: Any, options: Any, wanted: type[ConsoleError] | None
) -> None:
    monkeypatch.setattr(kubelogin, "LOGIN_S", 5.0 if "sleep" not in str(options) else 0.5)
    plugin.says(status, **options)
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words) as kube:
        if wanted is None:
            await kube.get(PATH, 5.0)  # over plain http a certificate is not shown
            return
        with pytest.raises(wanted) as caught:
            await kube.get(PATH, 5.0)
    assert CANARY not in str(caught.value)
    assert caught.value.advice
    assert tokens(server) == []


async def test_a_login_command_that_is_not_there_is_told(tmp_path, server) -> None:
    entry = {"apiVersion": V1, "command": "no-such-login"}
    async with client(tmp_path, server.url, {"exec": entry}, login=("no-such-login",)) as kube:
        with pytest.raises(Unreachable, match="cannot be run"):
            await kube.get(PATH, 1.0)


async def test_a_token_file_is_read_anew_each_time(tmp_path, server) -> None:
    (tmp_path / "token").write_text("first\n")
    async with client(tmp_path, server.url, {"tokenFile": "token"}) as kube:
        await kube.get(PATH, 5.0)
        (tmp_path / "token").write_text("second\n")
        await kube.get(PATH, 5.0)
        (tmp_path / "token").unlink()
        with pytest.raises(BadFile):
            await kube.get(PATH, 5.0)
    assert tokens(server) == ["first", "second"]


STATUS = {"kind": "Status", "message": f'services "web" is held up {CANARY}', "code": 0}


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        (Answer(401), Refused, Refused),
        (Answer(403), Refused, Refused),
        (Answer(404), Refused, Refused),
        (Answer(409), Refused, Refused),
        (Answer(422), Refused, Refused),
        (Answer(429, headers={"retry-after": "7"}), Refused, Refused),
        (Answer(500), Refused, OutcomeUnknown),
        (Answer(503), Refused, OutcomeUnknown),
        (Answer(302, headers={"location": "/login"}), Refused, Refused),
        (Answer(body=b"<html>"), Malformed, OutcomeUnknown),
        (Answer(body=b"[1]"), Malformed, OutcomeUnknown),
        (Answer(body=b"x" * 5_000_000), TooLarge, OutcomeUnknown),
    ],
)
async def test_each_kind_of_no_is_its_own_error_in_the_servers_words_without_the_token(
    tmp_path, server, answer: Answer, read: type[ConsoleError], write: type[ConsoleError]
) -> None:
    if answer.status >= 400:
        answer = Answer(answer.status, json.dumps(STATUS).encode(), answer.headers)
    server.script(answer)
    async with client(tmp_path, server.url, {"token": CANARY}) as kube:
        with pytest.raises(read) as caught:
            await kube.get(PATH, 2.0)
        with pytest.raises(write) as changing:
            await kube.patch(PATH, {"spec": {}}, 2.0)
    for error in (caught.value, changing.value):
        assert CANARY not in str(error)
    if answer.status >= 400:
        assert 'It says: services "web" is held up ***' in caught.value.message
    if answer.status == 429 and isinstance(caught.value, Refused):
        assert caught.value.retry_after_s == 7


async def test_a_server_is_trusted_by_the_clusters_own_authority_alone(tmp_path) -> None:
    ours, theirs = Authority.new(), Authority.new()
    async with https_server(tmp_path, *ours.sign("127.0.0.1"), body=b'{"kind": "Service"}') as url:
        async with client(tmp_path, url, {"token": CANARY}, authority=ours.certificate) as kube:
            assert await kube.get(PATH, 5.0) == {"kind": "Service"}
        async with client(tmp_path, url, {"token": CANARY}, authority=theirs.certificate) as kube:
            with pytest.raises(Unreachable) as caught:
                await kube.get(PATH, 5.0)
    assert "certificate was not accepted" in caught.value.message
    assert not caught.value.sent


@pytest.mark.parametrize(("address", "days", "said"), [("127.0.0.1", -1, "expired"), ("127.0.0.2", 1, "IP address mismatch")])
async def test_a_certificate_that_expired_or_is_another_hosts_is_refused(tmp_path, address: str, days: int, said: str) -> None:
    ours = Authority.new()
    async with (
        https_server(tmp_path, *ours.sign(address, days=days)) as url,
        client(tmp_path, url, {"token": CANARY}, authority=ours.certificate) as kube,
    ):
        with pytest.raises(Unreachable) as caught:
            await kube.get(PATH, 5.0)
    assert said in caught.value.message


async def test_a_plugins_certificate_is_shown_to_the_server_and_its_key_stays_out_of_files(tmp_path, plugin: Plugin) -> None:
    ours = Authority.new()
    certificate, key = ours.sign("127.0.0.1")
    plugin.says({"clientCertificateData": certificate, "clientKeyData": key})
    async with https_server(tmp_path, *ours.sign("127.0.0.1"), clients=ours.certificate) as url:
        user = {"exec": plugin.entry}
        async with client(tmp_path, url, user, login=plugin.words, authority=ours.certificate) as kube:
            assert await kube.get(PATH, 5.0) == {}
        async with client(tmp_path, url, {"token": CANARY}, authority=ours.certificate) as kube:
            with pytest.raises(Unreachable):
                await kube.get(PATH, 5.0)


async def test_certificates_that_are_none_are_a_mistake_in_the_kubeconfig(tmp_path) -> None:
    async with client(tmp_path, "https://127.0.0.1:1", {"token": CANARY}, authority="nonsense") as kube:
        with pytest.raises(BadFile, match="certificates for Kubernetes prod cannot be used"):
            await kube.get(PATH, 5.0)


async def test_many_askers_at_once_log_in_once(tmp_path, server, plugin: Plugin) -> None:
    async with client(tmp_path, server.url, {"exec": plugin.entry}, login=plugin.words) as kube:
        await asyncio.gather(*(kube.get(PATH, 5.0) for _ in range(8)))
    assert len(plugin.runs) == 1
