"""What runs on each side, and which version it is."""
