"""`target notify`: who is told, and what became of a test; as a person types it, with a receiver on this computer."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys.kit import Shell
from servers.children import free_ports

from console.model.places import resource


class Chat(http.server.BaseHTTPRequestHandler):
    """Takes what is posted to /good and refuses the rest, as Slack does a webhook that was removed."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        good = self.path.startswith("/good")
        self.server.taken.append(body) if good else None  # type: ignore[attr-defined]
        self.send_response(200 if good else 404)
        answer = b"ok" if good else b"no_service"
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.taken = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def file_of(notify: object) -> str:
    ports = free_ports(3)
    return f"""
format: 1
name: shop
title: Shop
environment: staging
sides: [blue, green]
traffic: {{provider: envoy, admin: "http://127.0.0.1:{ports[0]}", runtime_prefix: r, clusters: {{blue: blue, green: green}}}}
workloads: {{provider: http, urls: {{blue: "http://127.0.0.1:{ports[1]}/v", green: "http://127.0.0.1:{ports[2]}/v"}}}}
rollback: [traffic]
notify: {json.dumps(notify)}
"""


def added(tmp_path: Path, notify: object, **environment: str) -> Shell:
    shell = Shell(tmp_path / "home", environment)
    path = tmp_path / "shop.yaml"
    path.write_text(file_of(notify), encoding="utf-8")
    said = shell("target", "add", str(path))
    assert said.code == 0, said
    return shell


def test_a_test_note_says_which_channels_accepted_it(tmp_path: Path, chat: http.server.ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{chat.server_address[1]}"
    channels = [
        {"name": "team", "provider": "slack", "address": "env:TEAM_HOOK", "on": ["done"]},
        {"name": "board", "provider": "slack", "address": "env:BOARD_HOOK"},
    ]
    shell = added(tmp_path, channels, TEAM_HOOK=f"{url}/good/s3cret-part", BOARD_HOOK=f"{url}/gone/s3cret-part")
    said = shell("target", "notify", "shop")
    assert (said.code, "team" in said.out, "done" in said.out) == (0, True, True)
    assert chat.taken == []  # type: ignore[attr-defined]
    said = shell("target", "notify", "shop", "--test")
    assert said.code == 4
    team, board = said.out.splitlines()
    assert team.startswith("team (slack): accepted after")
    assert board.startswith("board (slack): The channel board has nothing at this address (HTTP 404). It says: no_service")
    assert "s3cret-part" not in said.out + said.err
    assert chat.taken[0]["text"].startswith("TEST, nothing happened: Shop (staging)")  # type: ignore[attr-defined]
    alone = shell("target", "notify", "shop", "--test", "--channel", "team", "--json")
    assert alone.code == 0
    assert [(each["name"], each["accepted"]) for each in alone.document["tried"]] == [("team", True)]


def test_the_receiver_that_ships_takes_a_signed_test(tmp_path: Path) -> None:
    (port,), key = free_ports(1), "whsec_" + base64.b64encode(b"k" * 32).decode()
    script = [sys.executable, "-u", str(resource("receive_webhook.py")), str(port)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, env={**os.environ, "RELEASE_NOTES_KEY": key}) as receiver:
        try:
            shell = added(
                tmp_path,
                [{"name": "log", "provider": "webhook", "address": "env:LOG_HOOK", "key": "env:LOG_KEY"}],
                LOG_HOOK=f"http://127.0.0.1:{port}/notes",
                LOG_KEY=key,
            )
            said = shell("target", "notify", "shop", "--test")
            assert (said.code, said.err) == (0, "")
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == "TEST, nothing happened: Shop (staging)\n"
            said = shell("target", "notify", "shop", "--test", LOG_KEY="another key that is long enough")
            assert said.code == 4
            assert "refused the credentials (HTTP 401)" in said.out
            assert receiver.stdout.readline() == "refused: the signature is not ours\n"
        finally:
            receiver.terminate()


def test_a_channel_with_its_address_in_the_file_is_a_mistake_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(file_of([{"name": "team", "provider": "slack", "address": "https://hooks.example/s3cret-part"}]), encoding="utf-8")
    said = Shell(tmp_path / "home")("target", "check", str(path))
    assert said.code == 2
    assert "notify[0].address" in said.out
    assert "keyring:NAME" in said.out
    assert "s3cret-part" not in said.out
