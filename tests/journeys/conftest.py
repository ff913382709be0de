"""Fixtures on a real Envoy."""

from journeys.armed import _first_home, armed  # noqa: F401
