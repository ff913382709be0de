"""The sections of a target file that name outside systems: a file per port, each with their shape, reading and writing."""
