"""Where servers are kept that are installed for the tests alone, outside of the project's folder."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "release-console-tests"
