"""Bodies: how the memory server stores a resource, as JSON text, and how a write edits it in place.

    {"events": [{...engine.event.to_json..., "x-anything": ...}], "x-anything": ...}

Names that the event model does not know survive every edit, at both levels. Pure: text and values in, text out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.engine import event as events
from calsync.engine.event import FIELDS, Event
from calsync.providers.base import Edit, Resource
from calsync.providers.memory.quirks import Quirks

Body = dict[str, Any]

SERVER_OWNED = ("sequence", "created", "last_modified")
MODELLED = frozenset((*FIELDS, *SERVER_OWNED, "uid", "recurrence_id", "organizer", "event_kind", "is_declined"))
"""What a server without a place for unknown properties keeps of an event."""

SHORTEST = timedelta(minutes=1)


def dump(body: Body) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def load(text: str) -> Body:
    """Read what dump wrote. Raises ValueError for anything else."""
    body = json.loads(text)
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise ValueError("a body is an object with a list of events")
    return body


def resource(handle: str, version: str | None, text: str) -> Resource:
    """Return a stored body as a resource; one that cannot be read has a fault and no events."""
    try:
        found = tuple(events.from_json(values) for values in load(text)["events"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Resource(handle, version, text, fault=f"unreadable: {type(error).__name__}")
    return Resource(handle, version, text, found)


def new(items: Iterable[Event], unknown: Mapping[str, Any] | None = None) -> Body:
    """Return the body of a new resource; `unknown` are properties that the event model does not know."""
    return {"events": [events.to_json(item) | dict(unknown or {}) for item in items]}


def edited(body: Body, edits: Iterable[Edit]) -> Body:
    """Return a body with edits applied: the named merge units of the named events, and nothing else."""
    for edit in edits:
        body = _with_edit(body, edit)
    return body


def _with_edit(body: Body, edit: Edit) -> Body:
    key = events.recurrence_key(edit.event)
    others = [values for values in body["events"] if key_of(values) != key]
    old = next((values for values in body["events"] if key_of(values) == key), None)
    if edit.is_removed:
        return body | {"events": others}
    if old is None:
        return body | {"events": [*others, events.to_json(edit.event)]}
    wanted = events.content(edit.event)
    changed = old | {name: wanted[name] for name in edit.fields}
    return body | {"events": [changed if values is old else values for values in body["events"]]}


def key_of(values: Mapping[str, Any]) -> str:
    """Return the recurrence key of stored values: "" for a master or a single event."""
    return values.get("recurrence_id") or ""


def settled(body: Body, quirks: Quirks, before: Body | None, at: datetime) -> Body:
    """Return a body as the server keeps it: its quirks applied, its own fields set. `before` is what it held."""
    old = {key_of(values): values for values in before["events"]} if before else {}
    kept = [_kept(values, quirks, old.get(key_of(values)), at) for values in body["events"]]
    if not quirks.keeps_unknown:
        return {"events": kept}
    return body | {"events": kept}


def _kept(values: Body, quirks: Quirks, old: Body | None, at: datetime) -> Body:
    bare = {name: value for name, value in values.items() if quirks.keeps_unknown or name in MODELLED}
    blank = events.to_json(Event(uid="", start=at, end=at))
    bare |= {name: blank[name] for name in FIELDS if name not in quirks.expresses}
    if quirks.normalises:
        bare = normalise(bare)
    bare["responses"] = {who: bare["responses"].get(who, "needs-action") for who in bare["attendees"]}
    return _stamped(bare, old, at)


def _stamped(values: Body, old: Body | None, at: datetime) -> Body:
    """Set what the server owns. An event that did not change keeps its stamps."""
    if old is None:
        stamp = events.moment_text(at)
        return values | {"sequence": 0, "created": stamp, "last_modified": stamp}
    owned = {name: old.get(name) for name in SERVER_OWNED}
    if values | owned == old:
        return old
    moved = any(values[name] != old[name] for name in ("time", "exdates"))
    return (
        values
        | owned
        | {
            "sequence": (old.get("sequence") or 0) + moved,
            "last_modified": events.moment_text(at),
        }
    )


def normalise(values: Body) -> Body:
    """Return values as a tidying server stores them.

    Blanks around titles and places go, line ends become one kind, addresses lower case, an event of no length lasts
    a minute. Doing it twice changes nothing.
    """
    lines = values["description"].replace("\r\n", "\n").replace("\r", "\n")
    return values | {
        "summary": values["summary"].strip(),
        "location": values["location"].strip(),
        "description": lines.rstrip(),
        "attendees": {address.lower(): facts for address, facts in sorted(values["attendees"].items())},
        "responses": {address.lower(): answer for address, answer in sorted(values["responses"].items())},
        "reminders": sorted(values["reminders"]),
        "time": _with_length(values["time"]),
    }


def _with_length(time: Mapping[str, Any]) -> dict[str, Any]:
    start = events.parse_moment(time["start"])
    if time["end"] != time["start"] or not isinstance(start, datetime):
        return dict(time)
    return dict(time) | {"end": events.moment_text(start.astimezone(UTC) + SHORTEST)}
