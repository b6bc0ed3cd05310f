"""Calendars of a mailbox: list, read, create, rename, delete (contract A3)."""

from __future__ import annotations

from tests.emulators.microsoft import access, errors, listing, people, render
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply

COLORS = (
    "auto",
    "lightBlue",
    "lightGreen",
    "lightOrange",
    "lightGray",
    "lightYellow",
    "lightTeal",
    "lightPink",
    "lightBrown",
    "lightRed",
    "maxColor",
)


def list_all(call: Call) -> Reply:
    shown = [render.calendar(one) for one in call.world.calendars_of(call.user.email)]
    return listing.answer(call, shown, lambda one: one, "calendars")


def get(call: Call) -> Resource:
    return _entity(call, render.calendar(access.get_calendar(call)))


def get_default(call: Call) -> Resource:
    return get(call)


def create(call: Call) -> Reply:
    name = _name(call)
    _check_free(call, name)
    calendar = people.add_calendar(call.world, call.user, name, color=_color(call) or "auto")
    return Reply(201, _entity(call, render.calendar(calendar)))


def update(call: Call) -> Resource:
    calendar = access.get_calendar(call, writes=True)
    if "name" in call.body and call.body["name"] != calendar.name:
        _check_free(call, _name(call))
        calendar.name = call.body["name"]
    calendar.color = _color(call) or calendar.color
    calendar.revision = call.world.next_revision()
    return _entity(call, render.calendar(calendar))


def delete(call: Call) -> Reply:
    calendar = access.get_calendar(call)
    if calendar.is_default:
        raise errors.bad("The default calendar cannot be deleted.", "ErrorDeleteDistinguishedFolder")
    calendar.is_deleted = True
    return Reply(204)


def _name(call: Call) -> str:
    name = call.body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise errors.bad_property("The name of a calendar must not be empty.")
    return name


def _check_free(call: Call, name: str) -> None:
    taken = {one.name.casefold() for one in call.world.calendars_of(call.user.email)}
    if name.casefold() in taken:
        raise errors.GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")


def _color(call: Call) -> str | None:
    color = call.body.get("color")
    if color is not None and color not in COLORS:
        raise errors.bad(f"Requested value '{color}' was not found.", "RequestBodyRead")
    return color


def _entity(call: Call, shown: Resource) -> Resource:
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#users('{call.user.oid}')/calendars/$entity", **shown}
