"""The rules of each event type (contract 9). All violations are 400s of the calendar domain."""

from __future__ import annotations

from tests.emulators.google import errors, times
from tests.emulators.google.model import Calendar, Resource, User

PROPERTIES = {
    "focusTime": "focusTimeProperties",
    "outOfOffice": "outOfOfficeProperties",
    "workingLocation": "workingLocationProperties",
    "birthday": "birthdayProperties",
}
STATUS_TYPES = ("focusTime", "outOfOffice", "workingLocation")
DECLINE_MODES = ("declineNone", "declineAllConflictingInvitations", "declineOnlyNewConflictingInvitations")
BIRTHDAY_RULES = (["RRULE:FREQ=YEARLY"], ["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"])
BIRTHDAY_CHANGES = {"summary", "colorId", "reminders", "start", "end"}
FROM_GMAIL_CHANGES = {
    "attendees",
    "colorId",
    "extendedProperties",
    "reminders",
    "status",
    "transparency",
    "visibility",
}


def check_new(body: Resource, calendar: Calendar, user: User, *, has_own_id: bool) -> None:
    """Check a normalised body that is to become a new event of its `eventType`."""
    kind = body["eventType"]
    if kind not in ("default", *PROPERTIES):
        raise errors.restricted("eventTypeRestriction", f"Events of type {kind} cannot be created.")
    if kind == "birthday" and has_own_id:
        raise _restricted("A birthday cannot have an id of your choice.")
    _check_shape(kind, body, calendar, user)


def check_change(before: Resource, after: Resource, calendar: Calendar, user: User) -> None:
    """Check a normalised body that is to replace `before`."""
    kind = before.get("eventType", "default")
    if after["eventType"] != kind:
        raise _restricted("The event type cannot be changed.")
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    if kind == "birthday" and not changed <= BIRTHDAY_CHANGES:
        raise _restricted("Only the name, colour, reminders and day of a birthday can be changed.")
    if kind == "fromGmail":
        if not changed <= FROM_GMAIL_CHANGES:
            raise _restricted("These properties of an event from Gmail cannot be changed.")
        return
    _check_shape(kind, after, calendar, user)


def _check_shape(kind: str, body: Resource, calendar: Calendar, user: User) -> None:
    for other, name in PROPERTIES.items():
        if name in body and other != kind:
            raise _restricted(f"{name} belong to events of type {other}.")
    if kind in STATUS_TYPES and not (calendar.is_primary and user.allows_status_events):
        raise _restricted(f"Events of type {kind} are available on some primary calendars only.")
    match kind:
        case "focusTime":
            _check_busy(body, "malformedFocusTimeEvent", "focusTimeProperties")
        case "outOfOffice":
            _check_busy(body, "malformedOutOfOfficeEvent", "outOfOfficeProperties")
        case "workingLocation":
            _check_working_location(body)
        case "birthday":
            _check_birthday(body)


def _check_busy(body: Resource, reason: str, name: str) -> None:
    given = body.get(name)
    if given is None:
        raise errors.restricted(reason, f"{name} are required.")
    if times.is_all_day(body["start"]) or "transparency" in body:
        raise errors.restricted(reason, "The event must be timed and opaque.")
    if given.get("autoDeclineMode", "declineNone") not in DECLINE_MODES:
        raise errors.restricted(reason, "Invalid autoDeclineMode.")
    if given.get("chatStatus", "available") not in ("available", "doNotDisturb"):
        raise errors.restricted(reason, "Invalid chatStatus.")


def _check_working_location(body: Resource) -> None:
    reason = "malformedWorkingLocationEvent"
    given = body.get("workingLocationProperties", {})
    if given.get("type") not in ("homeOffice", "officeLocation", "customLocation"):
        raise errors.restricted(reason, "workingLocationProperties need a type.")
    if body.get("visibility") != "public" or body.get("transparency") != "transparent":
        raise errors.restricted(reason, "The event must be public and transparent.")
    if times.is_all_day(body["start"]) and times.length(body["start"], body["end"]).days != 1:
        raise errors.restricted("eventDurationExceedsLimit", "An all-day working location lasts one day.")


def _check_birthday(body: Resource) -> None:
    if body.get("birthdayProperties", {}).get("type", "birthday") != "birthday":
        raise _restricted("Only birthdays of type birthday can be created.")
    is_one_day = times.is_all_day(body["start"]) and times.length(body["start"], body["end"]).days == 1
    if not is_one_day or body.get("recurrence") not in BIRTHDAY_RULES:
        raise _restricted("A birthday is one whole day, every year.")
    if body.get("visibility") != "private" or body.get("transparency") != "transparent":
        raise _restricted("A birthday is private and transparent.")
    if {"attendees", "location", "description", "attachments"} & body.keys():
        raise _restricted("A birthday has no guests, place or description.")


def _restricted(message: str) -> errors.ApiError:
    return errors.restricted("eventTypeRestriction", message)
