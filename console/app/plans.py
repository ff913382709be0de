"""Plans that are started by their hash later, maybe by another process."""

import json

from console.engine.engine import Engine
from console.model.desk import PlanView
from console.model.errors import BadFile
from console.model.plan import Plan
from console.model.stores import Store

KEPT_PLANS = "plans"


class KeptPlans:
    """The newest twenty plans that were made."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine

    async def keep(self, view: PlanView) -> None:
        """Keep a plan that was made here; the newest twenty stay."""
        from console.store.planjson import plan_text  # noqa: PLC0415

        plan = self._engine.planned(view.plan_hash)
        if plan is None:
            raise BadFile(f"there is no plan {view.plan_hash[:12]}")
        kept = [text for text in await self._kept() if text != plan_text(plan)]
        await self._store.settings.put(KEPT_PLANS, json.dumps([*kept[-19:], plan_text(plan)]))

    async def named(self, prefix: str) -> Plan:
        """Return the kept plan whose hash begins so. Raises BadFile when none or several do."""
        from console.store.planjson import plan_of  # noqa: PLC0415

        found = [plan for plan in map(plan_of, await self._kept()) if plan.hash.startswith(prefix)]
        if len(prefix) < 8 or len(found) != 1:
            what = "there is no kept plan" if not found else "several plans begin with"
            raise BadFile(f"{what} {prefix}", advice="Make one with: release-console release plan TARGET --version V")
        return found[0]

    async def _kept(self) -> list[str]:
        return list(json.loads(await self._store.settings.get(KEPT_PLANS, "[]")))
