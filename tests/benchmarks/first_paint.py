"""Start to first paint with rail and bars readable, against a fixed bare PySide6 program, in interleaved runs.

python tests/benchmarks/first_paint.py [--runs 15] [--platform offscreen]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOAL = 1.6


def ours() -> int:
    """Open the real window and end at its first paint; run in a child process."""
    from console.desktop.start import build  # first, as the program itself does

    def tell() -> None:
        print("painted", flush=True)
        QApplication.exit(0)

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    app = QApplication(sys.argv[:1])
    window = build(app)
    window.frame.painted.connect(lambda: QTimer.singleShot(0, tell))
    return app.exec()


def measure(command: list[str], environment: dict[str, str]) -> float:
    """Return the seconds from the start of a process to its line "painted"."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True) as child:
        line = child.stdout.readline()
        took = time.perf_counter() - start
        child.communicate(timeout=30)
    if line.strip() != "painted":
        raise RuntimeError(f"{command} ended without a paint")
    return took


def main() -> int:
    """Run both programs in turn and print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--platform", default=os.environ.get("QT_QPA_PLATFORM", "offscreen"))
    parser.add_argument("--ours", action="store_true")
    chosen = parser.parse_args()
    if chosen.ours:
        return ours()
    root = HERE.parent.parent
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"QT_QPA_PLATFORM": chosen.platform, "PYTHONPATH": str(root), "RELEASE_CONSOLE_HOME": home}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
        environment["PYTHONPYCACHEPREFIX"] = str(Path(home) / "bytecode")
        bare = [sys.executable, str(HERE / "bare_pyside.py")]
        mine = [sys.executable, str(HERE / "first_paint.py"), "--ours"]
        (Path(home) / "look").write_text("system dark", encoding="utf-8")  # as the start before this one left it
        for command in (bare, mine):
            measure(command, environment)
        pairs = [(measure(bare, environment), measure(mine, environment)) for _ in range(chosen.runs)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / bare for bare, mine in pairs)
    print(
        f"bare {1000 * first:.0f} ms, release-console {1000 * second:.0f} ms, median ratio {ratio:.2f} of {chosen.runs} runs, goal {GOAL}"
    )
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
