"""The OpenAPI document says what the API does: any request that it allows gets an answer that it names."""

import os
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as given_case
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from calsync.runtime import SYSTEM, Runtime
from calsync.services import tokens
from webapp.api import limits, openapi

EXAMPLES = 200 if os.environ.get("CALSYNC_TEST_DEEP") else 8
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
PATHS: dict[str, dict[str, Any]] = openapi.document()["paths"]
TAGS = sorted({operation["tags"][0] for methods in PATHS.values() for operation in methods.values()})


@pytest.fixture
def given(app: Flask, rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A token that may do anything."""
    monkeypatch.setitem(app.config, limits.SETTING, 1_000_000)
    secret = tokens.create(rt, "fuzz", "admin", is_service=True, by=SYSTEM).secret
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("tag", TAGS)
def test_every_answer_is_one_that_the_document_names(
    tag: str, app: Flask, given: dict[str, str], ids: dict[str, object]
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    for path, methods in PATHS.items():
        for method in (name for name, operation in methods.items() if operation["tags"][0] == tag):
            send_many(schema[path][method], path, given, ids)


def send_many(operation: Any, path: str, given: dict[str, str], ids: dict[str, object]) -> None:
    """Send whatever the document allows, half of it about rows that exist."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given_case(case=operation.as_strategy(), is_known=booleans())
    def sends(case: Any, is_known: bool) -> None:
        if is_known and case.path_parameters:
            case.path_parameters.update(known(path, ids))
        case.call_and_validate(headers=given, checks=CHECKS)

    sends()


def known(path: str, ids: dict[str, object]) -> dict[str, object]:
    """Return what stands for the parameters of a path so that it names a row of the world."""
    rows = {"integrations": "account", "activities": "activity", "resource-groups": "group", "users": "eli"}
    first = path.split("/")[1]
    found: dict[str, object] = {"provider": "caldav", "name": "caldav", "external_id": "crm-1"}
    found["calendar_id"] = ids["calendar"]
    found["id"] = ids.get(rows.get(first, first.removesuffix("s").replace("-", "_")), "unknown")
    return {name: value for name, value in found.items() if f"{{{name}}}" in path}
