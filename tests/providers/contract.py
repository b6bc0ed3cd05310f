"""The contract that every calendar client keeps. A provider's tests subclass CalendarContract and give the fixtures.

    class TestRadicale(CalendarContract):
        @pytest.fixture
        def client(self): ...          # a CalendarClient that may write
        @pytest.fixture
        def calendar(self): ...        # the remote id of an empty calendar
        @pytest.fixture
        def capabilities(self): ...    # what the provider says of itself
        @pytest.fixture
        def people(self): ...          # persons at work past the client, see People

Nothing here asks which provider it is: what may differ is a capability.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import pytest

from calsync.engine.event import FIELDS, Attendee, Event, Floating, Moment, Reminder, content, recurrence_key
from calsync.errors import CursorExpired, ProviderError, Rejected, VersionMismatch
from calsync.providers.base import CalendarClient, Capabilities, Edit, Page, Resource, Write

NINE = datetime(2030, 1, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TEA = Event("tea@example.com", NINE, NINE + HOUR, summary="Tea")
STANDUP = Event(
    "standup@example.com", NINE, NINE + HOUR, summary="Stand-up", rrule="FREQ=DAILY;COUNT=5", tz="Europe/Berlin"
)

SHAPES = {
    "plain": TEA,
    "zoned": replace(TEA, tz="America/New_York"),
    "all day": replace(TEA, start=date(2030, 1, 8), end=date(2030, 1, 10)),
    "floating": replace(TEA, start=Floating(datetime(2030, 1, 8, 9)), end=Floating(datetime(2030, 1, 8, 10))),
    "no length": replace(TEA, end=NINE),
    "texts": replace(TEA, summary="Tëa, 2; \\ 🍵", description="one\ntwo, three;\n\n", location="Room; 1, left"),
    "tentative": replace(TEA, status="tentative"),
    "free": replace(TEA, transparency="transparent"),
    "private": replace(TEA, classification="private"),
    "reminders": replace(TEA, reminders=(Reminder(10), Reminder(60))),
    "guests": replace(TEA, attendees=(Attendee("bo@example.com", "Bo"), Attendee("cy@elsewhere.net"))),
    "series": STANDUP,
    "series with holes": replace(STANDUP, exdates=(NINE + DAY, NINE + 3 * DAY)),
    "all-day series": replace(
        TEA, start=date(2030, 1, 8), end=date(2030, 1, 9), rrule="FREQ=WEEKLY;BYDAY=TU", exdates=(date(2030, 1, 15),)
    ),
}


class People(Protocol):
    """Persons at work in the calendar, past the client under test."""

    def put(self, event: Event) -> str:
        """Create an event and return its handle."""

    def edit(self, handle: str, **changes: object) -> None:
        """Change fields of the event in a resource."""

    def delete(self, handle: str) -> None:
        """Delete a resource."""

    def settle(self) -> None:
        """Wait until the server's answers have caught up with what was done."""


class CalendarContract:
    """Every test begins with an empty calendar."""

    # --- fixtures that a provider's tests give ---------------------------------------------------------------

    @pytest.fixture
    def client(self) -> CalendarClient:
        raise NotImplementedError

    @pytest.fixture
    def calendar(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def capabilities(self) -> Capabilities:
        raise NotImplementedError

    @pytest.fixture
    def people(self) -> People:
        raise NotImplementedError

    # --- calendars -------------------------------------------------------------------------------------------

    def test_the_calendar_is_listed_as_writable(self, client: CalendarClient, calendar: str) -> None:
        found = {each.remote_id: each for each in client.calendars()}
        assert found[calendar].is_writable

    def test_the_clock_is_known_after_an_answer(self, client: CalendarClient) -> None:
        client.calendars()
        assert client.clock_offset() is not None

    def test_closing_twice_is_fine(self, client: CalendarClient) -> None:
        client.close()
        client.close()

    # --- reading ---------------------------------------------------------------------------------------------

    def test_an_empty_calendar_reads_complete(self, client: CalendarClient, calendar: str) -> None:
        pages = read(client, calendar)
        assert pages[-1].cursor is not None
        assert [r for page in pages for r in page.resources] == []
        assert all(page.is_full for page in pages)

    def test_only_the_last_page_says_so(self, client: CalendarClient, calendar: str, people: People) -> None:
        for n in range(7):
            people.put(replace(TEA, uid=f"tea-{n}@example.com"))
        people.settle()
        pages = read(client, calendar)
        assert [page.is_last for page in pages[:-1]] == [False] * (len(pages) - 1)
        assert len(resources(pages)) == 7

    def test_a_full_read_names_everything_present(self, client: CalendarClient, calendar: str, people: People) -> None:
        handles = {people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(3)}
        people.settle()
        pages = read(client, calendar)
        assert {name for page in pages for name in page.present} == handles
        assert resources(pages).keys() == handles

    def test_nothing_new_since_a_cursor(self, client: CalendarClient, calendar: str, people: People) -> None:
        people.put(TEA)
        people.settle()
        first = read(client, calendar)
        again = read(client, calendar, first)
        assert changes(first, again) == (set(), set())
        assert again[-1].cursor is not None

    def test_what_is_new_since_a_cursor(self, client: CalendarClient, calendar: str, people: People) -> None:
        old = people.put(TEA)
        people.settle()
        first = read(client, calendar)
        new = people.put(replace(TEA, uid="new@example.com"))
        people.settle()
        assert changes(first, read(client, calendar, first)) == ({new}, set())
        assert old != new

    def test_what_was_edited_since_a_cursor(self, client: CalendarClient, calendar: str, people: People) -> None:
        handle = people.put(TEA)
        people.settle()
        first = read(client, calendar)
        people.edit(handle, summary="Coffee")
        people.settle()
        again = read(client, calendar, first)
        assert resources(again)[handle].events[0].summary == "Coffee"
        assert resources(again)[handle].version != resources(first)[handle].version

    def test_what_was_deleted_since_a_cursor(self, client: CalendarClient, calendar: str, people: People) -> None:
        handle, stays = people.put(TEA), people.put(replace(TEA, uid="stays@example.com"))
        people.settle()
        first = read(client, calendar)
        people.delete(handle)
        people.settle()
        assert changes(first, read(client, calendar, first)) == (set(), {handle})
        assert client.get_many(calendar, [handle, stays])[handle] is None

    def test_an_unknown_cursor_has_expired(self, client: CalendarClient, calendar: str, people: People) -> None:
        people.put(TEA)
        people.settle()
        with pytest.raises(CursorExpired):
            list(client.read(calendar, expired(read(client, calendar)[-1].cursor), dict))

    def test_asking_for_many_answers_for_each(self, client: CalendarClient, calendar: str, people: People) -> None:
        handle, gone = people.put(TEA), people.put(replace(TEA, uid="gone@example.com"))
        people.delete(gone)
        people.settle()
        found = client.get_many(calendar, [handle, gone])
        assert found.keys() == {handle, gone}
        assert found[gone] is None
        assert found[handle] is not None
        assert found[handle].events[0].summary == "Tea"

    def test_asking_for_none_answers_nothing(self, client: CalendarClient, calendar: str) -> None:
        assert client.get_many(calendar, []) == {}

    # --- writing ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("shape", SHAPES)
    def test_what_a_write_returns_is_what_a_read_returns(
        self, client: CalendarClient, calendar: str, people: People, shape: str
    ) -> None:
        made = create(client, calendar, SHAPES[shape])
        people.settle()
        seen = resources(read(client, calendar))[made.handle]
        assert (seen.version, contents(seen)) == (made.version, contents(made))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_writing_back_what_was_read_changes_nothing(
        self, client: CalendarClient, calendar: str, people: People, shape: str
    ) -> None:
        made = create(client, calendar, SHAPES[shape])
        people.settle()
        before = current(client, calendar, made)
        edit = Edit(before.events[0])
        after = written(client, calendar, before, edit)
        assert contents(after) == contents(before)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_an_event_keeps_what_the_provider_can_express(
        self, client: CalendarClient, calendar: str, capabilities: Capabilities, shape: str
    ) -> None:
        given = SHAPES[shape]
        kept = content(create(client, calendar, given).events[0])
        alike = {"time", "exdates", "status", "transparency", "location"} & capabilities.expresses
        if shape == "no length":
            alike.discard("time")  # some give it a length
        assert {name: kept[name] for name in alike} == {name: content(given)[name] for name in alike}

    def test_our_mark_comes_back(
        self, client: CalendarClient, calendar: str, people: People, capabilities: Capabilities
    ) -> None:
        made = create(client, calendar, replace(TEA, our_id="0123456789abcdef"))
        people.settle()
        seen = current(client, calendar, made).events[0]
        assert seen.our_id == ("0123456789abcdef" if capabilities.keeps_private_fields else None)

    def test_the_same_key_creates_once(self, client: CalendarClient, calendar: str, people: People) -> None:
        first = create(client, calendar, TEA, "key1")
        people.settle()
        second = create(client, calendar, TEA, "key1")
        people.settle()
        assert first.handle == second.handle
        assert (first.is_adopted, second.is_adopted) == (False, True)
        assert resources(read(client, calendar)).keys() == {first.handle}

    def test_an_update_writes_the_named_fields_only(
        self, client: CalendarClient, calendar: str, people: People, capabilities: Capabilities
    ) -> None:
        made = create(client, calendar, replace(TEA, description="for two"))
        people.settle()
        wanted = replace(TEA, summary="Coffee", description="ignored")
        after = written(client, calendar, current(client, calendar, made), Edit(wanted, frozenset({"summary"})))
        assert after.events[0].summary == "Coffee"
        assert after.events[0].description == ("for two" if "description" in capabilities.expresses else "")

    def test_a_stale_update_changes_nothing(self, client: CalendarClient, calendar: str, people: People) -> None:
        made = create(client, calendar, TEA)
        people.settle()
        before = current(client, calendar, made)
        people.edit(made.handle, summary="Theirs")
        people.settle()
        edit = Edit(replace(TEA, summary="Ours"), frozenset({"summary"}))
        assert isinstance(client.write(calendar, [update(before, edit)])[0], VersionMismatch)
        assert current(client, calendar, made).events[0].summary == "Theirs"

    def test_a_delete_takes_the_resource_away(self, client: CalendarClient, calendar: str, people: People) -> None:
        made = create(client, calendar, TEA)
        people.settle()
        before = current(client, calendar, made)
        assert client.write(calendar, [removal(before)]) == [None]
        people.settle()
        assert client.get_many(calendar, [made.handle]) == {made.handle: None}

    def test_a_stale_delete_takes_nothing_away(self, client: CalendarClient, calendar: str, people: People) -> None:
        made = create(client, calendar, TEA)
        people.settle()
        before = current(client, calendar, made)
        people.edit(made.handle, summary="Theirs")
        people.settle()
        assert isinstance(client.write(calendar, [removal(before)])[0], VersionMismatch)
        assert current(client, calendar, made).events[0].summary == "Theirs"

    def test_updating_what_is_gone_is_an_outcome(self, client: CalendarClient, calendar: str, people: People) -> None:
        made = create(client, calendar, TEA)
        people.settle()
        before = current(client, calendar, made)
        people.delete(made.handle)
        people.settle()
        edit = Edit(replace(TEA, summary="Ours"), frozenset({"summary"}))
        outcome = client.write(calendar, [update(before, edit)])[0]
        assert isinstance(outcome, VersionMismatch | Rejected)

    def test_a_cancelled_event_is_visible_or_gone(
        self, client: CalendarClient, calendar: str, people: People, capabilities: Capabilities
    ) -> None:
        if not capabilities.cancel_is_visible:
            return self._assert_delete_is_final(client, calendar, people)
        made = create(client, calendar, TEA)
        people.settle()
        cancelled = Edit(replace(TEA, status="cancelled"), frozenset({"status"}))
        after = written(client, calendar, current(client, calendar, made), cancelled)
        assert after.events[0].is_cancelled

    # --- series ----------------------------------------------------------------------------------------------

    def test_an_occurrence_is_changed(
        self, client: CalendarClient, calendar: str, people: People, capabilities: Capabilities
    ) -> None:
        master = create(client, calendar, STANDUP)
        people.settle()
        before = current(client, calendar, master)
        write = occurrence_write(before, _moved(NINE + DAY), capabilities)
        assert isinstance(client.write(calendar, [write])[0], Resource)
        people.settle()
        found = occurrences(read(client, calendar))
        assert found[""].rrule == STANDUP.rrule
        assert found[recurrence_key(_moved(NINE + DAY))].summary == "Moved"

    def test_a_changed_occurrence_goes_back_to_its_series(
        self, client: CalendarClient, calendar: str, people: People, capabilities: Capabilities
    ) -> None:
        master = create(client, calendar, STANDUP)
        people.settle()
        moved = _moved(NINE + DAY)
        client.write(calendar, [occurrence_write(current(client, calendar, master), moved, capabilities)])
        people.settle()
        holder = next(r for r in resources(read(client, calendar)).values() if any(e.recurrence_id for e in r.events))
        alone = not capabilities.series_is_one_resource
        back = removal(holder) if alone else update(holder, Edit(moved, is_removed=True))
        assert not isinstance(client.write(calendar, [back])[0], ProviderError)
        people.settle()
        living = [key for key, event in occurrences(read(client, calendar)).items() if not event.is_cancelled]
        assert living == [""]

    def test_an_occurrence_is_removed(self, client: CalendarClient, calendar: str, people: People) -> None:
        master = create(client, calendar, STANDUP)
        people.settle()
        without = Edit(replace(STANDUP, exdates=(NINE + DAY,)), frozenset({"exdates"}))
        after = written(client, calendar, current(client, calendar, master), without)
        assert after.events[0].exdates == (NINE + DAY,)

    # --- helpers of this class -------------------------------------------------------------------------------

    @staticmethod
    def _assert_delete_is_final(client: CalendarClient, calendar: str, people: People) -> None:
        made = create(client, calendar, TEA)
        people.settle()
        client.write(calendar, [removal(current(client, calendar, made))])
        people.settle()
        assert client.get_many(calendar, [made.handle]) == {made.handle: None}


# --- helpers ------------------------------------------------------------------------------------------------


def read(client: CalendarClient, calendar: str, since: list[Page] | None = None) -> list[Page]:
    """Read everything, or what changed since an earlier read, and demand that the read is complete."""
    known: Mapping[str, str | None] = {}
    if since is not None:
        known = {handle: resource.version for handle, resource in resources(since).items()}
    pages = list(client.read(calendar, since[-1].cursor if since else None, lambda *_: known))
    assert pages[-1].is_last
    return pages


def resources(pages: list[Page]) -> dict[str, Resource]:
    """Return every resource of a read by its handle."""
    return {resource.handle: resource for page in pages for resource in page.resources}


def changes(first: list[Page], then: list[Page]) -> tuple[set[str], set[str]]:
    """Return the handles that a later read brings as new or changed, and those it shows to be gone.

    Versions decide: a server may touch what nobody edited, and that is no change.
    """
    old = resources(first)
    fresh = {h for h, r in resources(then).items() if h not in old or contents(old[h]) != contents(r)}
    gone = {handle for page in then for handle in page.removed}
    if then[-1].is_full:
        gone |= old.keys() - {handle for page in then for handle in page.present}
    return fresh, gone


def contents(resource: Resource) -> list[dict[str, object]]:
    """Return the synced content of each event in a resource."""
    assert resource.fault is None, resource.fault
    return [content(event) for event in resource.events]


def occurrences(pages: list[Page]) -> dict[str, Event]:
    """Return the events of a read by recurrence key."""
    return {recurrence_key(e): e for r in resources(pages).values() for e in r.events}


def create(client: CalendarClient, calendar: str, event: Event, key: str = "key1") -> Resource:
    """Create an event and demand that it worked."""
    outcome = client.write(calendar, [Write(key, (Edit(event, frozenset(FIELDS)),))])[0]
    assert isinstance(outcome, Resource), outcome
    return outcome


def current(client: CalendarClient, calendar: str, resource: Resource) -> Resource:
    """Return a resource as it is now."""
    found = client.get_many(calendar, [resource.handle])[resource.handle]
    assert found is not None
    return found


def update(resource: Resource, *edits: Edit) -> Write:
    return Write("", edits, handle=resource.handle, version=resource.version, body=resource.body)


def removal(resource: Resource) -> Write:
    return replace(update(resource), is_delete=True)


def written(client: CalendarClient, calendar: str, resource: Resource, edit: Edit) -> Resource:
    """Update a resource and demand that it worked."""
    outcome = client.write(calendar, [update(resource, edit)])[0]
    assert isinstance(outcome, Resource), outcome
    return outcome


def occurrence_write(master: Resource, event: Event, capabilities: Capabilities) -> Write:
    """Return the write that changes one occurrence of a series for the first time."""
    if capabilities.series_is_one_resource:
        return update(master, Edit(event))
    return Write("key2", (Edit(event),), series=master.handle)


def expired(cursor: str | None) -> str:
    """Return a cursor that this server never gave, in the form of one that it did."""
    assert cursor is not None
    return "".join("0" if c.isdigit() else c for c in cursor)


def _moved(at: datetime) -> Event:
    start: Moment = at + HOUR
    return replace(STANDUP, summary="Moved", start=start, end=at + 2 * HOUR, recurrence_id=at, rrule=None)
