"""Feature flag services."""
