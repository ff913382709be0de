"""Builds what a screen or a command shows from the engine's state; pure."""
