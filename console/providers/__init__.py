"""Outside systems: a folder per port, a file per system; the only place that imports httpx."""
