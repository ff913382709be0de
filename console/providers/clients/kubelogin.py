"""Credentials from a kubeconfig's exec plugin (client.authentication.k8s.io), run only when the target file names the very command."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console.model.clock import Clock
from console.model.errors import ConsoleError, Malformed, NotAllowed, Refused, Unreachable
from console.model.kubernetes import KubeCluster
from console.model.text import clean
from console.providers.clients.kubeconfig import Access, Plugin, login_words
from console.providers.clients.strict import field as json_field
from console.providers.clients.strict import load_json, malformed

LOGIN_S = 30.0
"""How long a plugin may take; one that waits for a person takes longer, and is stopped."""

EARLY = timedelta(seconds=60)
"""Credentials are asked for anew so long before they end, so that none ends on the way to the server."""

_LIMIT = 256 * 1024
_DRAIN_S = 1.0
_KNOWN = frozenset({f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1")})


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin gave: a token, or a certificate with its key as PEM; `until` is when it ends, None where that is not told."""

    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)
    until: datetime | None = None


class PluginLogin:
    """Keeps what a plugin gave until it ends. `trusted` is asked each time before the plugin runs."""

    def __init__(self, cluster: KubeCluster, access: Access, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._access = access
        self._clock = clock
        self._trusted = trusted
        self._held: Credential | None = None
        self._turn = asyncio.Lock()

    async def credential(self, *, refused: Credential | None = None) -> Credential:
        """Return what the plugin gave, from a new run where it ends soon or the server just `refused` it.

        Where a new run fails, the one held serves until it ends: a way back must not wait for a login. Raises NotAllowed, Refused,
        Unreachable or Malformed.
        """
        async with self._turn:
            held = self._held
            now = self._clock.now()
            if held is not None and held is not refused and (held.until is None or now < held.until - EARLY):
                return held
            try:
                self._held = await self._run()
            except ConsoleError:
                if held is not None and held is not refused and held.until is not None and now < held.until:
                    return held
                raise
            return self._held

    async def _run(self) -> Credential:
        plugin = self._access.plugin
        assert plugin is not None  # noqa: S101 - made only where there is one
        self._check(plugin)
        system = f"The login command {clean(plugin.command, 60)}"
        said = await _output(plugin, self._access, system)
        return _read(load_json(said, system), plugin, system)

    def _check(self, plugin: Plugin) -> None:
        if plugin.api_version not in _KNOWN:
            raise NotAllowed(
                f"The login command of the context {clean(self._cluster.context, 60)} speaks {clean(plugin.api_version, 80)}.",
                means="The cluster cannot be asked; nothing was run.",
                advice="Let its tool write the kubeconfig anew, with client.authentication.k8s.io/v1.",
            )
        if plugin.words != self._cluster.login:
            other = "another command than the target file names" if self._cluster.login else "a command that the target file does not name"
            raise NotAllowed(
                f"The context {clean(self._cluster.context, 60)} logs in by {other}.",
                means="It was not run, and the cluster cannot be asked.",
                advice=f"If it is the right one, write beside the context {clean(login_words(self._access), 400)} and trust the file.",
            )
        if not self._trusted():
            raise NotAllowed(
                f"The context {clean(self._cluster.context, 60)} logs in by a command, and the target file is not trusted.",
                means="It was not run, and the cluster cannot be asked.",
                advice="Look at the commands that the file declares, and trust it.",
            )


async def _output(plugin: Plugin, access: Access, system: str) -> bytes:
    """Run a plugin without a shell or a terminal, and return what it printed. Its complaints are not shown: a secret may stand in them."""
    environment = {**os.environ, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(_told(plugin, access))}
    options: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
    again = f"Run it at a terminal to see why: {clean(shlex.join((plugin.command, *plugin.arguments)), 300)}"
    means = "The cluster cannot be asked."
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command,
            *plugin.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            limit=_LIMIT,
            **options,
        )
    except (OSError, ValueError) as error:
        why = clean(str(getattr(error, "strerror", "") or error).lower(), 80)
        raise Unreachable(f"{system} cannot be run: {why}.", sent=False, means=means, advice="Install it, or correct its path.") from None
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(LOGIN_S):
            said = await _all_of(process.stdout, system)
            code = await process.wait()
    except TimeoutError:
        raise Unreachable(f"{system} did not end in {LOGIN_S:g} s.", sent=False, means=means, advice=again) from None
    finally:
        await _end(process, process.stdout)
    if code != 0:
        raise Refused(f"{system} failed (exit {code}).", means=means, advice=again)
    return said


async def _all_of(output: asyncio.StreamReader, system: str) -> bytes:
    parts, size = [], 0
    while part := await output.read(65_536):
        parts.append(part)
        size += len(part)
        if size > _LIMIT:
            raise malformed(system, f"It printed more than {_LIMIT // 1024} KiB.")
    return b"".join(parts)


async def _end(process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
    """End what still runs of a plugin, and let go of its output."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while await output.read(65_536):
                continue
            await process.wait()


def _told(plugin: Plugin, access: Access) -> Mapping[str, Any]:
    """Return what a plugin is told in KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.cluster_info:
        spec["cluster"] = {"server": access.server, "certificate-authority-data": access.authority}
    return {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}


def _read(value: Any, plugin: Plugin, system: str) -> Credential:
    if json_field(value, "kind", str, system) != "ExecCredential" or value.get("apiVersion") != plugin.api_version:
        raise malformed(system, "It printed no ExecCredential of the version that was asked for.")
    status = json_field(value, "status", dict, system)
    found = {key: str(status.get(key) or "") for key in ("token", "clientCertificateData", "clientKeyData")}
    if not found["token"] and not (found["clientCertificateData"] and found["clientKeyData"]):
        raise malformed(system, "It gave neither a token nor a certificate with its key.")
    return Credential(found["token"], found["clientCertificateData"], found["clientKeyData"], _until(status, system))


def _until(status: Mapping[str, Any], system: str) -> datetime | None:
    text = status.get("expirationTimestamp")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise _no_instant(system) from None
    if moment.tzinfo is None:
        raise _no_instant(system)
    return moment.astimezone(UTC)


def _no_instant(system: str) -> Malformed:
    return malformed(system, "When its credentials end is no instant with a zone.")
