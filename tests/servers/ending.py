"""Whether processes that tests only know by their number are over."""

import asyncio

import psutil


async def over(*pids: int) -> bool:
    """Wait until processes that were sent the last signal are gone; False when one goes on for 5 s."""
    for _ in range(500):
        if not any(alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
