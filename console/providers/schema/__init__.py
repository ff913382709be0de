"""The schema of a target's database."""
