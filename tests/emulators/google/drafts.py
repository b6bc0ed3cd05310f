"""From a request body to the body that is stored: merging, defaults, silent limits, checks (6.2, 7.2, 10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.emulators.google import errors, event_types, recurrence, times
from tests.emulators.google.model import Calendar, Resource

DEFAULTS: Resource = {
    "transparency": "opaque",
    "visibility": "default",
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
    "attendeesOmitted": False,
    "eventLabelId": None,
}
"""Values that are never stored or shown, because they are what absence means."""

TEXTS = ("summary", "description", "location")
OTHERS = ("start", "end", "recurrence", "attendees", "reminders", "extendedProperties", "attachments", "source")
STATES = ("status", "colorId", "eventType", "sequence")
WRITABLE = frozenset((*TEXTS, *OTHERS, *STATES, *DEFAULTS, *event_types.PROPERTIES.values()))

ENUMS = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "colorId": tuple(str(number) for number in range(1, 12)),
}
RESPONSES = ("needsAction", "declined", "tentative", "accepted")
ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\".]+(\.[^@\s<>,;\".]+)*$")
SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>|<script\b[^>]*>|\son\w+\s*=\s*(\"[^\"]*\"|'[^']*')", re.I | re.S)

KEY_LENGTH, VALUE_LENGTH, MOST_PROPERTIES, PROPERTIES_SIZE = 44, 1024, 300, 32 * 1024
MOST_OVERRIDES, LONGEST_REMINDER, MOST_ATTACHMENTS = 5, 40_320, 25


@dataclass(frozen=True)
class Options:
    """What the query of a write unlocks."""

    conference: bool = False
    attachments: bool = False
    labels: bool = False

    @staticmethod
    def of(query: Resource) -> Options:
        return Options(
            query.get("conferenceDataVersion") == 1,
            query.get("supportsAttachments") is True,
            query.get("eventLabelVersion") == 1,
        )


def merged(stored: Any, patch: Any) -> Any:
    """Return PATCH semantics: objects merge key by key, null removes, arrays and the rest are replaced."""
    if not isinstance(patch, dict) or not isinstance(stored, dict):
        return without_nulls(patch)
    result = dict(stored)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(stored.get(key), value)
    return result


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def normal(wanted: Resource, calendar: Calendar, options: Options, *, is_instance: bool = False) -> Resource:
    """Return the stored form of a complete event body, or raise the documented 400.

    Conference data and everything that Google sets itself are left to the caller.
    """
    wanted = {key: value for key, value in without_nulls(wanted).items() if key in WRITABLE}
    if is_instance:
        wanted.pop("recurrence", None)
    _drop_locked(wanted, options)
    for name, allowed in ENUMS.items():
        if name in wanted and wanted[name] not in allowed:
            raise errors.invalid(f"Invalid value for: {name}")
    body = {key: value for key, value in wanted.items() if _is_worth_storing(key, value)}
    body |= _times(wanted, calendar)
    body |= {"status": wanted.get("status", "confirmed"), "eventType": wanted.get("eventType", "default")}
    body["reminders"] = _reminders(wanted.get("reminders"))
    _set(body, "attendees", _attendees(wanted.get("attendees", [])))
    _set(body, "extendedProperties", _properties(wanted.get("extendedProperties", {})))
    _check_extras(body)
    if "description" in body:
        _set(body, "description", SCRIPT.sub("", body["description"]))
    return body


def _is_worth_storing(key: str, value: Any) -> bool:
    """Defaults and empty values are not; the properties of a type are, as they make an event of it."""
    if key in event_types.PROPERTIES.values():
        return True
    return value not in ("", [], {}) and not (key in DEFAULTS and DEFAULTS[key] == value)


def _set(body: Resource, key: str, value: Any) -> None:
    body.pop(key, None)
    if value:
        body[key] = value


def _drop_locked(wanted: Resource, options: Options) -> None:
    """Labels and colours exclude each other by `eventLabelVersion` (10.3)."""
    wanted.pop("colorId" if options.labels and "eventLabelId" in wanted else "eventLabelId", None)


def _times(wanted: Resource, calendar: Calendar) -> Resource:
    lines = wanted.get("recurrence") or []
    start, end = (times.stored(wanted.get(label), label, calendar.time_zone, bool(lines)) for label in ("start", "end"))
    if times.is_all_day(start) != times.is_all_day(end):
        raise errors.invalid("Start and end times must either both be date or both be dateTime.")
    length = times.length(start, end).total_seconds()
    if length < 0 or (length == 0 and times.is_all_day(start)):
        raise errors.of(400, "timeRangeEmpty")
    if lines:
        recurrence.check(lines, start)
    return {"start": start, "end": end}


def _reminders(wanted: Resource | None) -> Resource:
    if not wanted:
        return {"useDefault": True}
    overrides = wanted.get("overrides", [])
    if wanted.get("useDefault") and overrides:
        raise errors.restricted(
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
        )
    if len(overrides) > MOST_OVERRIDES:
        raise errors.invalid("The maximum number of override reminders is 5.", "reminders.overrides")
    for reminder in overrides:
        if reminder.get("method") not in ("email", "popup"):
            raise errors.invalid("Invalid reminder method.", "reminders.overrides.method")
        if not 0 <= reminder.get("minutes", -1) <= LONGEST_REMINDER:
            raise errors.invalid("Invalid reminder minutes.", "reminders.overrides.minutes")
    return {"useDefault": bool(wanted.get("useDefault"))} | ({"overrides": overrides} if overrides else {})


def _attendees(wanted: list[Resource]) -> list[Resource]:
    """Return guests once each, without what only Google says about them (10.2)."""
    guests: dict[str, Resource] = {}
    for guest in wanted:
        email = str(guest.get("email", "")).strip()
        if not ADDRESS.match(email):
            raise errors.invalid("Invalid attendee email.", "attendees.email")
        if guest.get("responseStatus", "needsAction") not in RESPONSES:
            raise errors.invalid("Invalid value for: responseStatus")
        own = {key: value for key, value in guest.items() if key not in ("self", "organizer", "id") and value}
        guests[email.lower()] = {"responseStatus": "needsAction", **own, "email": email.lower()}
    return list(guests.values())


def _properties(wanted: Resource) -> Resource:
    """Long keys vanish and long values are cut without a word; only number and size are refused (10.4)."""
    kept: Resource = {}
    for kind in ("private", "shared"):
        pairs = {key: value[:VALUE_LENGTH] for key, value in wanted.get(kind, {}).items() if len(key) <= KEY_LENGTH}
        if pairs:
            kept[kind] = pairs
    every = [(key, value) for pairs in kept.values() for key, value in pairs.items()]
    if len(every) > MOST_PROPERTIES:
        raise errors.invalid("Too many extended properties.", "extendedProperties")
    if sum(len(key.encode()) + len(value.encode()) for key, value in every) > PROPERTIES_SIZE:
        raise errors.invalid("The extended properties are too large.", "extendedProperties")
    return kept


def _check_extras(body: Resource) -> None:
    attachments = body.get("attachments", [])
    if len(attachments) > MOST_ATTACHMENTS:
        raise errors.invalid("The maximum number of attachments is 25.", "attachments")
    if any(not attachment.get("fileUrl") for attachment in attachments):
        raise errors.required("Missing file URL of an attachment.", "attachments.fileUrl")
    url = body.get("source", {}).get("url", "https://")
    if not url.startswith(("http://", "https://")):
        raise errors.invalid("Invalid source URL.", "source.url")
