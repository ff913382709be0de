"""A missing server is skipped with the line that installs it, and fails where it must be there."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from servers.children import require

INSTALL = "apt-get install -y haproxy"


def test_a_missing_server_is_skipped_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELEASE_CONSOLE_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=INSTALL):
        require(present=False, install=INSTALL)


def test_a_missing_server_fails_where_all_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_CONSOLE_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match=INSTALL):
        require(present=False, install=INSTALL)
    require(present=True, install=INSTALL)


START = """
import sys
from pathlib import Path
from servers.fixtures import boot_upstream

print(boot_upstream(Path(sys.argv[1]), "blue", "1").child.pid, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    run = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)],
        env={"PYTHONPATH": f"{tests}:{tests.parent}", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    server = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.communicate()
    gone, _ = psutil.wait_procs([server], timeout=5)
    assert gone
