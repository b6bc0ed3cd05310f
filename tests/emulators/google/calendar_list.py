"""The person's own list of calendars (contract 13.4)."""

from __future__ import annotations

from tests.emulators.google import access, drafts, errors, listing, people
from tests.emulators.google import settings as user_settings
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.listing import Listing
from tests.emulators.google.model import Calendar, Entry, Resource, User, outranks
from tests.emulators.google.wire import Reply

OWN_KEYS = (
    "colorId",
    "backgroundColor",
    "foregroundColor",
    "hidden",
    "selected",
    "summaryOverride",
    "defaultReminders",
    "notificationSettings",
)
CALENDAR_KEYS = ("summary", "description", "location", "timeZone", "labelProperties")
SHOWN_WHEN_TRUE = ("hidden", "selected")


def list_entries(call: Call) -> Resource:
    forbidden = ("minAccessRole", "showOwnOrganizationOnly")
    listing.refuse_with_sync_token(call, forbidden, ("showDeleted", "showHidden"))
    resource = worlds.list_of(call.user.email)
    mark = listing.find_mark(call, resource)
    rest = listing.next_page(call)
    if rest is None:
        entries = [entry for entry in call.user.entries.values() if _is_listed(call, entry, mark is not None)]
        entries = [entry for entry in entries if mark is None or entry.revision > mark.revision]
        rest = listing.first_page(call, [_shown(call, entry) for entry in entries])
    head: Resource = {"kind": "calendar#calendarList"}
    is_syncable = not any(name in call.query for name in forbidden)
    return listing.page(call, Listing(resource, head, 100, 250, is_syncable), rest)


def _is_listed(call: Call, entry: Entry, is_delta: bool) -> bool:
    calendar = call.world.calendars.get(entry.calendar_id)
    role = people.role_of(call.user, calendar) if calendar else "none"
    if calendar is None or calendar.is_deleted or entry.is_deleted or role == "none":
        return is_delta or bool(call.query.get("showDeleted"))
    if entry.body.get("hidden") and not (is_delta or call.query.get("showHidden")):
        return False
    return outranks(role, call.query.get("minAccessRole", "freeBusyReader")) and _is_ours(call, calendar)


def _is_ours(call: Call, calendar: Calendar) -> bool:
    if not call.query.get("showOwnOrganizationOnly"):
        return True
    return calendar.owner.rpartition("@")[2] == call.user.email.rpartition("@")[2]


def get(call: Call) -> Resource:
    return _shown(call, _get_entry(call))


def _get_entry(call: Call) -> Entry:
    calendar_id = call.path["calendarId"]
    entry = call.user.entries.get(call.user.email if calendar_id == "primary" else calendar_id)
    if entry is None or entry.is_deleted:
        raise errors.of(404)
    access.get_calendar(call, name=entry.calendar_id)
    return entry


def insert(call: Call) -> Resource:
    """Subscribe to a calendar that is shared with the caller."""
    calendar_id = call.body.get("id")
    if not calendar_id:
        raise errors.required("Missing calendar id.", "id")
    calendar = access.get_calendar(call, name=calendar_id)
    entry = people.add_entry(call.world, call.user, calendar, **_own(call, call.body))
    return _shown(call, entry)


def patch(call: Call) -> Resource:
    entry = _get_entry(call)
    entry.body = drafts.merged(entry.body, _own(call, call.body))
    return _saved(call, entry)


def update(call: Call) -> Resource:
    entry = _get_entry(call)
    entry.body = {"colorId": entry.body.get("colorId", "1"), "defaultReminders": []} | _own(call, call.body)
    return _saved(call, entry)


def _own(call: Call, body: Resource) -> Resource:
    """Return what the person may set; colours by RGB need `colorRgbFormat=true`."""
    own = {key: body[key] for key in OWN_KEYS if key in body}
    if not call.query.get("colorRgbFormat"):
        own.pop("backgroundColor", None)
        own.pop("foregroundColor", None)
    if own.get("colorId") and own["colorId"] not in user_settings.CALENDAR_COLOURS:
        raise errors.invalid("Invalid color id.", "colorId")
    return own


def _saved(call: Call, entry: Entry) -> Resource:
    entry.revision = call.world.next_revision()
    call.world.touch(worlds.list_of(call.user.email))
    return _shown(call, entry)


def delete(call: Call) -> Reply:
    """Unsubscribe. Owned calendars stay on their owner's list."""
    entry = _get_entry(call)
    calendar = access.get_calendar(call, name=entry.calendar_id)
    if calendar.owner == call.user.email:
        raise errors.restricted(
            "cannotUnsubscribeFromOwnedCalendar", "Cannot unsubscribe from a calendar that you own."
        )
    drop_entry(call, call.user, entry)
    return Reply(204)


def drop_entry(call: Call, user: User, entry: Entry) -> None:
    entry.is_deleted = True
    entry.revision = call.world.next_revision()
    call.world.touch(worlds.list_of(user.email))


def _shown(call: Call, entry: Entry) -> Resource:
    calendar = call.world.calendars[entry.calendar_id]
    role = people.role_of(call.user, calendar)
    body: Resource = {"kind": "calendar#calendarListEntry", "etag": f'"{1_700_000_000_000_000 + entry.revision}"'}
    body["id"] = calendar.id
    if entry.is_deleted or calendar.is_deleted or role == "none":
        return body | {"deleted": True}
    body |= {key: calendar.body[key] for key in CALENDAR_KEYS if calendar.body.get(key)}
    body |= user_settings.colours_of(entry.body.get("colorId", "1"))
    body |= {key: value for key, value in entry.body.items() if value or key not in SHOWN_WHEN_TRUE}
    body |= {"accessRole": role, "conferenceProperties": _conferences(calendar)}
    if calendar.is_primary and calendar.id == call.user.email:
        body["primary"] = True
    if not calendar.is_primary:
        body["dataOwner"] = calendar.owner
    if calendar.auto_accepts is not None:
        body["autoAcceptInvitations"] = calendar.auto_accepts
    return body


def _conferences(calendar: Calendar) -> Resource:
    return {"allowedConferenceSolutionTypes": calendar.conference_types}
