"""Reading a calendar: page by page, since a sync token or everything, and single events (contract section 5).

All types of events are read; rules decide later what becomes of each. Series come as masters with their exceptions
beside them. A cancelled exception of a living series is something to know; one of a dead series is gone with it, and
only its master can tell which it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from calsync.errors import CursorExpired, Unavailable
from calsync.providers.base import Known, Page, Resource
from calsync.providers.batching import Outcome, demand
from calsync.providers.google import codec
from calsync.providers.google.wire import Call, Wire, events_path

Json = dict[str, Any]

MOST = 2500
FIRST_SILENCE_S = 120.0
"""How long Google may think about the first page of a whole calendar."""

_CURSOR_FORM = 2
"""Raised whenever the list is asked for otherwise: a token belongs to its list."""

_GONE = (404, 410)


class Reader:
    """Reads the calendars of one account."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything; see CalendarReader."""
        token = None if cursor is None else self._token(cursor)
        listing = _Listing(self, calendar, known, is_full=token is None)
        page_token: str | None = None
        while True:
            page = self._page(calendar, token, page_token)
            page_token, last = page.get("nextPageToken"), page.get("nextSyncToken")
            if page_token is None and last is None:
                raise Unavailable("the list ends without saying where to go on")
            found = listing.add(page)
            if page_token is not None:
                yield found
                continue
            yield from listing.rest(found, self._cursor(str(last)))
            return

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where Google says that it is gone. Raises ProviderError."""
        items = self.items(calendar, handles)
        if any(item is None for item in items.values()):
            # A calendar that we may no longer see denies its events in the same words.
            self._wire.send(Call("GET", events_path(calendar), {"maxResults": 1}))
        cancelled = {h: i for h, i in items.items() if i is not None and codec.is_cancelled(i) and codec.series_of(i)}
        exceptions = self.exceptions(calendar, cancelled.values(), {})
        return {handle: exceptions.get(handle) or _living(item) for handle, item in items.items()}

    def items(self, calendar: str, handles: Iterable[str]) -> dict[str, Json | None]:
        """Return the JSON of events by id, None for those that are not there. Raises ProviderError."""
        wanted = list(dict.fromkeys(handles))
        calls = [Call("GET", events_path(calendar, handle), handle=handle, expect=_GONE) for handle in wanted]
        outcomes = self._wire.send_all(calls)
        return {handle: _item(outcome) for handle, outcome in zip(wanted, outcomes, strict=True)}

    def exceptions(self, calendar: str, items: Iterable[Json], uids: dict[str, str]) -> dict[str, Resource]:
        """Return cancelled exceptions as resources by id, those of dead series left out.

        `uids` gives what is known of living series; the others are asked for.
        """
        cancelled = list(items)
        missing = {series for item in cancelled if (series := codec.series_of(item)) and series not in uids}
        masters = self.items(calendar, sorted(missing))
        alive = {h: codec.uid_of(i) for h, i in masters.items() if i is not None and not codec.is_cancelled(i)}
        known = uids | alive
        found = ((item, known.get(codec.series_of(item) or "")) for item in cancelled)
        return {item["id"]: codec.resource_of(item, uid=uid) for item, uid in found if uid is not None}

    def _page(self, calendar: str, token: str | None, page_token: str | None) -> Json:
        query = {
            "maxResults": MOST,
            "singleEvents": "false",
            "syncToken": token,
            "pageToken": page_token,
        }
        page = self._wire.send(Call("GET", events_path(calendar), query), FIRST_SILENCE_S if token is None else None)
        if not isinstance(page.item.get("items"), list):
            raise Unavailable("the list has no entries")
        return page.item

    def _cursor(self, token: str) -> str:
        return json.dumps({"form": _CURSOR_FORM, "token": token})

    def _token(self, cursor: str) -> str:
        """Return the sync token of a cursor. Raises CursorExpired when it belongs to another list."""
        try:
            said = json.loads(cursor)
            if said["form"] == _CURSOR_FORM:
                return str(said["token"])
        except (ValueError, KeyError, TypeError) as error:
            raise CursorExpired("this is no cursor") from error
        raise CursorExpired("the cursor belongs to another list")


class _Listing:
    """What one read has brought so far. Cancelled exceptions wait for its end, when most series are known."""

    def __init__(self, reader: Reader, calendar: str, known: Known, *, is_full: bool) -> None:
        self._reader, self._calendar, self._known, self._is_full = reader, calendar, known, is_full
        self._uids: dict[str, str] = {}
        self._waiting: dict[str, Json] = {}
        self._dead: set[str] = set()

    def add(self, page: Json) -> Page:
        """Return a page of the list as far as it can be told now. Of an event that comes twice the last counts."""
        is_detached = page.get("accessRole") == "freeBusyReader"
        resources: list[Resource] = []
        removed: list[str] = []
        for item in {item["id"]: item for item in page["items"]}.values():
            self._waiting.pop(item["id"], None)
            if not codec.is_gone(item):
                resources.append(self._living(item, is_detached=is_detached))
            elif not codec.is_cancelled(item):
                removed.append(item["id"])
            elif codec.series_of(item) and not is_detached:
                self._waiting[item["id"]] = item
            else:
                removed.append(item["id"])
                self._dead.add(item["id"])
                self._uids.pop(item["id"], None)
        return Page(
            tuple(resources),
            () if self._is_full else tuple(removed),
            tuple(r.handle for r in resources) if self._is_full else (),
            is_full=self._is_full,
        )

    def rest(self, page: Page, cursor: str) -> Iterator[Page]:
        """Yield the last page of the list and what waited for it."""
        waiting = [item for item in self._waiting.values() if codec.series_of(item) not in self._dead]
        if not waiting and not self._dead:
            yield Page(page.resources, page.removed, page.present, cursor, page.is_full, is_last=True)
            return
        yield page
        found = self._reader.exceptions(self._calendar, waiting, self._uids)
        gone = () if self._is_full else tuple(sorted(self._gone(found)))
        present = tuple(found) if self._is_full else ()
        yield Page(tuple(found.values()), gone, present, cursor, self._is_full, is_last=True)

    def _living(self, item: Json, *, is_detached: bool) -> Resource:
        if not codec.series_of(item):
            self._uids[item["id"]] = codec.uid_of(item)
            self._dead.discard(item["id"])
        return codec.resource_of(item, is_detached=is_detached)

    def _gone(self, found: dict[str, Resource]) -> set[str]:
        """Return the exceptions that went with their series: Google does not name each of them (section 5.3)."""
        gone = self._waiting.keys() - found.keys()
        if self._dead:
            gone |= {h for h in self._known() for series in [_series_in(h, self._dead)] if series is not None}
        return set(gone)


def _series_in(handle: str, series: set[str]) -> str | None:
    begin = handle.rpartition("_")[0]
    return begin if begin in series and codec.is_instance_id(handle, begin) else None


def _item(outcome: Outcome) -> Json | None:
    reply = demand(outcome)
    return None if reply.status in _GONE else reply.item


def _living(item: Json | None) -> Resource | None:
    return None if item is None or codec.is_gone(item) else codec.resource_of(item)
