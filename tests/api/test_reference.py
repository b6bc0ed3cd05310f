"""The API as a page for people."""

import json
from typing import Any

import jsonschema_rs
import pytest

from tests.api.conftest import Program
from webapp.api import openapi, reference

DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi.document()))
CALLS = [call for section in reference.sections(DOCUMENT) for call in section.calls]


def schema_of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def test_every_operation_is_shown_once() -> None:
    listed = sorted(each["operationId"] for methods in DOCUMENT["paths"].values() for each in methods.values())
    assert sorted(call.id for call in CALLS) == listed


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_examples_are_what_the_schemas_allow(call: reference.Call) -> None:
    for shown in filter(None, (call.body, call.success)):
        jsonschema_rs.validate(schema_of(shown.model), json.loads(shown.example))


def call_of(operation_id: str) -> reference.Call:
    (found,) = [call for call in CALLS if call.id == operation_id]
    return found


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("create_activity", "POST", "/activities"),
        ("upsert_activity", "PUT", "/activities/by-external-id/crm-1"),
        ("upsert_activities", "POST", "/activities/bulk"),
    ],
)
def test_examples_of_activities_make_one(operation: str, method: str, path: str, eli: Program) -> None:
    body = json.loads(call_of(operation).body.example)
    answer = eli.send(method, path, json=body)
    assert answer.status_code in (200, 201), answer.text
    assert "Kick-off Acme" in eli.get("/activities").text


def test_a_call_says_what_it_takes() -> None:
    call = call_of("create_activity")
    assert call.needs == "write"
    assert ("Idempotency-Key", "header") in [(field.name, field.place) for field in call.fields]
