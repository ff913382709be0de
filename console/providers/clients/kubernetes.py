"""The Kubernetes API as our providers use it: our deadlines and limits, our errors, nothing but JSON objects.

lightkube was looked at and left out: it takes no exec plugin that speaks client.authentication.k8s.io/v1, gives a plugin no deadline and
no cluster, keeps a client's key in a temporary file, has neither a total deadline nor a limit on an answer, and brings a second HTTP
library. What is left of it for objects that are read as plain JSON is this file.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock
from console.model.errors import BadFile, Malformed, OutcomeUnknown, Refused
from console.model.kubernetes import KubeCluster
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient
from console.providers.clients.kubeconfig import Access, access_of
from console.providers.clients.kubelogin import Credential, PluginLogin
from console.providers.clients.kubestream import lines_of
from console.providers.clients.kubewatch import Changes
from console.providers.clients.strict import field, load_json, malformed
from console.providers.clients.tls import client_context

OBJECT_LIMIT = 4 * 1024 * 1024
"""Decoded bytes of an answer: an object may hold 1.5 MiB, a short list some of them."""

LINE_LIMIT = 16 * 1024
"""Bytes of a line of text; what is longer is cut into several."""

MANAGER = "release-console"
"""The field manager under which the server notes what we write (kubernetes.io, "Server-Side Apply", "Field management")."""

MERGE = "application/merge-patch+json"

Object = Mapping[str, Any]
"""A Kubernetes object as it came, fields that we do not know included."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object in a namespace; the core group's name is ""."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str, name: str = "", part: str = "") -> str:
        """Return the path of an object, of its part (`status`), or of all in a namespace."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = (root, "namespaces", namespace, self.plural, *((name,) if name else ()), *((part,) if part else ()))
        return "/".join((parts[0], *(quote(each, safe="") for each in parts[1:])))


SERVICES = Resource("", "v1", "services")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
ENDPOINTS = Resource("", "v1", "endpoints")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
REPLICASETS = Resource("apps", "v1", "replicasets")
ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes")
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts")
ANALYSES = Resource("argoproj.io", "v1alpha1", "analysisruns")


class KubeClient:
    """The connections to one cluster. The kubeconfig is read when the cluster is first asked, and anew when the server refuses us."""

    def __init__(self, cluster: KubeCluster, folder: Path, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._folder = folder
        self._clock = clock
        self._trusted = trusted
        self._link: _Link | None = None
        self._turn = asyncio.Lock()
        self._uid = ""
        self._retired: HttpClient | None = None
        self._changes: list[Changes] = []
        self.system = "Kubernetes in this pod's cluster" if cluster.in_cluster else f"Kubernetes {clean(cluster.context, 60)}"

    async def get(self, path: str, timeout_s: float, **query: str) -> Object:
        """Return an object, or a list of them. Raises as `HttpClient.send` does, and BadFile or NotAllowed where we cannot log in."""
        return await self._ask("GET", path, timeout_s, query, None)

    async def patch(self, path: str, change: Object, timeout_s: float, **query: str) -> Object:
        """Merge a change into an object (RFC 7386) and return it. A `resourceVersion` in it makes this a compare-and-set: Refused, 409."""
        return await self._ask("PATCH", path, timeout_s, {"fieldManager": MANAGER, **query}, change)

    async def create(self, path: str, made: Object, timeout_s: float) -> Object:
        """Make an object, or ask a review, and return it."""
        return await self._ask("POST", path, timeout_s, {}, made)

    async def may(self, verb: str, resource: Resource, namespace: str, name: str, *, part: str = "", timeout_s: float) -> bool:
        """Ask whether our account may do something (SelfSubjectAccessReview); nothing is changed."""
        attributes = {
            "verb": verb,
            "group": resource.group,
            "version": resource.version,
            "resource": resource.plural,
            "subresource": part,
            "namespace": namespace,
            "name": name,
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = await self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, timeout_s)
        return bool(field(field(answer, "status", dict, self.system), "allowed", bool, self.system))

    async def cluster_uid(self, timeout_s: float) -> str:
        """Return what tells this cluster from all others: the uid of its namespace kube-system; "-" where we may not read that."""
        if not self._uid:
            try:
                found = await self.get("/api/v1/namespaces/kube-system", timeout_s)
            except Refused as refused:
                if refused.status not in {403, 404}:
                    raise
                return "-"
            self._uid = clean(field(field(found, "metadata", dict, self.system), "uid", str, self.system), 80)
        return self._uid

    async def watch(self, path: str, timeout_s: float, **query: str) -> AsyncGenerator[Object, None]:
        """Yield each change as `{type, object}` until the server ends the watch, which it does after `timeoutSeconds`.

        Raises as `get` does; Refused with status 410 where the `resourceVersion` asked for is too old.
        """
        async with aclosing(self._lines(path, timeout_s, {"watch": "true", **query}, None)) as lines:
            async for line in lines:
                yield self._change(line)

    def lines(self, path: str, timeout_s: float, most: int, **query: str) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an answer that is text, as they come, until the server ends it; past `most` bytes TooLarge is raised."""
        return self._lines(path, timeout_s, query, most)

    async def text(self, path: str, timeout_s: float, limit: int, **query: str) -> bytes:
        """Return an answer that is text, whole."""
        link = await self._linked()
        call = await self._call(link, "GET", path, timeout_s, query, None)
        return (await link.http.send(replace(call, limit=limit, headers={"accept": "*/*"}))).body

    async def _lines(self, path: str, timeout_s: float, query: Mapping[str, str], most: int | None) -> AsyncGenerator[bytes, None]:
        link = await self._linked()
        call = await self._call(link, "GET", path, timeout_s, query, None)
        longest = OBJECT_LIMIT if most is None else LINE_LIMIT
        async with aclosing(lines_of(lambda take: link.http.stream(call, take), self.system, longest, most)) as lines:
            async for line in lines:
                yield line

    def changes(self, path: str, name: str = "") -> Changes:
        """Return what tells of changes of an object in a collection; it is stopped with this client."""
        made = Changes(self, path, name)
        self._changes.append(made)
        return made

    async def aclose(self) -> None:
        """Let go of all connections."""
        for each in self._changes:
            await each.aclose()
        link, self._link = self._link, None
        await self._retire(None)
        if link is not None:
            await link.http.aclose()

    def _change(self, line: bytes) -> Object:
        change = load_json(line, self.system)
        if field(change, "type", str, self.system) == "ERROR":
            status = field(change, "object", dict, self.system)
            code = status.get("code")
            raise Refused(
                f"{self.system} ended the watch: {clean(str(status.get('message', '')), 120)}",
                status=code if isinstance(code, int) else None,
                means="Nothing was missed: what stands now is read anew.",
            )
        field(change, "object", dict, self.system)
        return dict(change)

    async def _ask(self, method: str, path: str, timeout_s: float, query: Mapping[str, str], body: Object | None) -> Object:
        link = await self._linked()
        try:
            return await self._send(link, method, path, timeout_s, query, body)
        except Refused as refused:
            if refused.status != 401:
                raise
        # A 401 changed nothing, and says that the login ended before it said it would, or that the kubeconfig was written anew.
        return await self._send(await self._linked(after=link), method, path, timeout_s, query, body)

    async def _send(self, link: "_Link", method: str, path: str, timeout_s: float, query: Mapping[str, str], body: Object | None) -> Object:
        reply = await link.http.send(await self._call(link, method, path, timeout_s, query, body))
        try:
            value = reply.json()
            if not isinstance(value, dict):
                raise malformed(self.system, "An object was expected.")
        except Malformed as error:
            if body is None:
                raise
            means = "The change may have taken effect; reading back will tell."
            raise OutcomeUnknown(error.message, means=means, advice=error.advice) from None
        return value

    async def _call(self, link: "_Link", method: str, path: str, timeout_s: float, query: Mapping[str, str], body: Object | None) -> Call:
        token = await self._token(link)

        async def given() -> str:
            return token

        media = {} if body is None else {"content-type": MERGE if method == "PATCH" else "application/json"}
        return Call(
            self.system,
            f"{link.access.server}{path}" + (f"?{urlencode(query)}" if query else ""),
            method=method,
            timeout_s=timeout_s,
            limit=OBJECT_LIMIT,
            token=given if token else None,
            content=None if body is None else json.dumps(body).encode(),
            headers={"accept": "application/json", **media},
        )

    async def _token(self, link: "_Link") -> str:
        if link.credential is not None:
            return link.credential.token
        if link.access.token_file is not None:
            return await asyncio.to_thread(_read_token, link.access.token_file)
        return link.access.token

    async def _linked(self, after: "_Link | None" = None) -> "_Link":
        """Return how the cluster is reached now: a new way where a plugin's credentials end, or where the way `after` was refused."""
        async with self._turn:
            link = self._link
            if link is None or link is after:
                link = await self._new_link(link)
            elif link.login is not None:
                found = await link.login.credential()
                if found is not link.credential:
                    link = await self._renewed(link, found)
            self._link = link
            return link

    async def _new_link(self, before: "_Link | None") -> "_Link":
        access = await asyncio.to_thread(access_of, self._cluster, self._folder)
        if before is not None and before.access == access and before.login is not None:
            return await self._renewed(before, await before.login.credential(refused=before.credential))
        if before is not None:
            await self._retire(before.http)
        login = None if access.plugin is None else PluginLogin(self._cluster, access, self._clock, self._trusted)
        found = None if login is None else await login.credential()
        return _Link(access, self._client(access, found), login, found)

    async def _renewed(self, link: "_Link", found: Credential) -> "_Link":
        same = link.credential is not None and (link.credential.certificate, link.credential.key) == (found.certificate, found.key)
        if same:
            return replace(link, credential=found)
        await self._retire(link.http)
        return replace(link, credential=found, http=self._client(link.access, found))

    async def _retire(self, http: HttpClient | None) -> None:
        """Use a client no more, and close the one before it: requests may still be under way on the newer one."""
        before, self._retired = self._retired, http
        if before is not None:
            await before.aclose()

    def _client(self, access: Access, found: Credential | None) -> HttpClient:
        certificate, key = (found.certificate, found.key) if found and found.certificate else (access.certificate, access.key)
        try:
            context = client_context(access.authority, certificate, key) if access.server.startswith("https:") else None
        except (ssl.SSLError, ValueError, OSError) as error:
            why = clean(getattr(error, "reason", "") or "they are no PEM", 80)
            raise BadFile(
                f"The certificates for {self.system} cannot be used: {why}.",
                means="The cluster cannot be reached; nothing was sent.",
                advice="Let the tool that wrote the kubeconfig write it anew.",
            ) from None
        return HttpClient(self._clock, tls=context)


@dataclass(frozen=True, slots=True)
class _Link:
    access: Access
    http: HttpClient
    login: PluginLogin | None = None
    credential: Credential | None = None


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = clean(str(getattr(error, "strerror", "") or "it is not text").lower(), 80)
        raise BadFile(
            f"The token file {path} cannot be read: {why}.",
            means="The cluster cannot be reached; nothing was sent.",
            advice="Check the path, and who may read it.",
        ) from None
