"""What a record and a search are like where each person has a login of their own."""

import re
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, func

from console.model.audit import Entry
from console.model.rollout import Actor
from console.store.schema import audit

FOR = "on_behalf_of"
"""Whom a record speaks of when it is not the person who wrote it: the console itself, or whoever sent the step that is settled."""


def acting(conn: Connection, entry: Entry) -> Entry:
    """Return an entry under the login that writes it; a database without logins takes any actor's name."""
    person = conn.info.get("person", "")
    if not person or entry.actor.name == person:
        return entry
    return replace(entry, actor=Actor(person, entry.actor.console), detail={**entry.detail, FOR: entry.actor.name})


def found_by_server(typed: str) -> list[ColumnElement[bool]]:
    """Return what a search asks of PostgreSQL: every word by its beginning from its own index, else the signs as they were typed."""
    words = re.findall(r"[^\W_]+", typed)
    if words:
        wanted = func.to_tsquery("simple", " & ".join(f"'{word}':*" for word in words))
        return [func.audit_words(audit.c.body).op("@@")(wanted)]
    return [func.convert_from(audit.c.body, "UTF8").contains(part, autoescape=True) for part in typed.split()]
