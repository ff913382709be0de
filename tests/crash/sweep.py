"""Kills consoles at every hook: `sweep.py --single` once in each kind of work, `sweep.py --double 2000` twice, at random places."""

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "engine")]

from crash.crashing import Case, Result, all_singles, live, random_case  # noqa: E402


def once(case: Case) -> Result:
    """Live through a case in a folder of its own, in memory where the system has one."""
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=room) as folder:
        return live(case, Path(folder))


def sweep(cases: Iterable[Case], *, verbose: bool = False) -> tuple[int, int]:
    """Live through cases and tell what did not hold; returns how many held, and how many there were."""
    held, struck, total = 0, Counter[int](), 0
    for number, case in enumerate(cases):
        result = once(case)
        total += 1
        struck[result.struck] += 1
        held += not result.problems
        if total % 100 == 0:
            print(f"{held} of {total} so far", flush=True)
        if result.problems:
            print(f"case {number}: {case}", *result.problems[:3], sep="\n    ", flush=True)
            if verbose:
                print("\n".join(result.trace))
    print(f"{held} of {total} recovered; died so many times: {dict(sorted(struck.items()))}", flush=True)
    return held, total


def main() -> int:
    """Run the cases that were asked for; 1 when one of them did not recover."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--double", type=int, default=0)
    parser.add_argument("--case", type=int, help="the number of one double crash, with its trace")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    if asked.case is not None:
        held, total = sweep([random_case(asked.case)], verbose=True)
    else:
        cases = (all_singles() if asked.single else []) + [random_case(number) for number in range(asked.double)]
        held, total = sweep(cases)
    return 0 if held == total else 1


if __name__ == "__main__":
    sys.exit(main())
