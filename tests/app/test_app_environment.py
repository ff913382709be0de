"""A target's environment is that of its file as it was read last, for rights and screens hang on it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from journeys.kit import target_text

from console.app import opened
from console.model.audit import AuditFilter

pytestmark = pytest.mark.anyio
NOBODY = {side: SimpleNamespace(url=f"http://127.0.0.1:{port}") for port, side in enumerate(("blue", "green"), 1)}


async def test_a_targets_row_follows_its_file_into_another_environment_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path))
    monkeypatch.delenv("RELEASE_CONSOLE_STORE", raising=False)
    file = tmp_path / "shop.yaml"
    text = target_text("http://127.0.0.1:3", NOBODY)  # type: ignore[arg-type]
    file.write_text(text, encoding="utf-8")
    async with opened(watch=[]) as console:
        await console.add_target(file)
    file.write_text(text.replace("environment: staging", "environment: production"), encoding="utf-8")
    for _ in range(2):
        async with opened(watch=["shop"]) as console:
            pass
    async with opened(watch=[]) as console:
        (row,) = await console.store.targets.rows()
        told = [record.entry.verb for record in await console.store.audit.all(AuditFilter(target="shop"))]
    assert row.environment == "production"
    assert told == ["add", "environment is production"]
