"""Routers that split traffic between two sides."""
