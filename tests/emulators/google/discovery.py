"""Google's own discovery document, and checking every request against it.

The document comes from the installed `google-api-python-client` package, never from the network.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from googleapiclient import discovery_cache

from tests.emulators.google import errors, times
from tests.emulators.google.model import Resource

INT_RANGES = {"int32": 2**31, "uint32": 2**32, "int64": 2**63}


@dataclass(frozen=True)
class Method:
    """One method of the API as the document describes it."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Resource
    scopes: frozenset[str]
    schema: str | None
    answers: str | None

    @property
    def takes_patch(self) -> bool:
        return self.verb == "PATCH"


@dataclass(frozen=True)
class Document:
    raw: Resource
    methods: tuple[Method, ...]

    @property
    def schemas(self) -> Resource:
        return self.raw["schemas"]


@lru_cache(maxsize=1)
def load() -> Document:
    """Return the Calendar v3 document, read once."""
    path = Path(discovery_cache.DISCOVERY_DOC_DIR) / "calendar.v3.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    methods = [
        _method(raw, method) for resource in raw["resources"].values() for method in resource["methods"].values()
    ]
    # Fewer placeholders first, so that `events/import` is not taken for an event's id.
    methods.sort(key=lambda method: method.pattern.pattern.count("(?P<"))
    return Document(raw, tuple(methods))


def _method(raw: Resource, method: Resource) -> Method:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", method["path"])
    schema = method.get("request", {}).get("$ref")
    answers = method.get("response", {}).get("$ref")
    parameters = raw["parameters"] | method.get("parameters", {})
    scopes = frozenset(method["scopes"])
    verb = method["httpMethod"]
    return Method(method["id"], verb, re.compile(pattern), parameters, scopes, schema, answers)


def match(document: Document, verb: str, path: str) -> tuple[Method, dict[str, str]]:
    """Return the method for a still encoded `path` below `/calendar/v3/`, with decoded path parameters.

    Raises 404 for an unknown path and 400 when the path exists with other verbs only.
    """
    seen_path = False
    for method in document.methods:
        found = method.pattern.fullmatch(path)
        if found and method.verb == verb:
            return method, {name: unquote(value) for name, value in found.groupdict().items()}
        seen_path = seen_path or found is not None
    if seen_path:
        raise errors.of(400, "badRequest", f"The method {verb} is not allowed for this resource.")
    raise errors.of(404)


def read_query(method: Method, pairs: list[tuple[str, str]]) -> Resource:
    """Return typed query parameters; repeated ones as lists. Raises 400 for anything undocumented."""
    query: Resource = {}
    for name, text in pairs:
        spec = method.parameters.get(name)
        if spec is None or spec.get("location") != "query":
            raise errors.invalid_parameter(f'Unknown name "{name}": Cannot bind query parameter.', name)
        value = _read_value(name, spec, text)
        if spec.get("repeated"):
            query.setdefault(name, []).append(value)
        elif name in query:
            raise errors.invalid_parameter(f"Parameter {name} cannot be repeated.", name)
        else:
            query[name] = value
    _check_required(method, query)
    return query


def _check_required(method: Method, query: Resource) -> None:
    for name, spec in method.parameters.items():
        if spec.get("required") and spec["location"] == "query" and name not in query:
            raise errors.required(f"Required parameter: {name}", name)


def _read_value(name: str, spec: Resource, text: str) -> Any:
    match spec["type"], spec.get("format"):
        case "boolean", _:
            if text not in ("true", "false"):
                raise errors.invalid_parameter(f"Invalid boolean value: '{text}'.", name)
            return text == "true"
        case "integer", _:
            return _read_integer(name, spec, text)
        case _, "date-time":
            if times.parse_moment(text) is None:
                raise errors.ApiError(400, "badRequest", "Bad Request", location=("parameter", name))
            return times.parse_moment(text)
    if "enum" in spec and text not in spec["enum"]:
        allowed = ", ".join(spec["enum"])
        raise errors.invalid_parameter(f"Invalid string value: '{text}'. Allowed values: [{allowed}]", name)
    return text


def _read_integer(name: str, spec: Resource, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text):
        raise errors.invalid_parameter(f"Invalid integer value: '{text}'.", name)
    number = int(text)
    least = int(spec.get("minimum", -INT_RANGES["int32"]))
    most = int(spec.get("maximum", INT_RANGES[spec.get("format", "int32")] - 1))
    if not least <= number <= most:
        raise errors.invalid_parameter(
            f"Invalid value '{number}'. Values must be within the range: [{least}, {most}]", name
        )
    return number


def read_body(document: Document, method: Method, text: bytes, content_type: str) -> tuple[Resource, list[str]]:
    """Return the JSON body and the paths of keys that the schema does not know (ignored, but noted)."""
    if method.schema is None:
        return {}, []
    if not text:
        raise errors.parse_error() if method.takes_patch else errors.required("Required")
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise errors.parse_error("This API does not support parsing form-encoded input.")
    try:
        body = json.loads(text)
    except ValueError as wrong:
        raise errors.parse_error() from wrong
    if not isinstance(body, dict):
        raise errors.parse_error()
    unknown: list[str] = []
    _check(document, document.schemas[method.schema], body, "", unknown)
    return body, unknown


def _check(document: Document, schema: Resource, value: Any, path: str, unknown: list[str]) -> None:
    """Compare a value with its schema; null is allowed everywhere because PATCH removes with it."""
    schema = document.schemas[schema["$ref"]] if "$ref" in schema else schema
    if value is None:
        return
    match schema["type"]:
        case "object":
            _expect(isinstance(value, dict), path, value)
            _check_keys(document, schema, value, path, unknown)
        case "array":
            _expect(isinstance(value, list), path, value)
            for index, item in enumerate(value):
                _check(document, schema["items"], item, f"{path}[{index}]", unknown)
        case _:
            _check_scalar(schema, value, path)


def _check_keys(document: Document, schema: Resource, value: Resource, path: str, unknown: list[str]) -> None:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for key, item in value.items():
        where = f"{path}.{key}" if path else key
        if key in known or others is not None:
            _check(document, known.get(key, others), item, where, unknown)
        else:
            unknown.append(where)


def _check_scalar(schema: Resource, value: Any, path: str) -> None:
    match schema["type"], schema.get("format"):
        case "boolean", _:
            _expect(isinstance(value, bool), path, value)
        case "integer", kind:
            limit = INT_RANGES[kind or "int32"]
            _expect(isinstance(value, int) and not isinstance(value, bool), path, value)
            _expect(-limit <= value < limit, path, value)
        case "string", "int64":
            # Written as text because JSON numbers lose precision; Google reads numbers as well.
            _expect(isinstance(value, str | int) and re.fullmatch(r"-?\d+", str(value)), path, value)
        case "string", _:
            _expect(isinstance(value, str), path, value)


def _expect(is_right: object, path: str, value: Any) -> None:
    if not is_right:
        raise errors.invalid(f"Invalid value for: {path or 'body'}: {json.dumps(value)[:60]}", path or None)
