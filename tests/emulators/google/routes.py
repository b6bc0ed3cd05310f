"""Which function answers which method of the discovery document. A test compares the two."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulators.google import (
    calendar_list,
    calendars,
    channels,
    freebusy,
    moving,
    reading,
    settings,
    sharing,
    writing,
)
from tests.emulators.google.access import Call
from tests.emulators.google.model import Resource
from tests.emulators.google.wire import Reply

Handler = Callable[[Call], Resource | Reply]

HANDLERS: dict[str, Handler] = {
    "calendar.acl.delete": sharing.delete,
    "calendar.acl.get": sharing.get,
    "calendar.acl.insert": sharing.insert,
    "calendar.acl.list": sharing.list_rules,
    "calendar.acl.patch": sharing.patch,
    "calendar.acl.update": sharing.patch,
    "calendar.acl.watch": channels.watch_rules,
    "calendar.calendarList.delete": calendar_list.delete,
    "calendar.calendarList.get": calendar_list.get,
    "calendar.calendarList.insert": calendar_list.insert,
    "calendar.calendarList.list": calendar_list.list_entries,
    "calendar.calendarList.patch": calendar_list.patch,
    "calendar.calendarList.update": calendar_list.update,
    "calendar.calendarList.watch": channels.watch_list,
    "calendar.calendars.clear": calendars.clear,
    "calendar.calendars.delete": calendars.delete,
    "calendar.calendars.get": calendars.get,
    "calendar.calendars.insert": calendars.insert,
    "calendar.calendars.patch": calendars.patch,
    "calendar.calendars.transferOwnership": calendars.transfer_ownership,
    "calendar.calendars.update": calendars.update,
    "calendar.channels.stop": channels.stop,
    "calendar.colors.get": settings.get_colours,
    "calendar.events.delete": writing.delete,
    "calendar.events.get": reading.get,
    "calendar.events.import": moving.import_event,
    "calendar.events.insert": writing.insert,
    "calendar.events.instances": reading.list_instances,
    "calendar.events.list": reading.list_events,
    "calendar.events.move": moving.move,
    "calendar.events.patch": writing.patch,
    "calendar.events.quickAdd": moving.quick_add,
    "calendar.events.update": writing.update,
    "calendar.events.watch": channels.watch_events,
    "calendar.freebusy.query": freebusy.query,
    "calendar.settings.get": settings.get_setting,
    "calendar.settings.list": settings.list_settings,
    "calendar.settings.watch": channels.watch_settings,
}
