"""A stand-in for Argo CD with one application, made after its API's description: it says nothing about the real one."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from faults.answering import answering

TOKEN = "a-token-of-the-tests"
OLD, BAD = "0" * 39 + "1", "0" * 39 + "2"


@dataclass
class ArgoCdStandIn:
    """The application `shop`, on `BAD` after `OLD`; operations end when `finish` is called, and at once with `quick`."""

    port: int = 0
    quick: bool = True
    annotations: dict[str, str] = field(default_factory=dict)
    automated: dict[str, Any] | None = field(default_factory=lambda: {"prune": True, "selfHeal": True})
    history: list[dict[str, Any]] = field(default_factory=lambda: [{"id": 4, "revision": OLD}, {"id": 5, "revision": BAD}])
    synced: str = "Synced"
    health: str = "Healthy"
    operation: dict[str, Any] | None = None
    state: dict[str, Any] = field(default_factory=lambda: {"phase": "Succeeded", "finishedAt": "2026-11-24T10:00:00Z"})
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def value(self) -> dict[str, Any]:
        policy = {} if self.automated is None else {"automated": self.automated}
        status = {
            "sync": {"status": self.synced},
            "health": {"status": self.health},
            "history": self.history,
            "operationState": self.state,
        }
        running = {} if self.operation is None else {"operation": self.operation}
        metadata = {"name": "shop", "annotations": self.annotations}
        return {"metadata": metadata, "spec": {"syncPolicy": policy}, "status": status, **running}

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
        path = target.split("?")[0].removeprefix("/api/v1/applications/")
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "no session information", "code": 16}
        if path.split("/")[0] != "shop":
            return 404, {"error": 'applications.argoproj.io "shelf" not found', "code": 5}
        if method == "GET":
            return 200, self.value()
        self.asked.append((method, path))
        asked = json.loads(body)
        if method == "PATCH":
            return self._patch(asked)
        return self._operate(path.rpartition("/")[2], asked)

    def _patch(self, asked: Mapping[str, Any]) -> tuple[int, object]:
        if asked["patchType"] != "merge":
            return 400, {"error": "Patch type 'json' is not supported here"}
        patch = json.loads(asked["patch"])
        self.annotations |= patch.get("metadata", {}).get("annotations", {})
        if "spec" in patch:
            self.automated = patch["spec"]["syncPolicy"]["automated"]
        return 200, self.value()

    def _operate(self, verb: str, asked: Mapping[str, Any]) -> tuple[int, object]:
        if self.operation is not None:
            return 400, {"error": "another operation is already in progress", "code": 9}
        if verb == "rollback" and self.automated is not None:
            return 400, {"error": "rollback cannot be initiated when auto-sync is enabled", "code": 9}
        revision = next((each["revision"] for each in self.history if each["id"] == asked.get("id")), BAD)
        self.operation, self.state = {"sync": {"revision": revision}}, {"phase": "Running"}
        self.synced = "OutOfSync" if verb == "rollback" else "Synced"
        if self.quick:
            self.finish()
        return 200, self.value()

    def finish(self) -> None:
        """Let the operation that runs succeed."""
        assert self.operation is not None
        self.history.append({"id": self.history[-1]["id"] + 1, "revision": self.operation["sync"]["revision"]})
        self.operation, self.state = None, {"phase": "Succeeded", "finishedAt": "2026-11-24T11:00:00Z"}


@asynccontextmanager
async def argocd_stand_in() -> AsyncIterator[ArgoCdStandIn]:
    """Run a stand-in on loopback."""
    stand_in = ArgoCdStandIn()
    async with answering(stand_in.answer) as stand_in.port:
        yield stand_in
