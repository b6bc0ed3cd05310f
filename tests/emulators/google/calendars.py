"""Calendars themselves: create, read, change, clear, delete, hand over (contract 13.5)."""

from __future__ import annotations

from tests.emulators.google import access, calendar_list, drafts, errors, people, quotas, times
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.model import Calendar, Resource
from tests.emulators.google.wire import Reply

WRITABLE = ("summary", "description", "location", "timeZone", "labelProperties")


def insert(call: Call) -> Resource:
    if not call.body.get("summary"):
        raise errors.required("Required", "summary")
    quotas.count_created(call.world, call.user, "calendars", call.world.settings.calendars_created_limit)
    wanted = _checked(drafts.without_nulls(call.body))
    calendar = people.add_calendar(call.world, call.user, wanted["summary"])
    calendar.body |= wanted
    calendar.created_by = call.session.client_id
    return shown(calendar)


def _checked(body: Resource) -> Resource:
    body = {key: body[key] for key in WRITABLE if key in body}
    if "timeZone" in body and times.find_zone(body["timeZone"] or "") is None:
        raise errors.invalid("Invalid time zone value.", "timeZone")
    return body


def get(call: Call) -> Resource:
    return shown(access.get_calendar(call))


def patch(call: Call) -> Resource:
    calendar = access.get_calendar(call, "owner")
    calendar.body = drafts.merged(calendar.body, _checked(call.body))
    return _saved(call, calendar)


def update(call: Call) -> Resource:
    calendar = access.get_calendar(call, "owner")
    if not call.body.get("summary"):
        raise errors.required("Required", "summary")
    calendar.body = {"timeZone": calendar.time_zone} | _checked(drafts.without_nulls(call.body))
    return _saved(call, calendar)


def _saved(call: Call, calendar: Calendar) -> Resource:
    """Read-only parts of list entries change with it, which list syncs do not report (13.4)."""
    calendar.revision = call.world.next_revision()
    return shown(calendar)


def delete(call: Call) -> Reply:
    calendar = access.get_calendar(call, "owner")
    if calendar.is_primary:
        raise errors.restricted("cannotDeletePrimaryCalendar", "Cannot delete a primary calendar.")
    calendar.is_deleted = True
    for user in call.world.users.values():
        if calendar.id in user.entries:
            calendar_list.drop_entry(call, user, user.entries[calendar.id])
    call.world.touch(worlds.events_of(calendar.id), "not_exists")
    return Reply(204)


def clear(call: Call) -> Reply:
    """Delete all events of a primary calendar for good; what was synchronised is void."""
    calendar = access.get_calendar(call, "owner")
    if not calendar.is_primary:
        raise errors.of(400, "invalid", "Only primary calendars can be cleared.")
    calendar.events.clear()
    calendar.revision = call.world.next_revision()
    people.expire_marks(call.world, worlds.events_of(calendar.id), "fullSyncRequired")
    call.world.touch(worlds.events_of(calendar.id))
    return Reply(204)


def transfer_ownership(call: Call) -> Reply:
    """Hand the data of a secondary calendar to someone of the same Workspace; for its admins only."""
    calendar = access.get_calendar(call, "owner")
    new_owner = call.world.users.get(call.query["newDataOwner"])
    is_admin = call.query["useAdminAccess"] and call.user.hd is not None
    if calendar.is_primary or not is_admin:
        raise errors.of(403, "forbidden")
    if new_owner is None or new_owner.hd != call.user.hd:
        raise errors.of(404)
    people.set_role(call.world, calendar, "user", new_owner.email, "owner")
    calendar.owner = new_owner.email
    people.add_entry(call.world, new_owner, calendar)
    return Reply(204)


def shown(calendar: Calendar) -> Resource:
    body: Resource = {
        "kind": "calendar#calendar",
        "etag": f'"{1_600_000_000_000_000 + calendar.revision}"',
        "id": calendar.id,
        **{key: calendar.body[key] for key in WRITABLE if calendar.body.get(key)},
        "conferenceProperties": {"allowedConferenceSolutionTypes": calendar.conference_types},
    }
    if not calendar.is_primary:
        body["dataOwner"] = calendar.owner
    if calendar.auto_accepts is not None:
        body["autoAcceptInvitations"] = calendar.auto_accepts
    return body
