"""Links to dashboards elsewhere, which open at the time of a rollout."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=15)
"""So much is shown before the start of a rollout and after its end."""


@dataclass(frozen=True, slots=True)
class Link:
    """A dashboard by its name and its http or https address, as the target's file has it."""

    name: str
    url: str


def timed(link: Link, since: datetime, until: datetime | None) -> Link:
    """Return a link to a span of time, as Grafana takes it (`from` and `to`, in milliseconds since the epoch; `to=now` while it goes on).

    An address that names a span itself is left as it is.
    """
    parts = urlsplit(link.url)
    if {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & {"from", "to"}:
        return link
    end = "now" if until is None else str(round((until + AFTER).timestamp() * 1000))
    span = urlencode({"from": round((since - BEFORE).timestamp() * 1000), "to": end})
    return Link(link.name, urlunsplit(parts._replace(query="&".join(part for part in (parts.query, span) if part))))
