"""Where a team's database is."""

from console.model.postgres import Address, address_of

__all__ = ["Address", "address_of"]
