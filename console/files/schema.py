"""The JSON Schema of target files, so that editors complete keys and underline mistakes."""

import json
from typing import Any

from console.files.shapes import TargetFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def target_schema() -> str:
    """Return the schema as JSON text, as it is kept in resources/schemas."""
    schema: dict[str, Any] = TargetFile.model_json_schema(by_alias=True, mode="validation")
    return json.dumps({"$schema": DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"
