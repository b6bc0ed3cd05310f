"""Single events and whole series, asked for by id with everything that we want to know of them.

(contract sections A4.1, A6.2 and A7.1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from calsync.errors import Unavailable
from calsync.providers.batching import Outcome, demand
from calsync.providers.microsoft import codec, errors, marks
from calsync.providers.microsoft.wire import Call, Wire, calendar_path, event_path

Json = dict[str, Any]

GONE = (404, 410)

_FIELDS = """
    subject body start end isAllDay location showAs sensitivity isReminderOn reminderMinutesBeforeStart attendees
    organizer isOrganizer responseStatus isCancelled iCalUId type seriesMasterId originalStart recurrence
    originalStartTimeZone isOnlineMeeting onlineMeeting onlineMeetingUrl createdDateTime lastModifiedDateTime changeKey
    cancelledOccurrences
""".split()
"""What is asked for: occurrences that were taken out are only shown to who names them."""

WHOLE = {"$select": ",".join(_FIELDS), "$expand": marks.EXPAND}
WITH_EXCEPTIONS = {"$select": ",".join(_FIELDS), "$expand": f"{marks.EXPAND},exceptionOccurrences"}


def get(calendar: str, handle: str, query: Mapping[str, str] = WHOLE) -> Call:
    """Return the call for one event. One that is gone is an answer, and so is an id that Graph cannot read."""
    path = event_path(calendar, handle)
    return Call("GET", path, dict(query), handle=handle, expect=GONE, excused=(errors.MALFORMED,))


def of(outcome: Outcome) -> Json | None:
    """Return the event of an answer, None where there is none. Raises the error that the outcome is."""
    reply = demand(outcome)
    if reply.status < 400 and not reply.item.get("id"):
        raise Unavailable("the answer is no event")
    return None if reply.status >= 400 else reply.item


def items(
    wire: Wire, calendar: str, handles: Iterable[str], query: Mapping[str, str] = WHOLE
) -> dict[str, Json | None]:
    """Return the JSON of events by id, None for those that are not there. Raises ProviderError.

    A calendar that we may no longer see denies its events in the same words: then it is asked for itself.
    """
    wanted = list(dict.fromkeys(handles))
    outcomes = wire.send_all([get(calendar, handle, query) for handle in wanted])
    found = {handle: of(outcome) for handle, outcome in zip(wanted, outcomes, strict=True)}
    if any(item is None for item in found.values()):
        wire.send(Call("GET", calendar_path(calendar), {"$select": "id"}))
    return found


def exceptions_in(master: Json) -> list[Json]:
    """Return the changed occurrences of a series, without our marks."""
    return [item for item in master.get("exceptionOccurrences") or [] if codec.series_of(item)]


def bare(master: Json) -> Json:
    """Return a series without its changed occurrences, which are resources of their own."""
    return {name: value for name, value in master.items() if name != "exceptionOccurrences"}


def with_masters(wire: Wire, calendar: str, found: Mapping[str, Json | None]) -> dict[str, Json | None]:
    """Return items with what has to be known of the series of those that belong to one; None for what is gone.

    Raises ProviderError.
    """
    series = {s for item in found.values() if item is not None and (s := codec.series_of(item))}
    masters = items(wire, calendar, sorted(series)) if series else {}
    return {handle: _whole(item, masters) for handle, item in found.items()}


def _whole(item: Json | None, masters: Mapping[str, Json | None]) -> Json | None:
    series = None if item is None else codec.series_of(item)
    if item is None or series is None:
        return item
    master = masters.get(series)
    whole = None if master is None else codec.with_series(item, master)
    return None if whole is None or codec.is_gone(whole) else whole
