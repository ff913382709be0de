"""One target of six real systems: HAProxy, Prometheus, Unleash, PostgreSQL with Alembic, Buildbot, and the two sides behind the router."""

import http.client
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from servers.buildbot_process import BuildbotServer
from servers.fixtures import SIDES, Upstream
from servers.haproxy_process import BACKEND, HaproxyServer
from servers.postgres_process import PostgresServer
from servers.prometheus_process import PrometheusServer
from servers.shop_database import MIGRATOR, MIGRATOR_PASSWORD, REVISION, WATCHER_PASSWORD, ShopDatabase, alembic_folder, shop_database
from servers.unleash_process import ADMIN, CLIENTS, UnleashServer

SECRETS = {
    "SHOP_FLAG_ADMIN": ADMIN,
    "SHOP_FLAG_CLIENT": CLIENTS["development"],
    "SHOP_WATCHER": WATCHER_PASSWORD,
    "SHOP_MIGRATOR": MIGRATOR_PASSWORD,
}
OLD, IDLE, FIRST, SECOND = SIDES["blue"], "17.3.9", "18.0.0", "19.0.0"
EXPANDS = {FIRST: ("payment ref", "0041", "0042", "payment_ref"), SECOND: ("refund ref", "0042", "0043", "refund_ref")}
"""By release: its migration's name, the revision before it, its own, and the column that it adds."""

ROUND = 30
"""Requests that customers make between two counts."""


class Customers:
    """Comes through the router again and again, and lets the side that answered count the session; `fails` names a side whose do."""

    def __init__(self, url: str, upstreams: Mapping[str, Upstream]) -> None:
        self._place, self._upstreams = url.removeprefix("http://"), upstreams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.fails = ""
        self.lost = 0

    def __enter__(self) -> "Customers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(OSError):  # on a busy computer an answer may come too late; the next round counts again
                for side, number in self._round().items():
                    self._upstreams[side].count(**({"failed": number} if side == self.fails else {"ok": number}))

    def _round(self) -> Counter[str]:
        answered: Counter[str] = Counter()
        link = http.client.HTTPConnection(self._place, timeout=5)
        try:
            for _ in range(ROUND):
                link.request("GET", "/pay")
                reply = link.getresponse()
                said = reply.read().decode()
                self.lost += reply.status != 200
                answered[said.split()[0]] += reply.status == 200
        finally:
            link.close()
        return answered


@dataclass(frozen=True)
class Systems:
    """The servers that every test shares."""

    upstreams: Mapping[str, Upstream]
    haproxy: HaproxyServer
    prometheus: PrometheusServer
    unleash: UnleashServer
    buildbot: BuildbotServer


@dataclass
class Whole:
    """The target `shop` with all that it is made of, and looks at each system past the console."""

    folder: Path
    systems: Systems
    database: ShopDatabase
    flags: Mapping[str, str]
    alembic: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        (self.folder / "ci").mkdir(parents=True)
        self.alembic = alembic_folder(self.folder / "schema")
        *_, column = EXPANDS[SECOND]
        up, back = f"ALTER TABLE orders ADD {column} text", f"ALTER TABLE orders DROP {column}"
        text = REVISION.format(doc="0043", revision="0043", down="0042", up=up, back=back)
        (self.folder / "schema" / "migrations" / "versions" / "0043.py").write_text(textwrap.dedent(text))
        given = f"postgresql+psycopg://{MIGRATOR}:{MIGRATOR_PASSWORD}@127.0.0.1:{self.database.server.port}/{self.database.name}"
        words = [*self.alembic, "upgrade", "0041"]
        subprocess.run(words, cwd=self.folder / "schema", check=True, env={"SHOP_URL": given}, capture_output=True)

    @property
    def file(self) -> Path:
        return self.folder / "shop.yaml"

    def prepare(self, release: str, side: str, wait: str = "1 s") -> None:
        """Write the target file with a release's migration and flag, and the pipeline that builds it and lets a side run it."""
        (self.folder / "ci" / "1-build.sh").write_text("echo building $RELEASE_VERSION\n")
        ask = f"import urllib.request as u; u.urlopen(u.Request('{self.systems.upstreams[side].url}/deploy?version='+V, method='POST'))"
        python = f"import os; V = os.environ['RELEASE_VERSION']; {ask}"
        (self.folder / "ci" / "2-deploy.sh").write_text(f'{sys.executable} -c "{python}"\necho $RELEASE_VERSION runs on {side}\n')
        self.file.write_text(self._text(release, wait), encoding="utf-8")

    def _text(self, release: str, wait: str) -> str:
        name, base, revision, column = EXPANDS[release]
        python = ", ".join(repr(word) for word in self.alembic)
        servers = ", ".join(f"{side}: [{', '.join(names)}]" for side, names in self.systems.haproxy.servers.items())
        sides = "\n".join(f"    {side}: '{matcher}'" for side, matcher in self.systems.prometheus.sides.items())
        urls = "\n".join(f"    {side}: {each.url}/version" for side, each in self.systems.upstreams.items())
        return f"""\
format: 1
name: shop
title: Shop
environment: staging
owner: shop team
sides: [blue, green]
traffic: {{provider: haproxy, address: "127.0.0.1:{self.systems.haproxy.port}", backend: {BACKEND}, servers: {{{servers}}}}}
workloads:
  provider: http
  urls:
{urls}
metrics:
  provider: prometheus
  url: {self.systems.prometheus.url}
  poll: 1 s
  scrape: 1 s
  sides:
{sides}
gates:
  - {{name: Payments, kind: sessions, must_see: total failure}}
panels:
  - {{name: Requests, kind: rate, numerator: http_requests, unit: /s}}
flag:
  provider: unleash
  url: {self.systems.unleash.url}
  environment: development
  name: {self.flags[release]}
  token: env:SHOP_FLAG_ADMIN
  client_token: env:SHOP_FLAG_CLIENT
  raise_at_start: true
pipeline:
  provider: buildbot
  url: {self.systems.buildbot.url}
  builder: release
  scheduler: release
  parameters: {{folder: '{self.folder / "ci"}'}}
database:
  provider: postgres
  address: {self.database.address}
  password: env:SHOP_WATCHER
  tool: alembic
  base: "{base}"
  poll: 1 s
  migrator: {{login: {MIGRATOR}, password: env:SHOP_MIGRATOR}}
  migrations:
    - name: {name}
      revision: "{revision}"
      run: [{python}, upgrade, "{revision}"]
      undo: [{python}, downgrade, "{base}"]
      folder: schema
      tables: [orders]
      columns:
        - {{column: orders.{column}, type: text}}
stages:
  - {{weight: 5 %, wait: {wait}}}
  - {{weight: 50 %, wait: {wait}}}
after_a_fail: {{roll_back_after: 1 s}}
rollback:
  - traffic
  - flag
  - {{name: {name}, kind: migration, migration: {name}}}
"""

    def revision(self) -> str:
        """Return where Alembic's own table says that the schema is."""
        found = self.database.admin.execute("SELECT version_num FROM alembic_version").fetchone()
        return "" if found is None else str(found[0])

    def columns(self) -> set[str]:
        found = self.database.admin.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")
        return {str(name) for (name,) in found.fetchall()}

    def weights(self) -> dict[str, int]:
        """Return each side's whole weight as HAProxy says it."""
        return {
            side: sum(int(self.systems.haproxy.ask(f"get weight {BACKEND}/{name}").split()[0]) for name in names)
            for side, names in self.systems.haproxy.servers.items()
        }

    def all_on(self, side: str) -> bool:
        return all((weight > 0) is (each == side) for each, weight in self.weights().items())

    def flagged(self, release: str) -> tuple[bool, list[str]]:
        return self.systems.unleash.flag(self.flags[release])

    def builds(self) -> list[dict[str, Any]]:
        """Return what Buildbot built for this target, oldest first."""
        found = self.systems.buildbot.get("builds?property=*&order=buildid")["builds"]
        return [each for each in found if each["properties"].get("folder", [""])[0] == str(self.folder / "ci")]


@pytest.fixture
def whole(
    upstreams: Mapping[str, Upstream],
    haproxy_server: HaproxyServer,
    prometheus_server: PrometheusServer,
    unleash_server: UnleashServer,
    postgres_server: PostgresServer,
    buildbot_server: BuildbotServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Whole]:
    """The target on running servers, with its secrets where its file says; both sides run what they ran before once it is over."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    upstreams["green"].deploy(IDLE)
    systems = Systems(upstreams, haproxy_server, prometheus_server, unleash_server, buildbot_server)
    with shop_database(postgres_server) as database:
        flags = {release: unleash_server.new_flag(percent=0, on=False) for release in EXPANDS}
        yield Whole(tmp_path / "whole", systems, database, flags)
    for side, version in SIDES.items():
        upstreams[side].deploy(version)
