"""What every test can rely on: no screen, a home of its own, the same random cases in CI, and real servers on loopback."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # no test touches the keyring of whoever runs it
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from clock import FakeClock  # noqa: E402
from servers.alertmanager_process import alertmanager_process, alertmanager_server  # noqa: E402, F401
from servers.buildbot_process import buildbot_process, buildbot_server  # noqa: E402, F401
from servers.fixtures import (  # noqa: E402, F401
    envoy_process,
    envoy_server,
    flag_server,
    haproxy_process,
    haproxy_server,
    traefik_process,
    traefik_server,
    upstream_processes,
    upstreams,
)
from servers.keyring_process import keyring_server  # noqa: E402, F401
from servers.kubernetes_process import kubernetes_process, kubernetes_server  # noqa: E402, F401
from servers.postgres_process import postgres_process, postgres_server  # noqa: E402, F401
from servers.prism_process import prism  # noqa: E402, F401
from servers.prometheus_process import prometheus_process, prometheus_server  # noqa: E402, F401
from servers.unleash_process import unleash_process, unleash_server  # noqa: E402, F401

from console.files import logs  # noqa: E402

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("deep", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Collect garbage of tests with widgets on the Qt thread, as the desktop does: a collection in any other thread would crash."""
    widgets = "qapp" in getattr(item, "fixturenames", ())
    if widgets:
        gc.disable()
    yield
    if widgets:
        from PySide6.QtCore import QCoreApplication, QEvent

        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        gc.enable()


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("RELEASE_CONSOLE_STORE", raising=False)  # no test may reach a real team's records


@pytest.fixture(autouse=True)
def _no_log_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the log of a face that ran inside the test: its file and hooks would be the next test's."""
    begun: list[logs.Logs] = []
    begin = logs.set_up_logs

    def begin_and_keep(*args: Any, **options: Any) -> logs.Logs:
        begun.append(begin(*args, **options))
        return begun[-1]

    monkeypatch.setattr(logs, "set_up_logs", begin_and_keep)
    yield
    for log in reversed(begun):
        log.close()


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked `anyio` run their coroutines on asyncio."""
    return "asyncio"
