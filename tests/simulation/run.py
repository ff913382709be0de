"""Lives through simulated days: `run.py --seeds 0:1000 --hours 24`, or one of them again with all that happened: `run.py --seed 7 -v`."""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "engine")]

from simulation.day import Report, simulate  # noqa: E402


def once(seed: int, hours: float) -> Report:
    """Live through one day in a folder of its own, in memory where the system has one."""
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=room) as folder:
        return simulate(seed, hours, Path(folder))


def main() -> int:
    """Run the seeds that were asked for; 1 when an invariant did not hold in one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", default="0:20", help="A:B")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("-v", "--verbose", action="store_true")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    logging.disable(logging.WARNING)
    first, _, end = asked.seeds.partition(":")
    seeds = [asked.seed] if asked.seed is not None else range(int(first), int(end))
    counts: Counter[str] = Counter()
    failed, looks = [], 0
    for seed in seeds:
        began = time.monotonic()
        report = once(seed, asked.hours)
        counts.update(report.counts)
        looks += report.looks
        if asked.verbose:
            print("\n".join(report.trace))
        line = f"seed {seed}: {report.hash[:12]} {time.monotonic() - began:.1f} s"
        print(line, *(report.problems[:3] or ["ok"]), sep="\n    " if report.problems else " ", flush=True)
        if report.problems:
            failed.append(seed)
            print(f"    again: python tests/simulation/run.py --seed {seed} --hours {asked.hours:g} -v", flush=True)
    print(f"{len(seeds) - len(failed)} of {len(seeds)} days held; {looks} looks; failed: {failed}")
    print(dict(counts.most_common()))
    return 1 if failed else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
    sys.exit(main())
