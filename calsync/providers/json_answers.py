"""Answers that are JSON: the object in them, and what is to be thought of one that is not whole."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any

from calsync.errors import Unavailable
from calsync.providers.http import Answer

_HALF = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\x00")
"""What a body with such a text looks like; pairs look alike, and come to no harm."""


def item_of(answer: Answer, *, is_write: bool, empty_at: Container[int]) -> dict[str, Any]:
    """Return the JSON object of an answer; {} where there is no body and the status is in `empty_at`.

    Stored texts may hold control characters that JSON forbids (contract A2). Raises Unavailable for an answer that is
    cut off or no object: it says nothing about what happened, so that a write is in doubt where it seems to have
    succeeded.
    """
    if not answer.body.strip() and answer.status in empty_at:
        return {}
    try:
        value = json.loads(answer.text, strict=False)
        return _object(_storable(value) if _SUSPECT.search(answer.body) else value)
    except (ValueError, RecursionError) as error:
        raise Unavailable("the answer is not whole", is_in_doubt=is_write and answer.status < 300) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _storable(value: Any) -> Any:
    """Return a value whose texts a database can keep: without NUL, and halves of a character replaced.

    A title that is cut after so many UTF-16 units may end with half a character, which UTF-8 cannot write.
    """
    match value:
        case str():
            return _HALF.sub("\N{REPLACEMENT CHARACTER}", value.replace("\0", ""))
        case list():
            return [_storable(each) for each in value]
        case dict():
            return {_storable(name): _storable(each) for name, each in value.items()}
    return value
