"""Partial responses: the `fields` selector, `items(id,etag),nextPageToken` (contract 2)."""

from __future__ import annotations

import re
from typing import Any

from tests.emulators.google import errors
from tests.emulators.google.model import Resource

Tree = dict[str, "Tree"]
"""Selected names and what is selected below them; an empty tree selects everything."""

TOKENS = re.compile(r"[A-Za-z0-9_$*-]+|[(),/]")


def read(selector: str, schema: Resource | None, schemas: Resource) -> Tree:
    """Return the selection. Raises 400 when it cannot be read or names what `schema` does not have."""
    tree = parse(selector)
    if schema is not None and not _fits(tree, schema, schemas):
        raise _wrong(selector)
    return tree


def _fits(tree: Tree, schema: Resource, schemas: Resource) -> bool:
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if schema["type"] == "array":
        return _fits(tree, schema["items"], schemas)
    if schema["type"] != "object":
        return not tree
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    below = [(known.get(name, others), part) for name, part in tree.items() if name != "*"]
    return all(child is not None and _fits(part, child, schemas) for child, part in below)


def parse(selector: str) -> Tree:
    tokens = TOKENS.findall(selector)
    if "".join(tokens) != selector or not tokens:
        raise _wrong(selector)
    tree, rest = _parse_list(tokens, selector)
    if rest:
        raise _wrong(selector)
    return tree


def _parse_list(tokens: list[str], selector: str) -> tuple[Tree, list[str]]:
    tree: Tree = {}
    while True:
        name, below, tokens = _parse_one(tokens, selector)
        is_whole = not below or tree.get(name) == {}
        tree[name] = {} if is_whole else tree.get(name, {}) | below
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _parse_one(tokens: list[str], selector: str) -> tuple[str, Tree, list[str]]:
    if not tokens or tokens[0] in "(),/":
        raise _wrong(selector)
    name, tokens = tokens[0], tokens[1:]
    if tokens[:1] == ["/"]:
        inner, below, tokens = _parse_one(tokens[1:], selector)
        return name, {inner: below}, tokens
    if tokens[:1] == ["("]:
        below, tokens = _parse_list(tokens[1:], selector)
        if tokens[:1] != [")"]:
            raise _wrong(selector)
        return name, below, tokens[1:]
    return name, {}, tokens


def prune(value: Any, tree: Tree) -> Any:
    """Return only what `tree` names of a JSON value."""
    if not tree:
        return value
    if isinstance(value, list):
        return [prune(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    chosen = {**dict.fromkeys(value, tree["*"]), **tree} if "*" in tree else tree
    return {key: prune(value[key], chosen[key]) for key in value if key in chosen}


def _wrong(selector: str) -> errors.ApiError:
    return errors.invalid_parameter(f"Invalid field selection {selector}", "fields")
