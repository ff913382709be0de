"""PromQL as a target file may write it: the matchers of a side, and queries with a place for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SIDE = "$side"
"""Where a query takes the matchers of a side."""

LONGEST = 1000
"""Characters of a query in a file."""

# Source: prometheus.io "Querying basics", label matchers.
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"'
_MATCHERS = re.compile(rf"\s*{_MATCHER}(?:\s*,\s*{_MATCHER})*\s*,?\s*")
_ONE = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\\n]|\\.)*)"\s*,?')
_ESCAPE = re.compile(r"\\(.)")
_NAME_BEFORE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*\Z")
_QUOTES = "\"'`"
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label matcher; `sign` is one of = != =~ !~."""

    label: str
    sign: str
    value: str


class BadQuery(ValueError):
    """A query that cannot be sent as it is; the message says what is wanted instead."""


def are_matchers(text: str) -> bool:
    """Tell whether a text is one or more label matchers, such as `deployment="checkout-blue", namespace="shop"`."""
    return len(text) <= LONGEST and _MATCHERS.fullmatch(text) is not None


def read_matchers(text: str) -> tuple[Matcher, ...]:
    """Return label matchers one by one, their values without the escapes of a text in quotes. Raises ValueError when they are none."""
    if not are_matchers(text):
        raise ValueError(f"{text!r} are no label matchers")
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return tuple(
        Matcher(name, sign, _ESCAPE.sub(lambda found: escapes.get(found[1], found[1]), value)) for name, sign, value in _ONE.findall(text)
    )


def check_query(query: str) -> None:
    """Raise BadQuery unless brackets and quotes are closed and `$side` stands among the matchers of every selector that has one."""
    if not query.strip() or len(query) > LONGEST:
        raise BadQuery(f"a PromQL query of at most {LONGEST} characters")
    if not list(selectors(query)):
        raise BadQuery(f'a PromQL query with {SIDE} among its matchers, such as sessions_total{{result="ok",{SIDE}}}')


def filled(query: str, matchers: str) -> str:
    """Return a query for one side."""
    return query.replace(SIDE, matchers.strip().rstrip(","))


def selectors(query: str) -> Iterator[str]:
    """Yield the selectors that hold `$side`, without ranges: the series whose age tells how old a query's answer is.

    Raises BadQuery for brackets or quotes that are not closed, for a comment, and for `$side` outside of a selector.
    """
    code, left = _without_strings(query), query.count(SIDE)
    opened: list[tuple[str, int]] = []
    for at, char in enumerate(code):
        if char == "#":
            raise BadQuery("a PromQL query without a comment")
        if char in _PAIRS.values():
            opened.append((char, at))
        elif char in _PAIRS:
            if not opened or opened[-1][0] != _PAIRS[char]:
                raise BadQuery(f"a PromQL query whose {char} closes something")
            _, began = opened.pop()
            held = code.count(SIDE, began, at) if char == "}" else 0
            if held:
                left -= held
                name = _NAME_BEFORE.search(code[:began])
                yield query[name.start() if name else began : at + 1]
    if opened:
        raise BadQuery(f"a PromQL query whose {opened[-1][0]} is closed")
    if left:
        raise BadQuery(f"a PromQL query with {SIDE} among its matchers and nowhere else")


def by_name(names: Sequence[str], matchers: str, window_ms: int) -> str:
    """Return the query for the samples of late of several metrics of one side, with the instants at which they were taken."""
    return f'{{__name__=~"{"|".join(names)}",{matchers.strip().rstrip(",")}}}[{window_ms}ms]'


def tagged(queries: Mapping[str, str], matchers: str, tag: str) -> str:
    """Return one query that answers several, each result marked by a label `tag`: `NAME`, and `NAME@` for the age of what it read.

    The age is the newest sample of each selector, in seconds since the epoch.
    """
    parts = []
    for name, query in queries.items():
        parts.append(f'label_replace((\n{filled(query, matchers)}\n),"{tag}","{name}","","")')
        parts += [
            f'label_replace(max(timestamp({filled(selector, matchers)})),"{tag}","{name}@{number}","","")'
            for number, selector in enumerate(selectors(query))
        ]
    return " or ".join(parts)


def _without_strings(query: str) -> str:
    """Return a query of the same length with the characters inside of quotes blanked. Raises BadQuery for a quote that is not closed."""
    code, at = list(query), 0
    while at < len(query):
        quote, at = query[at], at + 1
        if quote not in _QUOTES:
            continue
        while at < len(query) and query[at] != quote:
            step = 2 if query[at] == "\\" and quote != "`" else 1
            code[at : at + step] = " " * len(code[at : at + step])
            at += step
        if at >= len(query):
            raise BadQuery("a PromQL query whose quotes are closed")
        at += 1
    return "".join(code)
