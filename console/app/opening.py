"""Opens and closes a console: records, engine, targets."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from console.app.connecting import connect
from console.app.desk import Console
from console.app.files import read_target
from console.app.people import operator, person
from console.engine.engine import Engine
from console.engine.presence import this_console
from console.files.folders import folders
from console.model.clock import SystemClock
from console.model.errors import ConsoleError
from console.model.ports import Connections
from console.model.rollout import Actor
from console.model.stores import TargetRow
from console.model.target import Target


def begin_logs(face: str) -> None:
    """Write what the program logs to a file of its own (`desktop` or `cli`), secrets masked, until the process ends.

    A crash leaves no core file from then on, for that would hold secrets; and many connections may be open.
    """
    from console.files.logs import set_up_logs  # noqa: PLC0415
    from console.store.posix import no_core_dumps, open_many  # noqa: PLC0415
    from console.store.redact import redact_text  # noqa: PLC0415

    no_core_dumps()
    open_many()
    set_up_logs(folders().logs, face, redact_text)


def collect_rarely() -> None:
    """Look for garbage less often, for a process that watches many targets without a window.

    Thousands of readings are always under way: with Python's own thresholds each counts as old before it is over, and all that a thousand
    targets hold is looked through every few seconds, which holds up every reading for a fifth of a second.
    """
    gc.set_threshold(20_000, 20, 50)


async def open_console(*, watch: Sequence[str] | None, keeps_watch: bool = False, kind: str = "") -> Console:
    """Open the records and the engine; `watch` names the targets to connect to, None all of them. Raises StoreError.

    `keeps_watch` takes over the watch of rollouts that a console that is gone left held: for the desktop and the agent. `kind` is what
    others see this process as; left out, a desktop keeps watch and a command does not.
    """
    from console.store.choice import open_any  # noqa: PLC0415
    from console.store.keys import Signer  # noqa: PLC0415
    from console.store.secrets import Secrets  # noqa: PLC0415

    clock = SystemClock()
    secrets = Secrets(clock=clock)
    kind = kind or ("desktop" if keeps_watch else "cli")
    store = await asyncio.to_thread(open_any, folders().data, clock, secrets.resolve, Signer(person(), secrets))
    actor = Actor(await operator(store), this_console())
    with suppress(ConsoleError):
        if any(not row.practice for row in await store.targets.rows()):
            await store.audit.begin_signing(wait=False)

    def connected(target: Target, row: TargetRow) -> Connections:
        # Asked anew each time: trust may be given while the target is connected.
        return connect(target, clock, secrets, lambda: engine.fleet.trusts(row.name, target.digest))

    engine = Engine(store, clock, connected, read_target, actor, keeps_watch=keeps_watch, kind=kind)
    console = Console(store, engine, secrets, actor, clock)
    if kind == "desktop":
        with suppress(ConsoleError):  # what a killed console left of its practice shop; records that cannot be written wait
            await console.close_practice()
    await engine.open(watch)
    return console


async def close_console(console: Console) -> None:
    """Let go of targets, the practice shop and the records, in this order."""
    with suppress(ConsoleError):  # a disk that is full must not keep the shop's processes alive
        await console.close_practice() if console.has_shop else None
    await console.engine.close()
    await console.store.close()


@asynccontextmanager
async def opened(*, watch: Sequence[str] | None, keeps_watch: bool = False, kind: str = "") -> AsyncIterator[Console]:
    """Open a console for the length of a block."""
    console = await open_console(watch=watch, keeps_watch=keeps_watch, kind=kind)
    try:
        yield console
    finally:
        await close_console(console)
