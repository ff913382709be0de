"""Windows; the only place that imports Qt."""
