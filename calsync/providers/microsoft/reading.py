"""Reading a calendar: what changed since a delta link, or everything, and single events (contract sections A4 and A9).

The delta tells what was touched in a window of time, and little of it: occurrences without their series, nothing of our
marks, and it says "removed" of what only left the window. So it is taken as a list of what to look at. The window moves
on once a day; then, as at first, the calendar is listed whole and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.errors import Rejected, Unavailable
from calsync.providers.base import Known, Page, Resource
from calsync.providers.batching import Reply
from calsync.providers.microsoft import codec, deltas, errors, events, marks
from calsync.providers.microsoft.wire import BATCH, Call, Wire, calendar_path

Json = dict[str, Any]
Versions = Mapping[str, str | None]

BEFORE, AFTER = timedelta(days=90), timedelta(days=400)
"""The window of a delta around the day on which it begins; at most 1825 days are allowed."""

LISTED, TOUCHED, FEW = 100, 500, 10
"""Entries of a page: of whole events, of a delta, and of a delta that the server gave up on."""

FIRST_SILENCE_S = 120.0
"""How long Graph may think about the first page of a whole calendar."""

_WHOLE_LIST = {"$expand": marks.EXPAND}
_BRIEF_LIST = {"$select": "id,type,changeKey"}


@dataclass(slots=True)
class Found:
    """Series that were asked for: what is new of them and their exceptions, the ids of all that is there, of series
    that are gone, and of exceptions that count no longer.
    """

    resources: list[Resource] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    reverted: list[str] = field(default_factory=list)


class Reader:
    """Reads the calendars of one account. `zones` are the calendars' time zones, as far as they are known."""

    def __init__(self, wire: Wire, zones: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._wire, self._zones, self._now = wire, zones, now

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything; see CalendarReader.

        Once a day, and without a delta always, what changed is found by listing everything.
        """
        since = None if cursor is None else deltas.parse(cursor)
        if since is None or not since.link or since.day != self._today():
            yield from self._everything(calendar, None if cursor is None else known())
            return
        touched = deltas.Touched()
        link = self._unless_full(Call("GET", since.link, page=TOUCHED), touched)
        if not link:
            yield from self._everything(calendar, known())
            return
        last = deltas.Cursor(link, since.day).text
        if not touched:
            yield Page(cursor=last, is_last=True)
            return
        yield from _ended(self._changes(calendar, touched, known()), last)

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where Graph says that it is gone. Raises ProviderError."""
        found = events.items(self._wire, calendar, handles)
        whole = events.with_masters(self._wire, calendar, found)
        return {handle: None if item is None else self._resource(calendar, item) for handle, item in whole.items()}

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()

    def _resource(self, calendar: str, item: Json) -> Resource:
        return codec.resource_of(events.bare(item), self._zones.get(calendar))

    # --- deltas and lists

    def _begin(self, calendar: str, touched: deltas.Touched) -> str:
        """Go through a new delta and return its link; "" where a full mailbox gives none."""
        today = datetime.combine(self._today(), datetime.min.time())
        query = {f"{name}DateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in _window(today)}
        path = calendar_path(calendar, "calendarView", "delta")
        return self._unless_full(Call("GET", path, query, page=TOUCHED), touched)

    def _unless_full(self, call: Call, touched: deltas.Touched) -> str:
        """Go through a delta and return its link; "" where a full mailbox has none any more (section A9.2)."""
        try:
            return self._follow(call, touched)
        except Rejected as error:
            if error.code == "quota":
                return ""
            raise

    def _follow(self, call: Call, touched: deltas.Touched) -> str:
        """Note every entry of a delta and return the link that leads on from its end."""
        while True:
            page = self._page(call).item
            for item in _entries(page):
                touched.add(item)
            following = page.get("@odata.nextLink")
            if not following:
                return deltas.end_of(page)
            call = Call("GET", str(following), page=call.page)

    def _page(self, call: Call) -> Reply:
        """Return a page of a delta. Of a large calendar the server may only manage small ones (section A9.2)."""
        try:
            return self._wire.send(call, FIRST_SILENCE_S)
        except errors.TooMuch:
            return self._wire.send(Call(call.method, call.path, call.query, page=FEW), FIRST_SILENCE_S)

    def _list(self, calendar: str, query: Json, size: int) -> Iterator[list[Json]]:
        """Yield the calendar's events, series as masters, page by page."""
        call = Call("GET", calendar_path(calendar, "events"), query, page=size)
        while True:
            page = self._wire.send(call, FIRST_SILENCE_S).item
            yield _entries(page)
            following = page.get("@odata.nextLink")
            if not following:
                return
            call = Call("GET", str(following), page=size)

    # --- everything

    def _everything(self, calendar: str, known: Versions | None) -> Iterator[Page]:
        """Yield every event; only those at other versions where some are `known`.

        The delta begins before the list, so that nothing falls between the two; what it names and the list lacks,
        because entries moved while pages were turned, is asked for.
        """
        touched, today = deltas.Touched(), self._today()
        link = self._begin(calendar, touched)
        listed: set[str] = set()
        series: list[str] = []
        for entries in self._list(calendar, _WHOLE_LIST, LISTED):
            fresh = [item for item in entries if item["id"] not in listed]
            listed |= {item["id"] for item in fresh}
            series += [item["id"] for item in fresh if codec.is_master(item)]
            singles = [item for item in fresh if not codec.is_master(item)]
            found = [self._resource(calendar, item) for item in singles if _is_new(item, known)]
            yield Page(tuple(found), present=tuple(item["id"] for item in singles), is_full=True)
        series += [handle for handle in touched.series if handle not in listed]
        yield from self._missed(calendar, [handle for handle in touched.singles if handle not in listed])
        for some in _chunks(series):
            yield self._whole_series(calendar, some, known)
        yield Page(cursor=deltas.Cursor(link, today).text, is_full=True, is_last=True)

    def _missed(self, calendar: str, handles: Sequence[str]) -> Iterator[Page]:
        for some in _chunks(handles):
            found = [resource for resource in self.get_many(calendar, some).values() if resource is not None]
            yield Page(tuple(found), present=tuple(r.handle for r in found), is_full=True)

    def _whole_series(self, calendar: str, handles: Sequence[str], known: Versions | None) -> Page:
        found = self._series(calendar, handles, known)
        return Page(tuple(found.resources), present=tuple(found.present), is_full=True)

    def _series(self, calendar: str, handles: Sequence[str], known: Versions | None) -> Found:
        """Return series with their exceptions, as far as their versions are not known."""
        masters = events.items(self._wire, calendar, handles, events.WITH_EXCEPTIONS)
        alive = {handle: item for handle, item in masters.items() if item is not None}
        found = Found(gone=[handle for handle in masters if handle not in alive], present=list(alive))
        found.resources += [self._resource(calendar, item) for item in alive.values() if _is_new(item, known)]
        exceptions = {e["id"]: handle for handle, item in alive.items() for e in events.exceptions_in(item)}
        new = {e["id"] for item in alive.values() for e in events.exceptions_in(item) if _is_new(e, known)}
        found.present += exceptions.keys() - new
        for handle, item in events.items(self._wire, calendar, sorted(new)).items():
            whole = None if item is None else codec.with_series(item, alive[exceptions[handle]])
            if whole is None or codec.is_gone(whole):
                found.reverted.append(handle)
            else:
                found.resources.append(self._resource(calendar, whole))
                found.present.append(handle)
        return found

    # --- changes

    def _changes(self, calendar: str, touched: deltas.Touched, known: Versions) -> Iterator[Page]:
        """Yield what is to be known of everything that was touched.

        What was removed without having been known is an occurrence, most often, and does not say of which series:
        then everything is compared by its version.
        """
        singles = [h for h, version in touched.singles.items() if h not in known or known[h] != version]
        yield from self._changed(calendar, singles, known)
        yield from self._looked_at(calendar, [h for h in touched.removed if h in known], known)
        for some in _chunks(list(touched.series)):
            yield self._series_changes(calendar, some, touched.occurrences, known)
        if any(handle not in known for handle in touched.removed):
            seen = {*touched.singles, *touched.series, *touched.removed}
            yield from self._compared(calendar, seen, known)

    def _series_changes(self, calendar: str, handles: Sequence[str], occurrences: set[str], known: Versions) -> Page:
        """Return what changed in series. What is known as an exception and comes as a plain occurrence counts no more.

        Raises Unavailable where a series that was named just now is not there: nobody said that it was removed.
        """
        found = self._series(calendar, handles, known)
        if found.gone:
            raise Unavailable("a series that was named is not there")
        reverted = {h for h in known if h in occurrences and h not in found.present} | set(found.reverted)
        return Page(tuple(found.resources), removed=tuple(sorted(h for h in reverted if h in known)))

    def _changed(self, calendar: str, handles: Sequence[str], known: Versions) -> Iterator[Page]:
        """Yield events that were named as being there. Raises Unavailable where one of them is not, see above."""
        for some in _chunks(handles):
            found = events.items(self._wire, calendar, some)
            if any(item is None for item in found.values()):
                raise Unavailable("an event that was named is not there")
            yield self._page_of(calendar, events.with_masters(self._wire, calendar, found), known)

    def _looked_at(self, calendar: str, handles: Sequence[str], known: Versions) -> Iterator[Page]:
        """Yield events as they are now: those that are not there any more are removed."""
        for some in _chunks(handles):
            found = events.with_masters(self._wire, calendar, events.items(self._wire, calendar, some))
            yield self._page_of(calendar, found, known)

    def _page_of(self, calendar: str, found: Mapping[str, Json | None], known: Versions) -> Page:
        changed = [item for item in found.values() if item is not None and _is_new(item, known)]
        removed = tuple(handle for handle, item in found.items() if item is None and handle in known)
        return Page(tuple(self._resource(calendar, item) for item in changed), removed)

    def _compared(self, calendar: str, seen: set[str], known: Versions) -> Iterator[Page]:
        """Yield what differs by its version from what is known, and was not seen otherwise."""
        listed = [item for entries in self._list(calendar, _BRIEF_LIST, TOUCHED) for item in entries]
        fresh = [item for item in listed if item["id"] not in seen and _is_new(item, known)]
        series = [item["id"] for item in fresh if codec.is_master(item)]
        yield from self._changed(calendar, [item["id"] for item in fresh if not codec.is_master(item)], known)
        for some in _chunks(series):
            yield Page(tuple(self._series(calendar, some, known).resources))
        there = {item["id"] for item in listed}
        yield from self._looked_at(calendar, [h for h in known if h not in there and h not in seen], known)


def _window(today: datetime) -> tuple[tuple[str, datetime], tuple[str, datetime]]:
    return ("start", today - BEFORE), ("end", today + AFTER)


def _entries(page: Json) -> list[Json]:
    found = page.get("value")
    if not isinstance(found, list):
        raise Unavailable("the list has no entries")
    return found


def _is_new(item: Json, known: Versions | None) -> bool:
    """Return whether an item is at another version than the one that is known, or always where nothing is compared."""
    if known is None:
        return True
    version = codec.version_of(item)
    return item["id"] not in known or version is None or known[item["id"]] != version


def _ended(pages: Iterable[Page], cursor: str) -> Iterator[Page]:
    """Yield pages, and the cursor behind them once all of them were taken."""
    yield from pages
    yield Page(cursor=cursor, is_last=True)


def _chunks(handles: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(handles), BATCH):
        yield handles[start : start + BATCH]
