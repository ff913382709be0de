"""The practice shop's back office: what the console asks of the deployer, and what it may know of the way back, over HTTP."""

import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from console.demo.wire import Caller, Reply, Request, WireError, answer_json


class NotStartedError(Exception):
    """A version's process did not become ready."""


class Deploying(Protocol):
    """What the office asks of the deployer."""

    paused: bool

    async def put(self, side: str, version: str) -> None:
        """Let a version run on a side."""
        ...

    async def pause(self, *, paused: bool) -> None:
        """Pause the reconciler, or let it run again."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What the office must know: the canary side's name, the version before, the database, and the token cache's port."""

    canary: str
    old: str
    database: Path
    tokens: int


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to a question: whether it is so, and what was seen."""

    done: bool
    detail: str


class Office:
    """Answers questions by asking the real processes each time, and passes requests on to the deployer."""

    def __init__(self, deployer: Deploying, facts: Facts, ports: Mapping[str, int]) -> None:
        self._deployer = deployer
        self._facts = facts
        self._ports = ports
        self._work: dict[str, Callable[[], Awaitable[None]]] = {
            "/code": self._put_back,
            "/reconciler/pause": lambda: deployer.pause(paused=True),
            "/reconciler/resume": lambda: deployer.pause(paused=False),
        }
        self._questions: dict[str, Callable[[], Awaitable[Told]]] = {
            "/code": self._code,
            "/tokens": self._tokens,
            "/reconciler/pause": self._paused,
            "/reconciler/resume": self._resumed,
            "/ready/old-version": self._old_version,
            "/ready/schema": self._schema,
        }

    async def answer(self, request: Request) -> Reply:
        """Answer `POST` with a piece of work done and `GET` with `{"done", "detail"}`."""
        work, question = self._work.get(request.path), self._questions.get(request.path)
        if work is None and question is None:
            return answer_json(404, error=f"there is {', '.join(sorted(self._questions))}")
        if request.method == "POST" and work is not None:
            try:
                await work()
            except NotStartedError as error:
                return answer_json(500, error=str(error))
            return answer_json(200)
        if request.method != "GET" or question is None:
            return answer_json(405, error="GET asks, POST does")
        try:
            told = await question()
        except (WireError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
            return answer_json(502, error=f"{type(error).__name__}: {error}")
        return answer_json(200, done=told.done, detail=told.detail)

    async def _put_back(self) -> None:
        await self._deployer.put(self._facts.canary, self._facts.old)

    async def _code(self) -> Told:
        """Both sides run the old version, as each says itself."""
        seen = {side: await self._version(side) for side in self._ports}
        words = ", ".join(f"{version or 'nothing'} on {side}" for side, version in seen.items())
        return Told(set(seen.values()) == {self._facts.old}, words)

    async def _old_version(self) -> Told:
        running = [side for side in self._ports if await self._version(side) == self._facts.old]
        where = f"{self._facts.old} runs on {' and '.join(running)}" if running else f"{self._facts.old} runs nowhere"
        return Told(bool(running), where)

    async def _paused(self) -> Told:
        return Told(self._deployer.paused, "paused" if self._deployer.paused else "it follows the repository")

    async def _resumed(self) -> Told:
        told = await self._paused()
        return Told(not told.done, told.detail)

    async def _tokens(self) -> Told:
        """Replay what the old version must not take any more at the side that runs it, which has to refuse every one."""
        handles = list((await _asked(self._facts.tokens, "/stale"))["handles"])
        sides = [side for side in self._ports if await self._version(side) == self._facts.old]
        if not handles or not sides:
            return Told(False, "no stale token to replay" if sides else f"{self._facts.old} runs nowhere")
        for side in sides:
            for handle in handles:
                if (await _asked(self._ports[side], f"/token?handle={handle}"))["accepted"]:
                    return Told(False, f"{side} still accepts the stale token {handle}")
        many = "a stale token" if len(handles) == 1 else f"each of {len(handles)} stale tokens"
        return Told(True, f"{many} is refused on {' and '.join(sides)}")

    async def _schema(self) -> Told:
        """Tell whether the old version still finds its column; the new one's may be there beside it."""
        with closing(sqlite3.connect(f"{self._facts.database.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            columns = {row[1] for row in database.execute("PRAGMA table_info(payment_methods)")}
        if "provider_token" not in columns:
            return Told(False, f"contracted: provider_token is gone, and {self._facts.old} cannot take payments without it")
        return Told(True, "expanded, not contracted" if "payment_ref" in columns else "as before the migration")

    async def _version(self, side: str) -> str:
        """Return the version that answers on a side and says that it is healthy, "" for none."""
        try:
            facts = await _asked(self._ports[side], "/version")
        except (WireError, ValueError):
            return ""
        return str(facts["version"]) if facts["healthy"] else ""


async def _asked(port: int, path: str) -> dict[str, Any]:
    """Return a JSON object, asked for over a connection of its own: a kept one would lead to the process that was there before."""
    reply = await Caller(port).call("GET", path, headers={"connection": "close"})
    facts = json.loads(reply.body)
    if reply.status != 200 or not isinstance(facts, dict):
        raise WireError(f"GET {path}: status {reply.status}")
    return facts
