"""The OpenAPI document as people read it: operations by subject, with examples made of the schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 6
"""Levels of an example; what lies deeper is left out, so that models which hold themselves come to an end."""
SAMPLES: dict[str, Any] = {
    "date-time": "2030-01-09T10:00:00Z",
    "date": "2030-01-09",
    "uri": "https://crm.example/hook",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
    "object": {},
}
"""What stands in an example where a schema has none of its own, by format or type."""
NAMED = {
    "id": "3f2a9c1e5b7d4f60",
    "external_id": "crm-4711",
    "email": "eli@example.com",
    "name": "Eli Example",
    "title": "Kick-off Acme",
    "start": "2030-01-09T10:00:00Z",
    "end": "2030-01-09T11:00:00Z",
    "start_time": "2030-01-09T10:00:00Z",
    "end_time": "2030-01-09T11:00:00Z",
    "time_zone": "Europe/Berlin",
    "status": "confirmed",
    "kind": "meeting",
}
"""The same for strings, by name; others show theirs."""

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a request or a model. `kind` is its type in words."""

    name: str
    kind: str
    about: str
    place: str = ""  # path, query, header; "" for parts of a model
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A body: the name of its model, "" where it has none, and an example as JSON."""

    model: str
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    about: str
    is_problem: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One operation. `needs` is the scope of the token that it takes."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    needs: str
    fields: tuple[Field, ...]
    body: Shown | None
    success: Shown | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    anchor: str
    calls: tuple[Call, ...]


def sections(document: Schema) -> list[Section]:
    """Return all operations under their subjects, in the order of the document."""
    found: dict[str, list[Call]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_call(path, method, operation, document["components"]))
    return [Section(name, name.lower().replace(" ", "-"), tuple(calls)) for name, calls in found.items()]


def models(document: Schema) -> dict[str, list[Field]]:
    """Return the fields of every model, by its name."""
    schemas = document["components"]["schemas"]
    return {name: list(_fields(schema, schemas)) for name, schema in schemas.items() if "properties" in schema}


def _call(path: str, method: str, operation: Schema, components: Schema) -> Call:
    about, _, needs = operation["description"].rpartition("Scope: ")
    schemas = components["schemas"]
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=about.strip(),
        needs=needs.rstrip("."),
        fields=tuple(_parameter(each, schemas) for each in operation["parameters"]),
        body=_shown(operation.get("requestBody"), schemas, is_brief=True),
        success=_success(operation, schemas),
        answers=tuple(_answer(status, each, components) for status, each in operation["responses"].items()),
    )


def _parameter(given: Schema, schemas: Schema) -> Field:
    about = given.get("description") or given["schema"].get("description", "")
    return Field(given["name"], _kind(given["schema"], schemas), about, given["in"], given["required"])


def _fields(schema: Schema, schemas: Schema) -> Iterator[Field]:
    needed = schema.get("required", ())
    for name, each in schema["properties"].items():
        about = each.get("description") or _chosen(each).get("description", "")
        yield Field(name, _kind(each, schemas), about, is_needed=name in needed)


def _answer(status: str, response: Schema, components: Schema) -> Answer:
    is_problem = "$ref" in response
    about = components["responses"][status] if is_problem else response
    return Answer(status, about["description"], is_problem)


def _success(operation: Schema, schemas: Schema) -> Shown | None:
    answers = (each for each in operation["responses"].values() if "content" in each)
    return _shown(next(answers, None), schemas, is_brief=False)


def _shown(holder: Schema | None, schemas: Schema, *, is_brief: bool) -> Shown | None:
    if holder is None:
        return None
    schema = next(iter(holder["content"].values()))["schema"]
    text = json.dumps(_example(schema, schemas, "", DEEPEST, is_brief), indent=2, ensure_ascii=False)
    return Shown(_name_of(schema), text)


def _name_of(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    found: Schema = schemas[_name_of(schema)] if "$ref" in schema else schema
    return found


def _chosen(schema: Schema) -> Schema:
    """Return the first alternative that is not null; the schema itself where there are none."""
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return others[0] if others else schema


# --- types in words


def _kind(schema: Schema, schemas: Schema) -> str:
    chosen = _chosen(schema)
    if "$ref" in chosen and "properties" in _resolved(chosen, schemas):
        return _name_of(chosen)
    found = _resolved(chosen, schemas)
    if "enum" in found:
        return " · ".join(str(each) for each in found["enum"])
    if found.get("type") == "array":
        return f"list of {_kind(found.get('items', {}), schemas)}"
    return str({"date-time": "time", "date": "date"}.get(found.get("format", ""), found.get("type", "any")))


# --- examples


def _example(schema: Schema, schemas: Schema, name: str, depth: int, is_brief: bool) -> Any:
    """Return a value that the schema allows. A brief one holds of an object only what is needed or has an example."""
    for found in (schema, _chosen(schema), _resolved(_chosen(schema), schemas)):
        if "examples" in found:
            return found["examples"][0]
    if not is_brief and {"type": "null"} in schema.get("anyOf", ()):
        return None
    chosen = _resolved(_chosen(schema), schemas)
    if "properties" in chosen and depth:
        return _object(chosen, schemas, depth, is_brief)
    if chosen.get("type") == "array" and depth:
        return [_example(chosen.get("items", {}), schemas, name, depth - 1, is_brief)]
    return _sample(chosen, name)


def _object(schema: Schema, schemas: Schema, depth: int, is_brief: bool) -> dict[str, Any]:
    needed = schema.get("required", ())
    return {
        name: _example(each, schemas, name, depth - 1, is_brief)
        for name, each in schema["properties"].items()
        if not is_brief or name in needed or "examples" in each or "examples" in _chosen(each)
    }


def _sample(schema: Schema, name: str) -> Any:
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return []
    for key in (schema.get("format", ""), schema.get("type", "")):
        if key in SAMPLES:
            return schema.get("minimum") or SAMPLES[key]
    return NAMED.get(name, name)
