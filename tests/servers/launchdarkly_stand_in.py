"""A stand-in for LaunchDarkly with one flag, made after its public API description: it says nothing about the real one."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from faults.answering import answering

TOKEN = "api-a-token-of-the-tests"
YES, NO = "id-of-true", "id-of-false"
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"


@dataclass
class LaunchDarklyStandIn:
    """One boolean flag in one environment; `asked` holds the bodies of its changes."""

    name: str
    port: int = 0
    here: dict[str, Any] = field(default_factory=lambda: {"on": True, "version": 1, "offVariation": 1, "fallthrough": {"variation": 0}})
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
        if headers.get("authorization") != TOKEN:
            return 401, {"code": "unauthorized", "message": "Invalid access token"}
        if target.startswith("/api/v2/auditlog?"):
            return 200, {"items": [{"date": 1764000000000, "member": {"email": "rita@example.com"}, "titleVerb": "turned off"}]}
        if target.split("?")[0] != f"/api/v2/flags/shop/{self.name}":
            return 404, {"code": "not_found", "message": "Unknown feature key"}
        if method == "PATCH":
            return self._change(headers, json.loads(body))
        return 200, self._flag()

    def _flag(self) -> dict[str, Any]:
        variations = [{"_id": YES, "value": True}, {"_id": NO, "value": False}]
        return {"key": self.name, "kind": "boolean", "variations": variations, "environments": {"production": self.here}}

    def _change(self, headers: Mapping[str, str], body: dict[str, Any]) -> tuple[int, object]:
        if headers.get("content-type") != SEMANTIC or body.get("environmentKey") != "production" or not body.get("instructions"):
            return 400, {"code": "invalid_request", "message": "No semantic patch"}
        changed = dict(self.here)
        for each in body["instructions"]:
            if each["kind"] in {"turnFlagOn", "turnFlagOff"}:
                changed["on"] = each["kind"] == "turnFlagOn"
            elif each["kind"] == "updateOffVariation":
                changed["offVariation"] = [YES, NO].index(each["variationId"])
            elif each["kind"] == "updateFallthroughVariationOrRollout" and "variationId" in each:
                changed["fallthrough"] = {"variation": [YES, NO].index(each["variationId"])}
            elif each["kind"] == "updateFallthroughVariationOrRollout" and sum(each["rolloutWeights"].values()) == 100_000:
                parts = [{"variation": [YES, NO].index(name), "weight": weight} for name, weight in each["rolloutWeights"].items()]
                kept = {
                    theirs: each[ours]
                    for ours, theirs in (("rolloutBucketBy", "bucketBy"), ("rolloutContextKind", "contextKind"))
                    if ours in each
                }
                changed["fallthrough"] = {"rollout": {"variations": parts, **kept}}
            else:
                return 400, {"code": "invalid_request", "message": f"Cannot do {each}"}
        self.here = {**changed, "version": self.here["version"] + 1}
        self.asked.append(body)
        return 200, self._flag()


@asynccontextmanager
async def launchdarkly_stand_in(name: str) -> AsyncIterator[LaunchDarklyStandIn]:
    """Run a stand-in on loopback."""
    stand_in = LaunchDarklyStandIn(name)
    async with answering(stand_in.answer) as stand_in.port:
        yield stand_in
