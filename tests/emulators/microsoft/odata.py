"""The query options that Graph understands on calendars and events, and nothing beyond (contract A2, A7.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.microsoft import errors
from tests.emulators.microsoft.model import Resource

OPTIONS = ("$select", "$filter", "$orderby", "$top", "$skip", "$expand", "$count", "$skiptoken", "$deltatoken")
WINDOW = ("startdatetime", "enddatetime")
QUOTED = r"'((?:[^']|'')*)'"
PROPERTY = re.compile(
    rf"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id eq {QUOTED}(?:\s+and\s+\1/value eq {QUOTED})?\s*\)",
    re.IGNORECASE,
)
INNER = re.compile(rf"id eq {QUOTED}", re.IGNORECASE)
COMPARISON = re.compile(rf"([\w/]+)\s+(eq|ne|ge|gt|le|lt)\s+(?:{QUOTED}|(true|false|null))", re.IGNORECASE)
BEGINNING = re.compile(rf"startswith\(\s*([\w/]+)\s*,\s*{QUOTED}\s*\)", re.IGNORECASE)
FILTERABLE = (
    "subject start/dateTime end/dateTime iCalUId type isCancelled isAllDay seriesMasterId createdDateTime "
    "lastModifiedDateTime importance sensitivity showAs"
).split()
MOST_AT_ONCE = 999
DEFAULT_PAGE = 10

Test = Callable[[Resource, dict[str, str]], bool]
"""Whether an event, shown and with its extended properties, is wanted."""


@dataclass(frozen=True)
class Query:
    """The options of one request; `properties` are the ids of extended properties to show."""

    select: tuple[str, ...] = ()
    order: tuple[str, bool] | None = None
    tests: tuple[Test, ...] = ()
    filters_properties: bool = False
    top: int = DEFAULT_PAGE
    skip: int = 0
    expand: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    window: dict[str, str] = field(default_factory=dict)
    skip_token: str | None = None
    delta_token: str | None = None


def read(pairs: list[tuple[str, str]], page_size: str | None) -> Query:
    """Return the query. Names are compared without case; unknown ones are a 400 (A2)."""
    options = {name.lower(): value for name, value in pairs}
    for name in options.keys() - set(OPTIONS) - set(WINDOW):
        raise errors.GraphError(400, "RequestBroker--ParseUri", f"The query option '{name}' is not supported.")
    tests, filters_properties = _filter(options.get("$filter", ""))
    expand, properties, extensions = _expand(options.get("$expand", ""))
    size = options.get("$top") or page_size or str(DEFAULT_PAGE)
    return Query(
        select=tuple(name.strip() for name in options.get("$select", "").split(",") if name.strip()),
        order=_order(options.get("$orderby", "")),
        tests=tests,
        filters_properties=filters_properties,
        top=_number("$top", size, 1, MOST_AT_ONCE),
        skip=_number("$skip", options.get("$skip", "0"), 0, 1_000_000),
        expand=expand,
        properties=properties,
        extensions=extensions,
        window={name: options[name] for name in WINDOW if name in options},
        skip_token=options.get("$skiptoken"),
        delta_token=options.get("$deltatoken"),
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    if not text.isdigit() or not least <= int(text) <= most:
        raise errors.bad(f"The value '{text}' of {name} is invalid.", "ErrorInvalidParameter")
    return int(text)


def _order(text: str) -> tuple[str, bool] | None:
    if not text:
        return None
    name, _, way = text.strip().partition(" ")
    if name not in FILTERABLE or way.strip().lower() not in ("", "asc", "desc"):
        raise errors.bad(f"The property '{name}' does not support sorting.", "ErrorInvalidProperty")
    return name, way.strip().lower() == "desc"


def _filter(text: str) -> tuple[tuple[Test, ...], bool]:
    """Return the tests that all must hold. Only what the product may need is known; the rest is a 400."""
    tests: list[Test] = []
    found = PROPERTY.search(text)
    if found:
        tests.append(_property_test(_bare(found[2]), _bare(found[3]) if found[3] is not None else None))
        text = text.replace(found[0], "")
    for part in re.split(r"\s+and\s+", text.strip()):
        if part.strip() and part.strip().lower() != "and":
            tests.append(_comparison(part.strip().removeprefix("and ").removesuffix(" and")))
    return tuple(tests), found is not None


def _bare(quoted: str) -> str:
    return quoted.replace("''", "'")


def _property_test(wanted_id: str, value: str | None) -> Test:
    """Ids are compared exactly, values without case (A7.1)."""

    def holds(shown: Resource, properties: dict[str, str]) -> bool:
        own = properties.get(wanted_id)
        return own is not None and (value is None or own.casefold() == value.casefold())

    return holds


def _comparison(text: str) -> Test:
    begins, compares = BEGINNING.fullmatch(text), COMPARISON.fullmatch(text)
    found = begins or compares
    if found is None or found[1] not in FILTERABLE:
        raise errors.bad(f"The filter clause is invalid or not supported: {text}", "ErrorInvalidUrlQueryFilter")
    name = found[1]
    if begins is not None:
        beginning = _bare(begins[2])
        return lambda shown, properties: str(reach(shown, name)).startswith(beginning)
    assert compares is not None
    value: Any = _bare(compares[3]) if compares[3] is not None else {"true": True, "false": False}.get(compares[4])
    return lambda shown, properties: _compares(reach(shown, name), compares[2].lower(), value)


def reach(shown: Resource, name: str) -> Any:
    """Return a property by its path."""
    value: Any = shown
    for part in name.split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _compares(own: Any, operator: str, value: Any) -> bool:
    if operator in ("eq", "ne"):
        return (own == value) is (operator == "eq")
    if own is None or value is None:
        return False
    # Moments are texts of one form and zone, so their order is that of the texts.
    left, right = str(own).rstrip("Z0.").rstrip(), str(value).rstrip("Z0.").rstrip()
    return {"ge": left >= right, "gt": left > right, "le": left <= right, "lt": left < right}[operator]


def _expand(text: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return what to expand, and the ids of properties and extensions; these need an inner filter (A7.1)."""
    names, properties, extensions = set(), frozenset[str](), frozenset[str]()
    for part in _outer_parts(text):
        name, _, inner = part.partition("(")
        if name == "singleValueExtendedProperties":
            properties = _inner_ids(inner, name)
        elif name == "extensions":
            extensions = _inner_ids(inner, name)
        elif name not in ("exceptionOccurrences", "calendar"):
            raise errors.GraphError(400, "RequestBroker--ParseUri", f"Could not find a property named '{name}'.")
        names.add(name)
    return frozenset(names), properties, extensions


def _outer_parts(text: str) -> list[str]:
    """Split at commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _inner_ids(inner: str, name: str) -> frozenset[str]:
    found = frozenset(_bare(one) for one in INNER.findall(inner)) if "$filter" in inner else frozenset()
    if not found:
        raise errors.bad(f"Expanding '{name}' needs a filter on its id.", "ErrorInvalidUrlQuery")
    return found
