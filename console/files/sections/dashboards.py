"""The `dashboards` section: links that stand beside a release."""

from collections.abc import Sequence
from typing import Any

from console.files.fields import Section, Text, Url
from console.model.links import Link


class DashboardSection(Section):
    """A dashboard elsewhere."""

    name: Text
    """What the link is called."""
    url: Url
    """Its address; from a rollout it opens at the rollout's time, as Grafana takes `from` and `to`."""


def dashboards_of(sections: Sequence[DashboardSection]) -> tuple[Link, ...]:
    """Return the links."""
    return tuple(Link(each.name, each.url) for each in sections)


def written_dashboards(links: Sequence[Link]) -> list[dict[str, Any]] | None:
    """Return the links as the file spells them; None where there are none."""
    return [{"name": each.name, "url": each.url} for each in links] or None
