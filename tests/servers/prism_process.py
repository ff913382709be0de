"""Prism, answering by GitHub's own description of its API: no GitHub, but every path, field and body is checked against the original."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers.cached import CACHE
from servers.children import Child, answers_http, free_ports, require

INSTALL = "sh tests/servers/github_install.sh"

PATHS = (
    "/rate_limit",
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
    "/repos/{owner}/{repo}/actions/runs/{run_id}",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
    "/repos/{owner}/{repo}/commits/{ref}",
    "/repos/{owner}/{repo}/compare/{basehead}",
)
"""What the console asks for; the rest of the description, which takes Prism long to read, is left out."""


@dataclass
class Prism:
    """Where Prism listens. A request that the description does not allow is answered with 4xx and says why."""

    url: str
    child: Child


def described() -> dict[str, Any]:
    """Return the part of the description that is needed, with all that it refers to."""
    whole = json.loads((CACHE / "github/node_modules/@octokit/openapi/generated/api.github.com.json").read_text(encoding="utf-8"))
    part = {**{key: value for key, value in whole.items() if key not in {"paths", "components", "webhooks", "x-webhooks"}}}
    part |= {"paths": {path: whole["paths"][path] for path in PATHS}, "components": {}}
    todo: list[Any] = [part["paths"]]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            name = item.get("$ref")
            if isinstance(name, str) and name.startswith("#/components/"):
                kind, key = name.split("/")[2:4]
                if key not in part["components"].setdefault(kind, {}):
                    part["components"][kind][key] = whole["components"][kind][key]
                    todo.append(whole["components"][kind][key])
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return part


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """GitHub's API by its description, stateless."""
    node = shutil.which("node")
    program = CACHE / "github/node_modules/@stoplight/prism-cli/dist/index.js"
    require(bool(node) and program.exists() and (CACHE / "github/.installed").exists(), INSTALL)
    folder: Path = tmp_path_factory.mktemp("prism")
    (folder / "github.json").write_text(json.dumps(described()), encoding="utf-8")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    argv = [str(node), str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(folder / "github.json")]
    child = Child(argv, folder / "prism.log", lambda: answers_http(f"{url}/rate_limit"))
    child.start()
    yield Prism(url, child)
    child.stop()
