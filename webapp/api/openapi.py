"""The OpenAPI 3.1 document, made of the operations as they are declared."""

from __future__ import annotations

import functools
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.api.operations import OPERATIONS, PROBLEMS, Operation
from webapp.api.problems import MEDIA_TYPE, STATUSES, Problem

REFERENCE = "#/components/schemas/{model}"
ABOUT = """Keeps a CRM's activities and people's calendars in agreement. Send `Authorization: Bearer` with a token from
the Profile page (your own rights) or a service token from People (admins). Bodies are JSON. Errors are problem details
(RFC 9457); decide by their `code`. Lists come in parts: follow `next` until it is null. Send a resource's `ETag` back
as `If-Match`, and nobody's change is written over. A POST with an `Idempotency-Key` may be sent again within 24 hours
and is carried out once."""

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@functools.cache
def document() -> dict[str, Any]:
    """Return the document. The same for everybody, and for as long as the process lives."""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for op in OPERATIONS:
        paths.setdefault(_PARAMETER.sub(r"{\2}", op.rule), {})[op.method.lower()] = _operation(op)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Calsync", "version": "1", "description": ABOUT},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(op.tag for op in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _problem(title) for status, (_, title) in STATUSES.items()},
        },
    }


def _models() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {"Problem": Problem}
    for op in OPERATIONS:
        for model in (op.body, op.answer, *op.also.values()):
            if model is not None:
                found[model.__name__] = model
    return list(found.values())


@functools.cache
def _generated() -> tuple[dict[Any, Any], dict[str, Any]]:
    inputs = {op.body for op in OPERATIONS if op.body is not None}
    wanted: list[Any] = [(model, "validation" if model in inputs else "serialization") for model in _models()]
    by_model, schema = models_json_schema(wanted, ref_template=REFERENCE)
    return by_model, schema.get("$defs", {})


def _schemas() -> dict[str, Any]:
    return _generated()[1]


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    by_model, _ = _generated()
    for mode in ("validation", "serialization"):
        if (model, mode) in by_model:
            return dict(by_model[(model, mode)])
    raise KeyError(model)


def _operation(op: Operation) -> dict[str, Any]:
    summary, _, rest = (op.handler.__doc__ or op.id).strip().partition("\n")
    found: dict[str, Any] = {
        "operationId": op.id,
        "summary": summary,
        "description": f"{' '.join(rest.split())}\n\nScope: {op.scope}.".strip(),
        "tags": [op.tag],
        "parameters": [*_path(op), *_query(op), *_headers(op)],
        "responses": _responses(op),
    }
    if op.body is not None:
        needed = any(about.is_required() for about in op.body.model_fields.values())
        content = {"application/json": {"schema": _reference(op.body)}}
        found["requestBody"] = {"required": needed, "content": content}
    return found


def _path(op: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _kind(kind)}
        for kind, name in _PARAMETER.findall(op.rule)
    ]


def _kind(converter: str) -> dict[str, Any]:
    if converter == "int":
        return {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
    # A slash ends a part of an address, and a dot alone is taken out of it on the way here.
    return {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[A-Za-z0-9_@:+=~-][A-Za-z0-9_@:+=~.-]*$"}


def _query(op: Operation) -> list[dict[str, Any]]:
    if op.query is None:
        return []
    schema = op.query.model_json_schema(ref_template=REFERENCE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": about.get("description", ""),
            "schema": _inlined({k: v for k, v in about.items() if k != "description"}, schema.get("$defs", {})),
        }
        for name, about in schema.get("properties", {}).items()
    ]


def _inlined(schema: Any, known: dict[str, Any]) -> Any:
    """Return a schema without references: those of queries are small and stand in no component."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(known[schema["$ref"].rsplit("/", 1)[-1]], known)
        # A parameter that may be left out is not one that may be null: an address has no null.
        if "anyOf" in schema:
            kept = [each for each in schema["anyOf"] if each != {"type": "null"}]
            rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
            return _inlined({**rest, **(kept[0] if len(kept) == 1 else {"anyOf": kept})}, known)
        return {name: _inlined(value, known) for name, value in schema.items()}
    return [_inlined(each, known) for each in schema] if isinstance(schema, list) else schema


def _headers(op: Operation) -> list[dict[str, Any]]:
    found = []
    if op.method == "POST":
        about = "Sent again with the same key, the request is carried out once and answered alike"
        found.append(("Idempotency-Key", False, about))
    if op.current is not None:
        found.append(("If-Match", op.must_match, "The ETag that you saw, or *"))
    text = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
    return [
        {"name": name, "in": "header", "required": needed, "description": about, "schema": text}
        for name, needed, about in found
    ]


def _responses(op: Operation) -> dict[str, Any]:
    found = {str(op.status): _success(op, op.answer)}
    found |= {str(status): _success(op, model) for status, model in op.also.items()}
    return found | {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(_problems(op))}


def _problems(op: Operation) -> set[int]:
    """Return every status other than success that an operation may answer."""
    found = {*PROBLEMS, *op.problems}
    if _PARAMETER.search(op.rule):
        found.add(404)
    if op.query is not None:
        found |= {404, 422}  # 404: a row that the query names
    if op.body is not None:
        found |= {413, 415, 422}
    if op.method == "POST":
        found |= {409, 422}
    if op.current is not None:
        found.add(412)
    if op.must_match:
        found.add(428)
    return found


def _success(op: Operation, model: type[BaseModel] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "Done" if model is None else "As asked"}
    if model is not None:
        found["content"] = {"application/json": {"schema": _reference(model)}}
    if op.has_etag and model is not None:
        found["headers"] = {"ETag": {"description": "The version of what is shown", "schema": {"type": "string"}}}
    return found


def _problem(title: str) -> dict[str, Any]:
    return {"description": title, "content": {MEDIA_TYPE: {"schema": _reference(Problem)}}}
