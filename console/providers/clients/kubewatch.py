"""Tells when an object in a cluster changed, by a watch that goes on where it broke off; who asks goes on polling besides."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from console.model.errors import ConsoleError, Refused
from console.model.text import clean

LOG = logging.getLogger(__name__)

LASTS_S = 240
"""The server ends a watch after so long; it is then begun again from the last version seen."""

START_S = 5.0
_LEAST_S = 0.5
_MOST_S = 30.0
_FORBIDDEN_S = 300.0


class Watchable(Protocol):
    """What a watch needs of a client."""

    async def get(self, path: str, timeout_s: float, **query: str) -> Mapping[str, Any]:
        """Return an object."""
        ...

    def watch(self, path: str, timeout_s: float, **query: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield each change as `{type, object}`."""
        ...


class Changes:
    """Changes of one object, or of all in a collection where no name is given. Only who awaits them makes it watch.

    Protocol: kubernetes.io, "API concepts", "Efficient detection of changes". After a break it watches on from the last resourceVersion;
    where that is too old (410) it begins anew and counts that as a change, because one may have been missed.
    """

    def __init__(self, kube: Watchable, path: str, name: str = "") -> None:
        self._kube = kube
        self._path = path
        self._query = {"fieldSelector": f"metadata.name={name}"} if name else {}
        self._version = ""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.begun = 0
        """How often a watch was begun."""

    async def next(self) -> None:
        """Return at the next change; never where the cluster lets nobody watch."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"watch {self._path}")
        await self._changed.wait()
        self._changed.clear()

    async def aclose(self) -> None:
        """Stop watching."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        pause_s = _LEAST_S
        while True:
            try:
                await self._watch()
                pause_s = _LEAST_S
            except ConsoleError as error:
                gone = isinstance(error, Refused) and error.status == 410
                forbidden = isinstance(error, Refused) and error.status in {401, 403}
                self._version = "" if gone else self._version
                pause_s = _LEAST_S if gone else _FORBIDDEN_S if forbidden else min(_MOST_S, pause_s * 2)
                LOG.debug("watching %s broke off: %s", clean(self._path, 120), error.message)
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads many targets, no secret

    async def _watch(self) -> None:
        """Watch until the server ends it, from the last version seen."""
        if not self._version:
            listed = await self._kube.get(self._path, START_S, limit="1", **self._query)
            self._version = str((listed.get("metadata") or {}).get("resourceVersion") or "")
            if self.begun:
                self._changed.set()
        self.begun += 1
        told = {"resourceVersion": self._version, "timeoutSeconds": str(LASTS_S), "allowWatchBookmarks": "true", **self._query}
        async with aclosing(self._kube.watch(self._path, START_S, **told)) as changes:
            async for change in changes:
                self._version = str((change["object"].get("metadata") or {}).get("resourceVersion") or self._version)
                if change["type"] != "BOOKMARK":
                    self._changed.set()


async def any_of(changes: "tuple[Changes, ...]") -> None:
    """Return at the next change of any."""
    waiting = [asyncio.ensure_future(each.next()) for each in changes]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
