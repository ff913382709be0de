"""A secret that is put into every credential is found nowhere: not in logs, records, exports, command lines, children or crash reports."""

import base64
import http.server
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from journeys.kit import Shell, records, target_text
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.keyring_process import KeyringServer
from servers.postgres_process import PostgresServer

from console.store.secrets import SERVICE

pytestmark = [pytest.mark.envoy, pytest.mark.keyring, pytest.mark.journey]

CANARY = "c4nary-Zq7-of-the-shop"
DUMP = "import json, os, sys; open('environment.json', 'w').write(json.dumps(dict(os.environ))); print('ran', flush=True); sys.stdin.read()"


class Tactless(http.server.BaseHTTPRequestHandler):
    """Tells whoever asks what it was told: in bodies, in headers and in reasons."""

    def do_GET(self) -> None:
        said = self.headers.get("authorization", "nothing")
        if self.command == "POST":
            told = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            said = f"{said} {self.path} {told} {self.headers.get('webhook-signature', '')}"
        self.server.heard.append(said)  # type: ignore[attr-defined]
        status = (401, 500, 302, 403)[len(self.server.heard) % 4] if self.command == "GET" else 401  # type: ignore[attr-defined]
        last = said.split()[-1]
        body = json.dumps({"message": self.path, "errors": [said], "token": said, "url": f"http://x/?access_token={last}"}).encode()
        self.send_response(status, f"said {said}".encode("ascii", "backslashreplace").decode())
        self.send_header("location", f"http://127.0.0.1:1/?token={last}")
        self.send_header("x-you-said", said)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tactless() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tactless)
    server.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


Keep = Callable[[str, str], str]


@pytest.fixture
def keep(request: pytest.FixtureRequest, keyring_server: KeyringServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Keep:
    """Give what puts a secret where a kind of reference finds it, by a name, and returns the reference."""
    import keyring

    def put(name: str, secret: str) -> str:
        if request.param == "keyring":
            keyring.set_password(SERVICE, name, secret)
            return f"keyring:{name}"
        if request.param == "env":
            monkeypatch.setenv(f"{name.upper()}_SECRET", secret)
            return f"env:{name.upper()}_SECRET"
        kept = tmp_path / f"vault-{name}"
        kept.write_text(secret)
        return f"cmd:cat {shlex.quote(str(kept))}"

    return put


UNDO_DUMP = "import json, os; open('undo-environment.json', 'w').write(json.dumps(dict(os.environ)))"


def way_back(tactless_url: str, reference: str) -> str:
    steps = [
        "traffic",
        "flag",
        {"name": "purge", "kind": "cache", "run": f"{tactless_url}/purge", "check": f"{tactless_url}/purge", "token": reference},
        {
            "name": "undo",
            "kind": "migration",
            "run": [sys.executable, "-c", UNDO_DUMP],
            "check": [sys.executable, "-c", "import sys; sys.exit(1)"],
            "timeout": "1 s",
        },
    ]
    return f"rollback: {json.dumps(steps)}"


def seeds(home: Path) -> list[str]:
    """Return the private keys that the keyring keeps for the audit of a home."""
    with closing(records(home)) as connection:
        return seeds_of([row[0] for row in connection.execute("SELECT id FROM audit_keys WHERE place = 'keyring'")])


def seeds_of(ids: list[str]) -> list[str]:
    import keyring

    return [seed for key in ids if (seed := keyring.get_password(SERVICE, f"audit-key {key}")) is not None]


def channels(tactless_url: str, keep: Keep, reference: str) -> str:
    """Return channels of every kind, with the canary in each address and key."""
    address = keep("hook", f"{tactless_url}/hooks/{CANARY}?sig={CANARY}")
    told: list[dict[str, str]] = [
        {"name": "chat", "provider": "slack", "address": address},
        {"name": "board", "provider": "teams", "address": address},
        {"name": "log", "provider": "webhook", "address": address, "key": keep("signing", f"{CANARY}-signs-what-is-told")},
        {"name": "on-call", "provider": "pagerduty", "key": reference, "url": tactless_url},
        {"name": "events", "provider": "cdevents", "url": f"{tactless_url}/cd", "token": reference},
    ]
    return f"notify: {json.dumps(told)}\n"


def file_of(envoy: EnvoyServer, upstreams: Mapping[str, Upstream], tactless_url: str, keep: Keep) -> str:
    reference = keep("shop", CANARY)
    pipeline = f"pipeline:\n  provider: command\n  stages:\n    - {{name: Dump, run: {json.dumps([sys.executable, '-c', DUMP])}}}\n"
    flag = f"flag:\n  provider: http\n  name: shop\n  url: {tactless_url}/flag\n  token: {json.dumps(reference)}\n  raise_at_start: true\n"
    text = target_text(envoy.admin, upstreams, pipeline + flag + channels(tactless_url, keep, reference))
    for side, upstream in upstreams.items():
        text = text.replace(f"{upstream.url}/metrics", f"{tactless_url}/metrics/{side}")
    text = text.replace("  poll: 1 s\n", f"  poll: 1 s\n  token: {json.dumps(reference)}\n", 1)
    return text.replace("rollback: [traffic]", way_back(tactless_url, reference), 1)


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def drive_and_crash(shell: Shell, told: Callable[[], bool] = lambda: True) -> tuple[list[str], str]:
    """Start a release whose pipeline waits, look at its command lines and limits, crash it once it `told`, and return what it showed."""
    planned = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    assert planned.code == 0, planned
    with shell.start("release", "start", str(planned.document["plan_hash"]), "--reason", "canaries") as process:
        child = psutil.Process(process.pid)
        dumped, ends = shell.home / "environment.json", time.monotonic() + 60
        try:
            while process.poll() is None and not (dumped.exists() and told()) and time.monotonic() < ends:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
            lines = [_command_line(each) for each in [child, *child.children(recursive=True)]]
            limits = Path(f"/proc/{process.pid}/limits").read_text()
        finally:
            process.send_signal(signal.SIGABRT)
            out, err = process.communicate(timeout=60)
        assert dumped.exists(), (out, err)
        assert process.returncode == -signal.SIGABRT, (out, err)
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4] == "0", core
    return lines, planned.out + planned.err + out + err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("keep", ["keyring", "env", "cmd"], indirect=True)
def test_a_canary_in_every_credential_is_found_nowhere(
    tmp_path: Path,
    keep: Keep,
    tactless: http.server.ThreadingHTTPServer,
    envoy_server: EnvoyServer,
    upstreams: Mapping[str, Upstream],
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    url = f"http://127.0.0.1:{tactless.server_address[1]}"
    (home / "shop.yaml").write_text(file_of(envoy_server, upstreams, url, keep), encoding="utf-8")
    shell = Shell(home)
    shown = []
    for words in (
        ("target", "add", str(home / "shop.yaml")),
        ("target", "trust", "shop"),
        ("target", "arm", "shop"),
        ("target", "status", "shop"),
        ("target", "notify", "shop", "--test"),
    ):
        said = shell(*words, stdin="y\n")
        assert said.code in {0, 4}, (words, said)
        shown.append(said.out + said.err)
    sent: list[str] = tactless.heard  # type: ignore[attr-defined]
    lines, crashed = drive_and_crash(shell, lambda: any('"kind":"started"' in heard for heard in sent))
    shown += [crashed, *lines]
    shown.append("".join(map(str, vars(shell("rollback", "shop", "--reason", "canaries")).values())))
    for words in (("audit", "list", "--json"), ("audit", "export", str(home / "export.jsonl")), ("release", "list"), ("target", "list")):
        said = shell(*words)
        assert said.code == 0, (words, said)
        shown.append(said.out + said.err)
    assert any(CANARY in heard for heard in sent), "the canary was really sent"
    assert any(f"/hooks/{CANARY}?sig={CANARY}" in heard and "v1," in heard for heard in sent), "so was the webhook's address"
    assert any(f'"routing_key":"{CANARY}"' in heard for heard in sent)
    assert all(any(f'"kind":"{kind}"' in heard for heard in sent) for kind in ("test", "started", "going back"))
    for dumped in ("environment.json", "undo-environment.json"):
        child = json.loads((home / dumped).read_text())
        assert "PATH" in child
        assert CANARY not in json.dumps(child)
    private = seeds(home)
    assert private, "the audit was signed with a key of this keyring"
    found_nowhere(home, shown, [CANARY, *private])


def found_nowhere(home: Path, shown: list[str], secrets: list[str]) -> None:
    """Check that nothing that was shown and no file of a home holds a secret, as it is or as the bytes that its base64 means."""
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_socket()]
    assert any(path.name.endswith(".log") for path in files)
    for number, secret in enumerate(secrets):
        assert not [text for text in shown if secret in text], f"secret {number}"
        assert not [str(path) for path in files if secret.encode() in path.read_bytes()], f"secret {number}"
    raw = [base64.b64decode(seed) for seed in secrets[1:]]
    assert not [str(path) for path in files for seed in raw if seed in path.read_bytes()]
    assert not [path for path in [*Path.cwd().glob("core*"), *home.rglob("core*")] if path.is_file()]


def everything_in(server: PostgresServer, database: str) -> str:
    """Return all that a team's database, its server's catalog and its server's log hold."""
    with server.admin(database) as conn:
        names = [row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'release_console'")]
        rows = [str(row) for name in names for row in conn.execute(f"SELECT t::text FROM release_console.{name} t")]  # type: ignore[arg-type]
        bodies = [str(row[0]) for row in conn.execute("SELECT convert_from(body, 'UTF8') FROM release_console.audit")]
        rows += [str(row) for row in conn.execute("SELECT rolname, rolpassword FROM pg_authid")]
        rows += [str(row) for row in conn.execute("SELECT usename, application_name, query FROM pg_stat_activity")]
    assert bodies
    return "\n".join([*rows, *bodies, server.child.log.read_text(errors="replace")])


@pytest.mark.postgres
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("keep", ["keyring", "env"], indirect=True)
def test_the_password_of_a_teams_database_is_found_nowhere(
    tmp_path: Path, keep: Keep, postgres_server: PostgresServer, envoy_server: EnvoyServer, upstreams: Mapping[str, Upstream]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    pipeline = f"pipeline:\n  provider: command\n  stages:\n    - {{name: Dump, run: {json.dumps([sys.executable, '-c', DUMP])}}}\n"
    (home / "shop.yaml").write_text(target_text(envoy_server.admin, upstreams, pipeline), encoding="utf-8")
    database = postgres_server.new_database()
    login, admin, shell, shown = f"canary_{database}", postgres_server.url(database), Shell(home), []
    reference = keep("shop", CANARY)

    def say(*words: str, code: int = 0, stdin: str = "") -> None:
        said = shell(*words, stdin=stdin)
        assert said.code == code, (words, said)
        shown.append(said.out + said.err)

    with postgres_server.admin() as conn:
        conn.execute("ALTER SYSTEM SET log_statement = 'all'")
        conn.execute("SELECT pg_reload_conf()")
    try:
        say("team", "setup", admin)
        say("team", "add-person", login, "--role", "operator", "--role", "admin", "--secret", reference, "--url", admin)
        say("team", "use", postgres_server.url(database, login), "--password", reference)
        for words in (("target", "add", str(home / "shop.yaml")), ("target", "trust", "shop"), ("target", "arm", "shop")):
            say(*words, stdin="y\n")
        lines, crashed = drive_and_crash(shell)
        shown += [crashed, *lines]
        shown.append("".join(map(str, vars(shell("rollback", "shop", "--reason", "canaries")).values())))
        for words in (("audit", "list", "--json"), ("audit", "export", str(home / "export.jsonl")), ("team", "show")):
            say(*words)
        say("team", "backup", str(home / "backup"))
        with postgres_server.admin(database) as conn:
            ids = [row[0] for row in conn.execute("SELECT id FROM release_console.audit_keys WHERE place = 'keyring'")]
            conn.execute(f"ALTER ROLE {login} PASSWORD 'another one'")
        say("team", "show")
        assert "does not accept this login" in shown[-1]
        say("freeze", "stop-the-line", "--reason", "nobody records it", code=4)
        postgres_server.stop()
        say("audit", "list", code=4)
        postgres_server.child.start()
        private = seeds_of(ids)
        assert private, "the audit was signed with a key of this keyring"
        shown.append(everything_in(postgres_server, database))
    finally:
        with postgres_server.admin() as conn:
            conn.execute("ALTER SYSTEM RESET log_statement")
            conn.execute("SELECT pg_reload_conf()")
        postgres_server.drop_database(database)
    child = json.loads((home / "environment.json").read_text())
    assert "PATH" in child
    shown.append(json.dumps(child))
    assert any("CREATE ROLE" in text and login in text for text in shown), "the server wrote down what it was told"
    found_nowhere(home, shown, [CANARY, *private])


def test_a_shell_history_has_no_place_for_a_secret() -> None:
    """No command takes a secret as an argument: it would stand in the list of processes for everybody."""
    environment = {**os.environ, "COLUMNS": "200"}
    said = subprocess.run(
        [sys.executable, "-m", "console", "--help"], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    assert not [word for word in ("--token", "--password", "--secret") if word in said.stdout]
