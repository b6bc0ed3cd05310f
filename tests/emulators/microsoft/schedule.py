"""Free and busy times of people and rooms, and which rooms there are (contract A14). Work accounts only."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.emulators.microsoft import errors, items, listing, me, times, zones
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Resource, User
from tests.emulators.microsoft.wire import Reply
from tests.emulators.microsoft.world import World

DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "2"}
STRENGTH = "04123"
"""The digits from the weakest to the strongest; the strongest of a slot is shown."""
MOST_SCHEDULES = 20
LONGEST = timedelta(days=62)
MOST_ITEMS = 1000


def get(call: Call) -> Resource:
    """Return free and busy times; who is unknown has an error of their own inside the 200."""
    if call.user.is_personal:
        raise errors.denied()
    body = call.body
    names = body.get("schedules")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_SCHEDULES:
        raise errors.bad("The property 'schedules' needs one to twenty addresses.", "ErrorInvalidParameter")
    start, start_zone = times.read_pair(body.get("startTime"), "startTime", any_iana=False)
    end, end_zone = times.read_pair(body.get("endTime"), "endTime", any_iana=False)
    window = zones.instant(start, start_zone), zones.instant(end, end_zone)
    step = _step(body.get("availabilityViewInterval", 30))
    if window[1] <= window[0]:
        raise errors.bad("The end time must be later than the start time.", "ErrorInvalidTimeInterval")
    if window[1] - window[0] > LONGEST:
        raise errors.bad("The requested time interval is too big.", "ErrorTimeIntervalTooBig")
    shown = [_schedule(call, str(name), window, step) for name in names]
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#Collection(scheduleInformation)", "value": shown}


def _step(minutes: object) -> timedelta:
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 5 <= minutes <= 1440:
        raise errors.bad("The availabilityViewInterval must be between 5 and 1440 minutes.", "ErrorInvalidParameter")
    return timedelta(minutes=minutes)


def _schedule(call: Call, name: str, window: tuple[datetime, datetime], step: timedelta) -> Resource:
    user = call.world.find_user(name)
    if user is None or user.tenant != call.user.tenant or not user.has_mailbox:
        message = "Unable to resolve e-mail address " + name + " to an Active Directory object."
        return _failed(name, "ErrorMailRecipientNotFound", message)
    busy = _busy(call.world, user, window)
    if len(busy) > MOST_ITEMS:
        return _failed(name, "5006", "The result set contains too many calendar entries.")
    sees_all = user.email == call.user.email or not user.hides_details
    return {
        "scheduleId": name,
        "availabilityView": _digits(busy, window, step),
        "scheduleItems": [_item(call, item, sees_all=sees_all) for item in busy],
        "workingHours": me.working_hours(user.time_zone),
    }


def _failed(name: str, code: str, message: str) -> Resource:
    error = {"message": message, "responseCode": code}
    return {"scheduleId": name, "availabilityView": "", "scheduleItems": [], "error": error}


def _busy(world: World, user: User, window: tuple[datetime, datetime]) -> list[Item]:
    """Return what the default calendar has in the window; touching its edge is not enough here."""
    found = items.view(world.default_calendar(user.email), window)
    inside = [item for item in found if item.moments[0] < window[1] and item.moments[1] > window[0]]
    return [item for item in inside if not item.event.is_cancelled]


def _digits(busy: list[Item], window: tuple[datetime, datetime], step: timedelta) -> str:
    slots, begins = "", window[0]
    while begins < window[1]:
        inside = [item for item in busy if item.moments[0] < begins + step and item.moments[1] > begins]
        digits = [DIGITS[item.event.fields["showAs"]] for item in inside]
        slots += max(digits, key=STRENGTH.index, default="0")
        begins += step
    return slots


def _item(call: Call, item: Item, *, sees_all: bool) -> Resource:
    start, end = (zones.wall(moment, call.look.zone) for moment in item.moments)
    is_private = item.event.fields["sensitivity"] in ("private", "confidential")
    shown: Resource = {
        "isPrivate": is_private,
        "status": item.event.fields["showAs"],
        "start": times.pair(start, call.look.zone),
        "end": times.pair(end, call.look.zone),
    }
    if sees_all and not is_private:
        places = item.event.fields["locations"]
        shown |= {"subject": item.event.fields["subject"], "location": places[0]["displayName"] if places else ""}
    return shown


def rooms(call: Call) -> Reply:
    return _rooms(call, _tenants_rooms(call))


def rooms_of_list(call: Call) -> Reply:
    return _rooms(call, [one for one in _tenants_rooms(call) if one.room_list == call.path[0]])


def lists(call: Call) -> Reply:
    names = sorted({one.room_list for one in _tenants_rooms(call) if one.room_list})
    shown = [{"id": name, "displayName": name.partition("@")[0], "emailAddress": name} for name in names]
    return listing.answer(call, shown, lambda one: one, "places/microsoft.graph.roomlist")


def _tenants_rooms(call: Call) -> list[User]:
    return [one for one in call.world.users.values() if one.kind == "room" and one.tenant == call.user.tenant]


def _rooms(call: Call, found: list[User]) -> Reply:
    return listing.answer(call, found, _room, "places/microsoft.graph.room")


def _room(one: User) -> Resource:
    return {
        "id": one.oid,
        "displayName": one.name,
        "emailAddress": one.email,
        "building": one.building,
        "capacity": one.capacity,
        "bookingType": "standard",
    }
