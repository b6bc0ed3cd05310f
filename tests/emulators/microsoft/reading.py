"""Reading events: one, lists, calendar views, instances (contract A4.1, A7.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.emulators.microsoft import access, errors, items, listing, odata, render, times
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Event, Resource
from tests.emulators.microsoft.wire import Reply

LONGEST_WINDOW = timedelta(days=1825)
NO_WINDOW = (
    "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."
)
UNSELECTABLE = ("createdDateTime", "lastModifiedDateTime")
OPEN_EXTENSION = "Microsoft.OutlookServices.OpenTypeExtension."


def get(call: Call) -> Resource:
    item = access.get_item(call)
    context = f"{call.base_url}/v1.0/$metadata#users('{call.user.oid}')/events/$entity"
    return {"@odata.context": context, **shown(call, item, call.query)}


def list_events(call: Call) -> Reply:
    """Single events and masters, no occurrences."""
    if call.query.skip_token:
        return _page(call)
    return _answer(call, items.stored(access.get_calendar(call)))


def list_view(call: Call) -> Reply:
    """Single events, occurrences and exceptions that touch the window, no masters."""
    if call.query.skip_token:
        return _page(call)
    if call.query.filters_properties:
        # Exchange cannot search its views by extended property (A7.1).
        raise errors.GraphError(500, "ErrorInternalServerError", "An internal server error occurred.")
    if set(call.query.select) & set(UNSELECTABLE):
        raise errors.bad("The property cannot be selected on a calendar view.", "ErrorInvalidProperty")
    calendar, window = access.get_calendar(call), read_window(call)
    return _answer(call, items.view(calendar, window))


def list_instances(call: Call) -> Reply:
    """The occurrences and exceptions of a series that are not cancelled."""
    if call.query.skip_token:
        return _page(call)
    master, window = access.get_item(call).event, read_window(call)
    if master.recurrence is None:
        raise errors.bad("The event is not a series master.", "ErrorInvalidRequest")
    replaced = items.exceptions(master)
    found = [Item(one) for one in replaced.values()] + list(items.occurrences(master, window, set(replaced)))
    near = [item for item in found if items.touches(item, window)]
    return _answer(call, sorted(near, key=lambda item: item.moments[0]))


def read_window(call: Call) -> tuple[datetime, datetime]:
    """Return the window of the query. Raises 400 without one, and for one that is empty or too long (A4.1)."""
    if not {"startdatetime", "enddatetime"} <= call.query.window.keys():
        raise errors.bad(NO_WINDOW, "ErrorInvalidParameter")
    start = times.read_moment(call.query.window["startdatetime"], "StartDateTime")
    end = times.read_moment(call.query.window["enddatetime"], "EndDateTime")
    if end < start:
        raise errors.bad("The end of the window lies before its start.", "ErrorInvalidParameter")
    if end - start > LONGEST_WINDOW:
        message = "The requested time duration specified for FreeBusyView is too long. Maximum number of days: 1825."
        raise errors.bad(message)
    return start, end


def _answer(call: Call, found: list[Item]) -> Reply:
    """Filter, sort and page."""
    query = call.query
    if query.tests:
        found = [item for item in found if _passes(call, item)]
    if query.order:
        name, is_descending = query.order
        found = sorted(found, key=lambda item: _sortable(call, item, name), reverse=is_descending)
    return listing.answer(call, found, lambda item: shown(call, item, query), _kind(call))


def _page(call: Call) -> Reply:
    mark = listing.rest(call)
    return listing.page(call, mark, lambda item: shown(call, item, mark.query), _kind(call))


def _kind(call: Call) -> str:
    return f"users('{call.user.oid}')/events"


def _passes(call: Call, item: Item) -> bool:
    body = render.event(item, render.Look())
    return all(test(body, item.event.properties if not item.day else {}) for test in call.query.tests)


def _sortable(call: Call, item: Item, name: str) -> Any:
    return str(odata.reach(render.event(item, render.Look()), name))


def shown(call: Call, item: Item, query: odata.Query) -> Resource:
    """Return an event as the query wants it: chosen properties, and what is only shown when expanded."""
    body = render.event(item, call.look)
    if "cancelledOccurrences" in query.select:
        body["cancelledOccurrences"] = _cancelled(item, call.look)
    if query.select:
        _check_selected(query.select, body)
        always = ("@odata.etag", "id", *query.select)
        body = {name: value for name, value in body.items() if name in always}
    return body | _expanded(call, item, query)


def _check_selected(names: tuple[str, ...], body: Resource) -> None:
    optional = {"transactionId", "cancelledOccurrences"}
    for name in names:
        if name not in body and name not in optional:
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.event'."
            raise errors.GraphError(400, "RequestBroker--ParseUri", message)


def _cancelled(item: Item, look: render.Look) -> list[str]:
    """Return the days that do not happen, in the zone of the series (A6.2)."""
    if item.kind != "seriesMaster":
        return []
    own = item.id(immutable=look.immutable)
    return [f"OID.{own}.{day.isoformat()}" for day in sorted(item.event.cancelled)]


def _expanded(call: Call, item: Item, query: odata.Query) -> Resource:
    extra: Resource = {}
    if query.properties and (call.world.settings.view_expands or "calendarView" not in call.request.path):
        # An occurrence has none of its own; it does not show the master's.
        own = {} if item.day else item.event.properties
        found = [{"id": name, "value": own[name]} for name in sorted(query.properties) if name in own]
        extra |= {"singleValueExtendedProperties": found} if found else {}
    if query.extensions:
        own_extensions = {} if item.day else item.event.extensions
        extra["extensions"] = [one for name, one in own_extensions.items() if _is_wanted(name, query.extensions)]
    if "exceptionOccurrences" in query.expand and item.kind == "seriesMaster":
        replaced = items.exceptions(item.event)
        extra["exceptionOccurrences"] = [render.event(Item(replaced[day]), call.look) for day in sorted(replaced)]
    if "calendar" in query.expand:
        extra["calendar"] = render.calendar(item.event.calendar)
    return extra


def _is_wanted(name: str, wanted: frozenset[str]) -> bool:
    return name in wanted or OPEN_EXTENSION + name in wanted


def find_by_transaction(call: Call, transaction_id: str) -> Event | None:
    """Return the event that this mailbox made with a transaction id, deleted ones included."""
    return call.world.transactions.get((call.user.email, transaction_id))
