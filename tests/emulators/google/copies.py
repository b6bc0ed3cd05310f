"""One meeting on several calendars: the organizer's event, the guests' copies, their answers (contract 10.1)."""

from __future__ import annotations

from tests.emulators.google import errors, instances, mail, series, times
from tests.emulators.google.model import Calendar, Event, Resource, User
from tests.emulators.google.world import World

OWN = ("reminders", "transparency", "visibility", "colorId", "eventLabelId")
"""What each guest sets on their own copy; private extended properties too."""

OWN_ANSWER = ("responseStatus", "comment", "additionalGuests")


def is_original(calendar: Calendar, body: Resource) -> bool:
    """Tell whether this copy is the organizer's. Imported private copies are edited like one (7.6)."""
    return body["organizer"]["email"] == calendar.id or bool(body.get("privateCopy"))


def shared(body: Resource) -> Resource:
    """Return the part of a stored body that belongs to everybody."""
    part = {key: value for key, value in body.items() if key not in OWN and key != "source"}
    properties = {"shared": body.get("extendedProperties", {}).get("shared", {})}
    return part | {"extendedProperties": properties}


def guests(body: Resource) -> dict[str, Resource]:
    return {guest["email"]: guest for guest in body.get("attendees", [])}


def settle(world: World, calendar: Calendar, event: Event, before: Resource | None) -> None:
    """After a change was saved: let the exceptions of a series follow, and the guests' copies of all of it."""
    changed = series.follow(world, calendar, event, before)
    if not is_original(calendar, event.body):
        return
    for one, old in [(event, before), *changed]:
        spread(world, calendar, one, old)


def spread(world: World, calendar: Calendar, event: Event, before: Resource | None) -> None:
    """Bring the guests' copies in line with the organizer's event, as Google does without being asked."""
    if event.body.get("privateCopy"):
        return
    for email in guests(event.body).keys() | guests(before or {}).keys():
        home = world.find_calendar(email)
        if home is not None and home.id != calendar.id:
            _copy_to(world, home, event, is_guest=email in guests(event.body))


def _copy_to(world: World, home: Calendar, event: Event, *, is_guest: bool) -> None:
    mine = home.events.get(event.id)
    if mine is None and (not is_guest or event.is_cancelled):
        if event.series_id in home.events:
            world.save(home, _copy(event, None, {"status": "cancelled"}))
        return
    change: Resource = {} if is_guest else {"status": "cancelled"}
    copy = _copy(event, mine, change)
    if mine is None or shared(mine.body) != shared(copy.body) or mine.is_vanished != copy.is_vanished:
        copy.body = _answered_by_room(world, home, copy)
        world.save(home, copy)
        series.follow(world, home, copy, mine.body if mine else None)


def _copy(event: Event, mine: Event | None, change: Resource) -> Event:
    own = {key: mine.body[key] for key in OWN if key in mine.body} if mine else {}
    if mine is None:
        own = {key: event.body[key] for key in ("transparency", "visibility") if key in event.body}
    private = mine.body.get("extendedProperties", {}).get("private") if mine else None
    body = {**shared(event.body), **own, **change}
    body.setdefault("reminders", {"useDefault": True})
    properties = dict(body.pop("extendedProperties"))
    properties |= {"private": private} if private else {}
    if any(properties.values()):
        body["extendedProperties"] = {kind: pairs for kind, pairs in properties.items() if pairs}
    updated = mine.updated if mine else event.updated
    retired = mine.retired if mine else {}
    return Event(event.id, body, event.created, updated, 0, is_vanished=event.is_vanished, retired=retired)


def _answered_by_room(world: World, home: Calendar, copy: Event) -> Resource:
    """Let a room that answers by itself accept, or decline when it is taken (13.7)."""
    me = guests(copy.body).get(home.id)
    if not home.auto_accepts or me is None or me["responseStatus"] != "needsAction":
        return copy.body
    start, end = (times.moment_of(copy.body[side], home.time_zone) for side in ("start", "end"))
    taken = any(
        event.id != copy.id and not event.is_cancelled and instances.in_window(event, home, start, end)
        for event in home.events.values()
    )
    answer = {"responseStatus": "declined" if taken else "accepted"}
    tell_organizer(world, home, copy, answer)
    return with_answer(copy.body, home.id, answer)


def with_answer(body: Resource, email: str, answer: Resource) -> Resource:
    """Return the body with one guest's own fields replaced."""
    attendees = [{**guest, **answer} if guest["email"] == email else guest for guest in body.get("attendees", [])]
    return {**body, "attendees": attendees}


def check_guest_change(calendar: Calendar, before: Resource, after: Resource) -> Resource | None:
    """Return the guest's new answer (None when it stays), or raise 403 when shared fields differ (10.1)."""
    mine, wanted = guests(before).get(calendar.id, {}), guests(after).get(calendar.id, {})
    answer = {key: wanted[key] for key in OWN_ANSWER if key in wanted}
    same = with_answer(before, calendar.id, {key: value for key, value in answer.items() if mine})
    if _comparable(same) != _comparable(after):
        raise errors.of(403, "forbiddenForNonOrganizer")
    changed = {key: value for key, value in answer.items() if mine.get(key) != value}
    return changed or None


def _comparable(body: Resource) -> Resource:
    part = shared(body)
    part["attendees"] = guests(body)
    for name in ("sequence", "conferenceData", "hangoutLink", "attachments"):
        part.pop(name, None)
    return part


def tell_organizer(world: World, calendar: Calendar, event: Event, answer: Resource, send: str = "none") -> None:
    """Carry a guest's answer to the organizer's event and from there to all copies; the etags move (10.1)."""
    home = world.find_calendar(event.body["organizer"]["email"])
    original = instances.find(world, home, event.id) if home else None
    mail.note_answer(world, calendar, event, answer, send)
    if home is None or original is None or original.is_cancelled:
        return
    before = original.body
    original.body = with_answer(before, calendar.id, answer)
    world.save(home, original)
    settle(world, home, original, before)


def may_edit_shared(calendar: Calendar, body: Resource) -> bool:
    return is_original(calendar, body) or bool(body.get("guestsCanModify"))


def identity(calendar: Calendar, user: User) -> Resource:
    """Return organizer and creator of an event made by `user` on `calendar` (10.1)."""
    organizer: Resource = {"email": calendar.id}
    if not calendar.is_primary:
        organizer["displayName"] = calendar.body.get("summary", "")
    return {"organizer": organizer, "creator": {"email": user.email}}
