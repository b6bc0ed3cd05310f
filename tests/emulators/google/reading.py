"""events.get, events.list and events.instances (contract 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.emulators.google import access, errors, instances, listing, render, times
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.listing import Listing
from tests.emulators.google.model import Calendar, Event, Resource, SyncMark
from tests.emulators.google.render import View
from tests.emulators.google.wire import Reply

FORBIDDEN_WITH_SYNC = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
UNSYNCABLE = ("orderBy", "q", "iCalUID", "privateExtendedProperty", "sharedExtendedProperty", "updatedMin")

STALE_INSTANCES = timedelta(days=183)
"""How far back the instances of a deleted series are reported; older ones stay with the client (5.2, 14)."""


@dataclass(frozen=True)
class Query:
    """One list to collect: since when, in which window, how shown."""

    calendar: Calendar
    view: View
    now: datetime
    mark: SyncMark | None
    updated_min: datetime | None
    lower: datetime | None
    upper: datetime | None
    is_single: bool
    shows_deleted: bool

    @property
    def is_delta(self) -> bool:
        return self.mark is not None or self.updated_min is not None

    @property
    def since(self) -> int:
        return self.mark.revision if self.mark else 0

    def shown(self, event: Event) -> Resource:
        return render.shown(event, self.view, details_of_deleted=self.shows_deleted)


@dataclass(frozen=True)
class Line:
    """One entry of a list and what it can be ordered by."""

    revision: int
    updated: datetime
    start: datetime
    body: Resource


def get(call: Call) -> Resource | Reply:
    """Deleted events are readable too, until the trash is emptied; 304 when `If-None-Match` names the etag."""
    calendar = access.get_calendar(call)
    event = instances.find(call.world, calendar, call.path["eventId"])
    if event is None:
        raise errors.of(404)
    if call.headers.get("if-none-match") == event.etag:
        return Reply(304, headers={"etag": event.etag})
    return render.shown(event, render.view(call, calendar))


def list_events(call: Call) -> Resource:
    calendar = access.get_calendar(call)
    view = render.view(call, calendar)
    _check(call, view)
    resource = worlds.events_of(calendar.id)
    mark = listing.find_mark(call, resource)
    rest = listing.next_page(call)
    window = {name: value for name, value in (mark.params if mark else {}).items() if name in ("timeMin", "timeMax")}
    if rest is None:
        query = _query(call, calendar, view, mark, window)
        rest = listing.first_page(call, _collect(call, query))
    is_syncable = not any(name in call.query for name in UNSYNCABLE)
    head = _head(call, calendar)
    return listing.page(call, Listing(resource, head, 250, 2500, is_syncable, window), rest)


def _check(call: Call, view: View) -> None:
    query = call.query
    listing.refuse_with_sync_token(call, FORBIDDEN_WITH_SYNC, ("showDeleted",))
    if query.get("orderBy") == "startTime" and not (query.get("singleEvents") or view.only_busy):
        raise errors.invalid("The requested ordering is not available for the particular query.", "orderBy")
    _check_window(query)
    if "updatedMin" in query and query["updatedMin"] < call.world.now() - worlds.TRASH_LASTS:
        raise errors.of(410, "updatedMinTooLongAgo")


def _check_window(query: Resource) -> None:
    if "timeMin" in query and "timeMax" in query and query["timeMax"] <= query["timeMin"]:
        raise errors.of(400, "timeRangeEmpty")


def _query(call: Call, calendar: Calendar, view: View, mark: SyncMark | None, window: Resource) -> Query:
    is_single = bool(call.query.get("singleEvents")) or view.only_busy
    kept = {name: times.parse_moment(value) for name, value in window.items()}
    return Query(
        calendar=calendar,
        view=view,
        now=call.world.now(),
        mark=mark,
        updated_min=call.query.get("updatedMin"),
        # A sync token's window bounds the expansion of series only; it filters no changes (5.2).
        lower=kept.get("timeMin") or call.query.get("timeMin"),
        upper=kept.get("timeMax") or call.query.get("timeMax"),
        is_single=is_single,
        shows_deleted=bool(call.query.get("showDeleted")),
    )


def _collect(call: Call, query: Query) -> list[Resource]:
    chosen = [event for event in call.world.stored_events(query.calendar) if _is_asked_for(event, call, query)]
    lines = _single_lines(chosen, query) if query.is_single else _plain_lines(chosen, query)
    unique = {line.body["id"]: line for line in lines}
    match call.query.get("orderBy"):
        case "startTime":
            ordered = sorted(unique.values(), key=lambda line: (line.start, line.body["id"]))
        case "updated":
            ordered = sorted(unique.values(), key=lambda line: (line.updated, line.revision))
        case _:
            ordered = sorted(unique.values(), key=lambda line: (line.revision, line.start))
    return [line.body for line in ordered]


def _is_asked_for(event: Event, call: Call, query: Query) -> bool:
    """Apply the change bounds and the filters that look at the event itself."""
    if event.revision <= query.since or (query.updated_min and event.updated < query.updated_min):
        return False
    wanted = call.query
    if event.body["eventType"] not in wanted.get("eventTypes", [event.body["eventType"]]):
        return False
    if wanted.get("iCalUID", event.body["iCalUID"]) != event.body["iCalUID"]:
        return False
    return _has_properties(event.body, wanted) and _has_text(event.body, wanted.get("q", ""))


def _has_properties(body: Resource, wanted: Resource) -> bool:
    for kind in ("private", "shared"):
        pairs = body.get("extendedProperties", {}).get(kind, {})
        for constraint in wanted.get(f"{kind}ExtendedProperty", []):
            name, _, value = constraint.partition("=")
            if pairs.get(name) != value:
                return False
    return True


def _has_text(body: Resource, text: str) -> bool:
    if not text:
        return True
    people = [body["organizer"], *body.get("attendees", [])]
    parts = [body.get(key, "") for key in ("summary", "description", "location")]
    parts += [person.get(key, "") for person in people for key in ("email", "displayName")]
    return text.lower() in "\n".join(parts).lower()


def _plain_lines(events: Iterable[Event], query: Query) -> Iterator[Line]:
    """Masters, singles and exceptions, as a mirror wants them (`singleEvents=false`)."""
    for event in events:
        if _belongs(event, query) and (query.mark or _overlaps(event, query)):
            yield _line(event, query)


def _belongs(event: Event, query: Query) -> bool:
    """The table of 5.3: cancelled exceptions of live series always, other deleted things only if asked."""
    series = query.calendar.events.get(event.series_id or "")
    if series is not None and series.is_cancelled:
        return False
    if not event.is_cancelled or query.is_delta or query.shows_deleted:
        return True
    return series is not None and not event.is_vanished


def _overlaps(event: Event, query: Query) -> bool:
    if query.lower is None and query.upper is None:
        return True
    if not event.is_series:
        return instances.in_window(event, query.calendar, query.lower, query.upper)
    return any(True for _ in instances.expand(query.calendar, event, query.now, query.lower, query.upper))


def _single_lines(events: Iterable[Event], query: Query) -> Iterator[Line]:
    """Instances instead of series (`singleEvents=true`)."""
    for event in events:
        yield from _gone_lines(event, query)
        if event.is_series and not event.is_cancelled:
            found = instances.expand(query.calendar, event, query.now, query.lower, query.upper)
            yield from (_line(one, query, event) for one in found if _is_visible(one, query))
        elif not event.is_series and _is_single(event, query):
            yield _line(event, query)


def _is_single(event: Event, query: Query) -> bool:
    is_shown = _belongs(event, query) and _is_visible(event, query)
    return is_shown and (query.mark is not None or _overlaps(event, query))


def _is_visible(event: Event, query: Query) -> bool:
    return not event.is_cancelled or query.is_delta or query.shows_deleted


def _gone_lines(event: Event, query: Query) -> Iterator[Line]:
    """Stubs of instances that a changed or deleted series no longer has."""
    if not (query.is_delta or query.shows_deleted):
        return
    oldest = query.now - STALE_INSTANCES
    for gone, (revision, original) in event.retired.items():
        start = times.moment_of(original or event.body["start"], query.calendar.time_zone)
        if revision > query.since and not (event.is_cancelled and event.is_series and start < oldest):
            body = render.gone_instance(event, gone, original, query.view)
            yield Line(event.revision, event.updated, start, body)


def _line(event: Event, query: Query, changed_with: Event | None = None) -> Line:
    start = times.moment_of(event.body["start"], query.calendar.time_zone)
    revision = max(event.revision, changed_with.revision if changed_with else 0)
    return Line(revision, event.updated, start, query.shown(event))


def _head(call: Call, calendar: Calendar) -> Resource:
    entry = call.user.entries.get(calendar.id)
    newest = max((event.updated for event in calendar.events.values()), default=call.world.now())
    return {
        "kind": "calendar#events",
        "summary": calendar.body.get("summary", ""),
        "description": calendar.body.get("description", ""),
        "updated": times.milliseconds(newest),
        "timeZone": calendar.time_zone,
        "accessRole": access.role_of(call, calendar),
        "defaultReminders": entry.body.get("defaultReminders", []) if entry else [],
    }


def list_instances(call: Call) -> Resource:
    """Instances of one series, exceptions in place; the bounds include here, unlike in list (5.5)."""
    calendar = access.get_calendar(call)
    view = render.view(call, calendar)
    event = instances.find(call.world, calendar, call.path["eventId"])
    if event is None:
        raise errors.of(404)
    _check_window(call.query)
    rest = listing.next_page(call)
    if rest is None:
        rest = listing.first_page(call, _instances(call, calendar, event, view))
    head = _head(call, calendar)
    resource = worlds.events_of(calendar.id)
    return listing.page(call, Listing(resource, head, 250, 2500, is_syncable=False), rest)


def _instances(call: Call, calendar: Calendar, event: Event, view: View) -> list[Resource]:
    lower, upper = call.query.get("timeMin"), call.query.get("timeMax")
    if lower is not None:
        lower -= timedelta(microseconds=1)
    found: Iterable[Event] = [event]
    if event.is_series:
        found = instances.expand(calendar, event, call.world.now(), lower, upper)
    shows_deleted = bool(call.query.get("showDeleted"))
    kept = [one for one in found if (shows_deleted or not one.is_cancelled) and _is_original(one, call)]
    kept.sort(key=lambda one: times.moment_of(one.body["start"], calendar.time_zone))
    return [render.shown(one, view, details_of_deleted=shows_deleted) for one in kept]


def _is_original(event: Event, call: Call) -> bool:
    """Tell whether this is the instance that `originalStart` asks for: a moment, or a day for all-day series."""
    wanted = call.query.get("originalStart")
    original: Resource = event.body.get("originalStartTime") or event.body["start"]
    if wanted is None or times.is_all_day(original):
        return wanted is None or original["date"] == wanted[:10]
    return times.parse_moment(wanted) == times.moment_of(original, "UTC")
