"""An Argo CD application as a step of the way back: auto-sync paused and restored, rolled back by its history, synced, or healthy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock, from_iso
from console.model.errors import OutcomeUnknown, Refused, Unreachable, WrongSystem
from console.model.readings import UndoState
from console.model.systems import ArgoCdUndo
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, load_json, malformed

PAUSED = "release-console.io/auto-sync"
"""The annotation that keeps what auto-sync was, while it is paused; "" once it was restored."""

BACK = "release-console.io/back"
"""The annotation that keeps from which revision to which one the application was rolled back last."""

_DETAIL = 200


@dataclass(frozen=True, slots=True)
class _Application:
    """What Argo CD says of the application."""

    automated: Mapping[str, Any] | None
    """Its auto-sync; None where that is off."""
    paused: str
    back: tuple[str, str]
    history: tuple[tuple[int, str], ...]
    """Id and revision of what was deployed, the newest last."""
    synced: str
    health: str
    phase: str
    message: str
    running: bool
    finished: datetime | None

    @property
    def deployed(self) -> str:
        """Return the revision that was deployed last, "" where there was none."""
        return self.history[-1][1] if self.history else ""


class ArgoCdStep:
    """One action on one application.

    A rollback goes to the newest revision in the history that is another one than what is deployed. Argo CD refuses it while auto-sync is
    on, so that is paused with it, and what it was is kept at the application, for whoever lets it run again. Afterwards the application
    is out of sync, for Git still holds what was taken back. Protocol: Argo CD's API server, application.proto: Get, Patch, Sync,
    Rollback.
    """

    def __init__(self, spec: ArgoCdUndo, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token
        self._system = f"Argo CD at {place(spec.url)}"
        self._url = f"{spec.url.rstrip('/')}/api/v1/applications/{quote(spec.application, safe='')}"
        named = {"appNamespace": spec.namespace, "project": spec.project}
        self._named = {key: value for key, value in named.items() if value}

    async def look(self) -> UndoState:
        """Return whether it is done, as Argo CD says now."""
        at = self._clock.now()
        found = await self._read()
        done, detail = {
            "pause": self._paused,
            "resume": self._resumed,
            "rollback": self._rolled_back,
            "sync": self._in_sync,
            "healthy": self._healthy,
        }[self._spec.action](found)
        since = found.finished if done and self._spec.action in {"rollback", "sync"} else None
        return UndoState(done, at, clean(detail, _DETAIL), since)

    async def run(self, key: str) -> None:
        """Ask for it; accepted, not yet observed. Argo CD takes no `key`: what is done or on its way is not asked for again."""
        del key
        try:
            found = await self._read()
        except Unreachable as error:
            raise Unreachable(error.message, sent=False, means="Nothing was changed.", advice=error.advice) from None
        if self._spec.action == "pause":
            await self._pause(found, {})
        elif self._spec.action == "resume":
            await self._resume(found)
        elif self._spec.action == "rollback":
            await self._roll_back(found)
        elif self._spec.action == "sync" and not found.running:
            await self._send("POST", "/sync", {"prune": self._spec.prune})

    def _paused(self, found: _Application) -> tuple[bool, str]:
        return found.automated is None, "auto-sync is off" if found.automated is None else "auto-sync is on"

    def _resumed(self, found: _Application) -> tuple[bool, str]:
        if found.paused:
            return False, "auto-sync is paused"
        return True, "auto-sync is on" if found.automated is not None else "auto-sync is off, as it was before"

    def _rolled_back(self, found: _Application) -> tuple[bool, str]:
        before, to = found.back
        if not to or found.deployed != to or found.running:
            return False, self._words(found)
        if found.phase != "Succeeded" or found.health != "Healthy":
            return False, self._words(found)
        return True, f"{_short(to)} is deployed and healthy, back from {_short(before)}"

    def _in_sync(self, found: _Application) -> tuple[bool, str]:
        done = found.synced == "Synced" and found.health == "Healthy" and not found.running
        return done, self._words(found)

    def _healthy(self, found: _Application) -> tuple[bool, str]:
        return found.health == "Healthy" and not found.running, self._words(found)

    def _words(self, found: _Application) -> str:
        running = f"; {found.phase.lower() or 'an operation'} now" if found.running else ""
        failed = f"; {found.message}" if found.phase in {"Failed", "Error"} else ""
        return f"{_short(found.deployed) or 'nothing'} deployed, {found.synced}, {found.health}{running}{failed}"

    async def _pause(self, found: _Application, notes: Mapping[str, str]) -> None:
        """Turn auto-sync off and keep what it was, together with other notes; nothing to do is nothing sent."""
        annotations = dict(notes)
        patch: dict[str, Any] = {}
        if found.automated is not None:
            annotations[PAUSED] = json.dumps(found.automated, sort_keys=True)
            patch["spec"] = {"syncPolicy": {"automated": None}}
        if annotations:
            await self._patch({**patch, "metadata": {"annotations": annotations}})

    async def _resume(self, found: _Application) -> None:
        if not found.paused:
            return
        patch: dict[str, Any] = {"metadata": {"annotations": {PAUSED: ""}}}
        if found.automated is None:  # somebody may have let it run again already, in a way of their own
            patch["spec"] = {"syncPolicy": {"automated": self._kept(found.paused)}}
        await self._patch(patch)

    def _kept(self, paused: str) -> Any:
        kept = load_json(paused.encode(), self._system)
        if not isinstance(kept, dict):
            raise malformed(self._system, f"Its annotation {PAUSED} is not what this console writes.")
        return kept

    async def _roll_back(self, found: _Application) -> None:
        if found.running or (found.back[1] and found.deployed == found.back[1]):
            if found.back[1]:
                return
            raise Refused(
                f"{self._spec.application} is in the middle of another operation at {self._system}.",
                means="It was not rolled back.",
                advice="Wait for its end or terminate it at Argo CD, then run this step again.",
            )
        earlier = next((entry for entry in reversed(found.history) if entry[1] != found.deployed), None)
        if earlier is None:
            raise Refused(
                f"{self._spec.application} has no earlier revision in its history at {self._system}.",
                means="There is nothing to roll back to.",
                advice="Revert in Git and sync, or raise revisionHistoryLimit for the next time.",
            )
        await self._pause(found, {BACK: json.dumps({"from": found.deployed, "to": earlier[1]})})
        try:
            await self._send("POST", "/rollback", {"id": earlier[0], "prune": self._spec.prune})
        except Refused as error:
            raise OutcomeUnknown(
                f"{error.message} Auto-sync is paused.",
                means="It was not rolled back, and will not be synced by itself.",
                advice=error.advice,
            ) from None

    async def _patch(self, patch: Mapping[str, Any]) -> None:
        await self._send("PATCH", "", {"patch": json.dumps(patch), "patchType": "merge"})

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        content = json.dumps({"name": self._spec.application, **self._named, **body}).encode()
        headers = {"content-type": "application/json"}
        await self._http.send(self._call(f"{self._url}{path}", method=method, content=content, headers=headers))

    async def _read(self) -> _Application:
        query = f"?{urlencode(self._named)}" if self._named else ""
        value = (await self._http.send(self._call(f"{self._url}{query}"))).json()
        metadata, spec = field(value, "metadata", dict, self._system), field(value, "spec", dict, self._system)
        if (name := field(metadata, "name", str, self._system)) != self._spec.application:
            raise WrongSystem(
                f"{self._system} answers for the application {clean(name, 60)!r}, not {clean(self._spec.application, 60)!r}.",
                means="Its state is not known now.",
                advice="Correct the application in the target file.",
            )
        status, notes = _part(value, "status"), _part(metadata, "annotations")
        operation, automated = _part(status, "operationState"), _part(spec, "syncPolicy").get("automated")
        on = isinstance(automated, dict) and automated.get("enabled") is not False
        return _Application(
            automated=automated if on else None,
            paused=_text(notes, PAUSED),
            back=self._back(_text(notes, BACK)),
            history=tuple(self._entry(each) for each in field({"history": [], **status}, "history", list, self._system)),
            synced=_text(_part(status, "sync"), "status") or "Unknown",
            health=_text(_part(status, "health"), "status") or "Unknown",
            phase=_text(operation, "phase"),
            message=clean(_text(operation, "message"), 120),
            running=bool(value.get("operation")) or _text(operation, "phase") in {"Running", "Terminating"},
            finished=self._instant(_text(operation, "finishedAt")),
        )

    def _entry(self, value: Any) -> tuple[int, str]:
        """Return id and revision; an application of several sources has several revisions."""
        revisions: Any = value.get("revisions") if isinstance(value, dict) else None
        several = isinstance(revisions, list) and bool(revisions)
        revision = ",".join(map(str, revisions)) if several else field(value, "revision", str, self._system)
        return 0 if value.get("id") is None else field(value, "id", int, self._system), revision

    def _back(self, text: str) -> tuple[str, str]:
        if not text:
            return "", ""
        kept = load_json(text.encode(), self._system)
        return field(kept, "from", str, self._system), field(kept, "to", str, self._system)

    def _instant(self, text: str) -> datetime | None:
        if not text:
            return None
        try:
            return from_iso(text)
        except ValueError:
            raise malformed(self._system, f"{clean(text, 60)!r} is no instant with a zone.") from None

    def _call(self, url: str, **more: Any) -> Call:
        return Call(self._system, url, timeout_s=self._spec.timeout_s, token=self._token, **more)


def _part(value: Any, name: str) -> Mapping[str, Any]:
    """Return an inner object, an empty one where it is left out, as Argo CD leaves out what is empty."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _short(revision: str) -> str:
    """Return a revision as people name it: a commit by its first characters."""
    return ",".join(each[:10] if len(each) == 40 else clean(each, 40) for each in revision.split(","))
