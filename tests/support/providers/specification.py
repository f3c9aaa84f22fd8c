"""What tests of requests against a provider's own specification share."""

from __future__ import annotations

from typing import Any

import jsonschema


def valid(spec: Any, schema: Any, value: object) -> list[str]:  # noqa: ANN401 - JSON
    """Return what is wrong with a value; references in its schema lead into the specification."""
    validator = jsonschema.Draft202012Validator({**schema, "components": spec["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def content(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the schema of the JSON that a request or an answer holds."""
    return part["content"]["application/json"]["schema"]
