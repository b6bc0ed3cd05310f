"""Our marks on an event: two extended properties that travel with it, unseen (contract section A7.1). Pure.

One holds the key under which the event was created, alone, because a property is only found by its whole value; the
other everything else as JSON. Names are few and fixed: each one uses up a little of the mailbox for ever.
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

_SPACE = "{6d1f4c1b-52a7-4f0e-9d35-8b7e0c2a41f6}"
KEY = f"String {_SPACE} Name calsync-key"
"""The key of the write that created the event."""

FACTS = f"String {_SPACE} Name calsync"
"""What else we know of it, see below."""

ID, SLOT, TIME, LINK, URL, ZONE, RULE, STATUS, BACK, WRITE, ROOMS = (
    "id",  # our id of the event
    "slot",  # the occurrence that our id belongs to, where occurrences show their series' properties
    "time",  # "floating" for a time that is meant without a zone
    "link",  # a join link that is not Outlook's own
    "url",  # the web address of the event, for which Outlook has no place
    "tz",  # our name of the zone, where Outlook's is shared by several
    "rule",  # the recurrence rule as we write it
    "status",  # "tentative" for what is free as well: Outlook shows one of the two
    "back",  # of an occurrence that went back to its series: the fingerprint that it has since then
    "write",  # the key of the write that changed an occurrence for the first time
    "rooms",  # the addresses of the rooms that we invited, with spaces between them
)
FLOATING = "floating"

EXPAND = f"singleValueExtendedProperties($filter=id eq '{KEY}' or id eq '{FACTS}')"
"""How events are asked for with our marks: without it they are never shown."""


def find_by_key(key: str) -> str:
    """Return the filter that finds the events created under a key."""
    quoted = key.replace("'", "''")
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq '{quoted}')"


def facts(item: Json) -> dict[str, str]:
    """Return what we noted on an event; {} where there is nothing that can be read."""
    try:
        said = json.loads(_value(item, FACTS) or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


def rooms(noted: dict[str, str]) -> frozenset[str]:
    """Return the addresses of the rooms that we invited, by what is noted on an event."""
    return frozenset(noted.get(ROOMS, "").split())


def key_of(item: Json) -> str:
    """Return the key under which an event was created, "" for one that is not ours."""
    return _value(item, KEY)


def properties(key: str | None, noted: dict[str, str]) -> list[Json]:
    """Return the properties to write; without a key the one that is there stays."""
    text = json.dumps(noted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = [{"id": FACTS, "value": text}]
    return found if key is None else [{"id": KEY, "value": key}, *found]


def changed(stored: Json, sent: Json) -> list[Json]:
    """Return the properties of an event after a write, whose answer never shows them."""
    named = {prop["id"]: prop for body in (stored, sent) for prop in body.get("singleValueExtendedProperties") or []}
    return list(named.values())


def _value(item: Json, name: str) -> str:
    """Return a property's value. The server may write the braces and letters of its id otherwise than we do."""
    wanted = _plain(name)
    found = item.get("singleValueExtendedProperties") or []
    return next((str(prop.get("value") or "") for prop in found if _plain(str(prop.get("id"))) == wanted), "")


def _plain(name: str) -> str:
    return name.replace("{", "").replace("}", "").lower()
