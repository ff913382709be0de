"""What the writers of all sections share."""

from collections.abc import Mapping
from typing import Any

from console.model.systems import SecretRef


def given(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section without the keys that hold nothing."""
    return {key: value for key, value in section.items() if value is not None}


def written_secret(secret: SecretRef | None) -> str | None:
    """Return where a secret is found, as a file spells it."""
    return f"{secret.scheme}:{secret.name}" if secret else None
