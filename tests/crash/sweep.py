"""Kills consoles at every hook: `sweep.py --single` once in each kind of work, `sweep.py --double 2000` twice, at random places.

`sweep.py --real` kills real processes at each pass of every hook, on real routers and services; `--only TEXT` some of those cases.
`--team` does so with the records in a real PostgreSQL.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "engine")]

from crash.crashing import Case, Result, all_singles, live, random_case  # noqa: E402
from crash.real import RealSite, all_real, live_real, real_site  # noqa: E402
from crash.teamrecords import TeamRecords  # noqa: E402
from servers.envoy_process import boot_envoy  # noqa: E402
from servers.fixtures import SIDES, boot_upstream  # noqa: E402
from servers.haproxy_process import boot_haproxy  # noqa: E402
from servers.postgres_process import boot_postgres  # noqa: E402


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


@contextmanager
def real_servers(folder: Path, *, team: bool) -> Iterator[RealSite]:
    """Run the routers and services of a real sweep, and the database of a team's records."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    os.environ.pop("RELEASE_CONSOLE_STORE", None)
    upstreams = {side: boot_upstream(folder, side, version) for side, version in SIDES.items()}
    ports = {side: each.port for side, each in upstreams.items()}
    envoy, haproxy = boot_envoy(folder, ports), boot_haproxy(folder, ports)
    postgres = boot_postgres() if team else None
    try:
        with real_site(envoy, haproxy, upstreams, folder, None if postgres is None else TeamRecords(postgres)) as site:
            yield site
    finally:
        if postgres is not None:
            postgres.remove()
        for child in (envoy.child, haproxy.child, *(each.child for each in upstreams.values())):
            child.stop()


def sweep_real(only: str, *, team: bool) -> tuple[int, int]:
    """Kill a real console at every hook of every work, and tell by work and hook how often it recovered or was never there."""
    held, total, table = 0, 0, Counter[tuple[str, str, str]]()
    with tempfile.TemporaryDirectory() as folder, real_servers(Path(folder), team=team) as site:
        for case in [case for case in all_real() if only in str(case)]:
            result = asyncio.run(live_real(site, case))
            total += 1
            held += not result.problems
            if total % 20 == 0:
                print(f"{held} of {total} so far", flush=True)
            table[case.work, case.hook, "died" if result.struck else "not reached"] += 1
            if result.problems:
                table[case.work, case.hook, "wrong"] += 1
                print(f"{case}", *result.problems[:3], sep="\n    ", flush=True)
    for (work, hook, what), count in table.items():
        print(f"{work:<40} {hook:<24} {what:<12} {count}")
    print(f"{held} of {total} recovered", flush=True)
    return held, total


def main() -> int:
    """Run the cases that were asked for; 1 when one of them did not recover."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--double", type=int, default=0)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--team", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--case", type=int, help="the number of one double crash, with its trace")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    if asked.real:
        held, total = sweep_real(asked.only, team=asked.team)
    elif asked.case is not None:
        held, total = sweep([random_case(asked.case)], verbose=True)
    else:
        cases = (all_singles() if asked.single else []) + [random_case(number) for number in range(asked.double)]
        held, total = sweep(cases)
    return 0 if held == total else 1


if __name__ == "__main__":
    sys.exit(main())
