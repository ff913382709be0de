"""Windows; the only place that imports Qt."""

import gc

gc.set_threshold(20_000, 10, 25)  # Qt's classes bring 100,000 small objects; the usual 700 costs 10 ms of the first paint, and pauses later
