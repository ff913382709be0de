"""Run every check and every test of the project, one after the other, and stop at the first that fails."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def run(title: str, *command: str, **environment: str) -> None:
    """Run a command in the project's folder; end the program with its exit code when it fails."""
    print(f"\n== {title}", flush=True)
    done = subprocess.run(command, cwd=TOP, env=os.environ | environment, check=False)
    if done.returncode:
        print(f"== {title}: failed with exit code {done.returncode}", flush=True)
        sys.exit(done.returncode)


def main() -> None:
    """Lint, check types and import contracts, then run the tests in random order on all cores."""
    wanted = sys.argv[1:]
    if not wanted:
        run("ruff", str(BIN / "ruff"), "check", "console", "tests", "packaging")
        run("ruff format", str(BIN / "ruff"), "format", "--check", "console", "tests", "packaging")
        run("mypy", str(BIN / "mypy"))
        run("import contracts", str(BIN / "lint-imports"), "--no-cache")
    run("tests", str(BIN / "pytest"), "-n", os.environ.get("RELEASE_CONSOLE_TEST_WORKERS", "auto"), *wanted, QT_QPA_PLATFORM="offscreen")


if __name__ == "__main__":
    main()
