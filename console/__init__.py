"""release-console: a desktop console that makes releases safe to start and quick to take back."""

__version__ = "0.1.0"
