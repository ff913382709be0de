"""A failure told through the desktop's own notifications, for when the window is out of sight."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.desktop.bridge import Bridge
    from console.model.desk import Desk
    from console.model.views import Notice

_log = logging.getLogger(__name__)
DEADLINE_S = 5.0


class Alarm:
    """Sends notices on the engine's loop; the library is imported in a thread, because it is slow and only used when something failed."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._notifier: Any = None

    def __call__(self, notice: Notice) -> None:
        """Tell a notice; a desktop that has no notifications is logged and nothing more."""
        self._bridge.ask(lambda _desk: self._send(_desk, notice))

    async def _send(self, _desk: Desk, notice: Notice) -> None:
        import asyncio  # noqa: PLC0415 (the first paint does not wait for it)

        try:
            if self._notifier is None:
                self._notifier = await asyncio.to_thread(_load)
            async with asyncio.timeout(DEADLINE_S):
                await self._notifier.send(title=notice.title, message=notice.text)
        except Exception as fault:  # noqa: BLE001 (an outer door: D-Bus, macOS and Windows raise each their own)
            _log.warning("no desktop notification: %s", fault)


def _load() -> Any:
    from desktop_notifier import DesktopNotifier  # noqa: PLC0415 (slow; only when something failed)

    logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL)  # it writes tracebacks; what went wrong is logged here in one line
    return DesktopNotifier(app_name="release-console")
