"""Jenkins' remote API as a release needs it: crumbs, queue items, and a log that is read on."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from console.model.errors import Refused
from console.model.pipelines import JenkinsPipeline
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.strict import field

SYSTEM = "Jenkins"
REPLY_LIMIT = 8 * 1024 * 1024
LOG_LIMIT = 32 * 1024 * 1024
_SESSION = re.compile(r"(?:^|[\s,;])(JSESSIONID[\w.]*=[^;,\s]+)")


class JenkinsApi:
    """Asks one Jenkins."""

    def __init__(self, spec: JenkinsPipeline, http: HttpClient, token: Token | None) -> None:
        self._spec, self._http, self._token = spec, http, token
        self._base = spec.url.rstrip("/")
        self.job = "".join(f"/job/{quote(part, safe='')}" for part in spec.job.strip("/").split("/"))
        self._numbers: dict[int, int] = {}

    def page(self, path: str) -> str:
        """Return the address of a page for people."""
        return f"{self._base}{path}/"

    def is_ours(self, url: str) -> bool:
        """Tell whether an address is the job's; Jenkins may know itself by another host."""
        return url.rstrip("/").endswith(self.job)

    async def get(self, path: str, **query: str) -> Any:
        """Return a reply's value. Raises as `HttpClient.send` does."""
        return (await self._http.send(self._call(path, query))).json()

    async def post(self, path: str, form: bytes = b"") -> str:
        """Have something done and return where its answer points to; with a crumb where Jenkins asks for one."""
        headers, session = await self._crumb()
        places: list[str] = []

        def heed(status: int, told: Mapping[str, str]) -> None:
            del status
            places.append(told.get("location", ""))

        headers |= {"content-type": "application/x-www-form-urlencoded"} | ({"cookie": session} if session else {})
        hide = tuple(filter(None, (session, session.partition("=")[2], *headers.values())))
        await self._http.send(self._call(path, {}, method="POST", content=form, headers=headers, heed=heed, hide=hide))
        return places[-1]

    async def log(self, number: int, offset: int) -> tuple[bytes, int, bool]:
        """Return a build's log from a byte on, the byte to go on from (more than was sent: notes are left out), and whether more comes."""
        told: list[Mapping[str, str]] = []
        path = f"{self.job}/{number}/logText/progressiveText"
        call = self._call(path, {"start": str(offset)}, limit=LOG_LIMIT, heed=lambda _, headers: told.append(headers))
        body = (await self._http.send(call)).body
        size = told[-1].get("x-text-size", "")
        until = int(size) if size.isascii() and size.isdigit() and len(size) < 16 else offset + len(body)
        return body, until, told[-1].get("x-more-data", "").lower() == "true"

    async def build_of(self, item: int) -> int | None:
        """Return the number of the build that a queue item became, None while it waits. Raises Refused where it was taken out.

        Jenkins forgets an item some minutes after it has left the queue: then the job's builds are looked through.
        """
        if item in self._numbers:
            return self._numbers[item]
        try:
            found = await self.get(f"/queue/item/{item}/api/json")
            build = found.get("executable") if isinstance(found, dict) else None
            number = build.get("number") if isinstance(build, dict) else None
        except Refused as error:
            if error.status != 404:
                raise
            number = await self._number_of(item)
            if number is None:
                raise
        if isinstance(number, int) and not isinstance(number, bool):
            self._numbers[item] = number
            return number
        return None

    async def _number_of(self, item: int) -> int | None:
        job = await self.get(f"{self.job}/api/json", tree="builds[number,queueId]{0,100}")
        for build in field(job, "builds", list, SYSTEM):
            if field(build, "queueId", int, SYSTEM) == item:
                return int(field(build, "number", int, SYSTEM))
        return None

    async def _crumb(self) -> tuple[dict[str, str], str]:
        """Return the header that Jenkins wants with each change, and the session that it belongs to; nothing where it wants none."""
        sessions: list[str] = []

        def heed(status: int, headers: Mapping[str, str]) -> None:
            del status
            sessions.extend(_SESSION.findall(headers.get("set-cookie", "")))

        try:
            found = (await self._http.send(self._call("/crumbIssuer/api/json", {}, heed=heed))).json()
        except Refused as error:
            if error.status == 404:
                return {}, ""
            raise
        name = field(found, "crumbRequestField", str, SYSTEM)
        return {name: field(found, "crumb", str, SYSTEM)}, sessions[-1] if sessions else ""

    def _call(self, path: str, query: Mapping[str, str], **more: Any) -> Call:
        asked = f"?{urlencode(query)}" if query else ""
        given = {"limit": REPLY_LIMIT, **more}
        return Call(SYSTEM, f"{self._base}{path}{asked}", timeout_s=self._spec.timeout_s, token=self._token, user=self._spec.user, **given)
