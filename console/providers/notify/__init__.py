"""What tells people outside: a file per kind of channel."""
