"""Clients that several providers share."""
