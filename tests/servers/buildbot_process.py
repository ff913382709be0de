"""A real Buildbot with one worker, from an environment of its own."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers.cached import CACHE
from servers.children import Child, free_ports, require

INSTALL = "sh tests/servers/buildbot_install.sh"


@dataclass
class BuildbotServer:
    """Where the master listens, and its process, which works too. With a password only the user `ana` may force builds."""

    url: str
    child: Child

    def get(self, path: str) -> Any:
        """Ask the data API past the console."""
        with urllib.request.urlopen(f"{self.url}/api/v2/{path}", timeout=10.0) as reply:
            return json.load(reply)

    def reset(self) -> None:
        """Start it where it does not run, and let it go where it is frozen."""
        if self.child.process is None or self.child.process.poll() is not None:
            self.child.start()
        self.child.thaw()


def boot_buildbot(folder: Path, *, password: str = "") -> BuildbotServer:
    """Start a master with one worker in it, from the empty one that was made when it was installed."""
    installed = CACHE / "buildbot"
    require((installed / ".installed").exists(), INSTALL)
    pb, www = free_ports(2)
    master = folder / "master"
    shutil.copytree(installed / "master", master)
    shutil.copy(Path(__file__).with_name("buildbot_master.py"), master / "master.cfg")
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LANG": "C.UTF-8"}
    environ |= {"BUILDBOT_PB": str(pb), "BUILDBOT_WWW": str(www), "BUILDBOT_PASSWORD": password}
    argv = ["env", "-i", "-C", str(master), *(f"{name}={value}" for name, value in environ.items())]
    # As `buildbot start --nodaemon` does, but for the reactor: Twisted's epoll one refuses every connection once it has lost sight of one.
    argv += [
        str(installed / "bin" / "twistd"),
        "--reactor=poll",
        "--no_save",
        "--nodaemon",
        "--logfile=twistd.log",
        "--python=buildbot.tac",
    ]
    url = f"http://127.0.0.1:{www}"
    server = BuildbotServer(url, Child(argv, folder / "buildbot.log", lambda: _works(url), ready_s=60.0))
    server.child.start()
    return server


def _works(url: str) -> bool:
    """Tell whether the master answers and its worker is there."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/workers", timeout=2.0) as reply:
            return any(each["connected_to"] for each in json.load(reply)["workers"])
    except OSError:
        return False


@pytest.fixture(scope="session")
def buildbot_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildbotServer]:
    server = boot_buildbot(tmp_path_factory.mktemp("buildbot"))
    yield server
    server.child.stop()


@pytest.fixture
def buildbot_server(buildbot_process: BuildbotServer) -> BuildbotServer:
    """A real Buildbot with one worker, that everybody may tell what to do."""
    buildbot_process.reset()
    return buildbot_process
