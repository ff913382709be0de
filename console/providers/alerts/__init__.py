"""What fires, and what is silenced."""
