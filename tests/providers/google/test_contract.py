"""The Google client keeps the contract of calendar clients, and what only this provider promises."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from calsync.engine.event import FIELDS, Attendee, Event, Reminder
from calsync.engine.vocabulary import MailRule
from calsync.errors import Rejected, VersionMismatch
from calsync.providers.base import Capabilities, Edit, Write
from calsync.providers.google.client import GoogleClient
from calsync.providers.google.provider import INFO
from tests.emulators.google.server import Switchboard
from tests.providers.contract import (
    DAY,
    HOUR,
    NINE,
    STANDUP,
    TEA,
    CalendarContract,
    changes,
    contents,
    create,
    current,
    occurrence_write,
    occurrences,
    read,
    removal,
    resources,
    update,
    written,
)
from tests.providers.google.people import GooglePeople


class TestGoogle(CalendarContract):
    @pytest.fixture
    def client(self, open_client: Callable[..., GoogleClient]) -> GoogleClient:
        return open_client()

    @pytest.fixture
    def calendar(self) -> str:
        return "ada@example.com"

    @pytest.fixture
    def people(self, switch: Switchboard, calendar: str) -> GooglePeople:
        return GooglePeople(switch, calendar)

    @pytest.fixture
    def capabilities(self) -> Capabilities:
        return INFO.capabilities

    # --- what it costs ----------------------------------------------------------------------------------------

    def test_a_poll_without_changes_is_one_request(self, client, calendar, people) -> None:
        people.put(TEA)
        first = read(client, calendar)
        before = client.requests
        again = read(client, calendar, first)
        assert (client.requests - before, changes(first, again)) == (1, (set(), set()))

    def test_a_change_is_one_request(self, client, calendar) -> None:
        made = create(client, calendar, TEA)
        before = client.requests
        written(client, calendar, made, Edit(replace(TEA, summary="Coffee"), frozenset({"summary"})))
        assert client.requests - before == 1

    def test_fifty_writes_are_one_request(self, client, calendar, switch) -> None:
        whole = frozenset(FIELDS)
        new = [Write(f"key{n}", (Edit(replace(TEA, summary=f"Tea {n}"), whole),)) for n in range(50)]
        made = client.write(calendar, new)
        assert client.requests == 1
        assert [resource.events[0].summary for resource in made] == [f"Tea {n}" for n in range(50)]
        with pytest.raises(ValueError, match="50"):
            client.write(calendar, [*new, *new])

    def test_what_nothing_changed_in_is_not_written(self, client, calendar, switch) -> None:
        made = create(client, calendar, TEA)
        switch.clear_requests()
        after = written(client, calendar, made, Edit(made.events[0]))
        assert after.version == made.version
        assert [line["method"] for line in switch.requests()] == ["GET"]

    def test_what_nothing_changed_in_may_still_have_changed_there(self, client, calendar, people) -> None:
        made = create(client, calendar, TEA)
        people.edit(made.handle, summary="Theirs")
        assert isinstance(client.write(calendar, [update(made, Edit(made.events[0]))])[0], VersionMismatch)

    # --- writes -----------------------------------------------------------------------------------------------

    def test_answers_in_a_batch_stand_for_themselves(self, client, calendar, people) -> None:
        stale, gone, good = (create(client, calendar, TEA, key) for key in ("a", "b", "c"))
        people.edit(stale.handle, location="Elsewhere")
        people.delete(gone.handle)
        edit = Edit(replace(TEA, summary="Coffee"), frozenset({"summary"}))
        refused, missing, done = client.write(calendar, [update(r, edit) for r in (stale, gone, good)])
        assert isinstance(refused, VersionMismatch)
        assert refused.handle == stale.handle
        assert isinstance(missing, VersionMismatch | Rejected)
        assert done.events[0].summary == "Coffee"

    def test_deleting_what_is_gone_is_done(self, client, calendar, people) -> None:
        made = create(client, calendar, TEA)
        people.delete(made.handle)
        assert client.write(calendar, [removal(made)]) == [None]

    def test_a_key_whose_event_was_deleted_brings_it_back(self, client, calendar, people) -> None:
        full = replace(TEA, description="for two", attendees=people_of("eli@example.com"), reminders=(Reminder(5),))
        made = create(client, calendar, replace(full, rrule="FREQ=DAILY", url="https://x.example"))
        people.delete(made.handle)
        again = create(client, calendar, replace(TEA, summary="Coffee"))
        assert (again.handle, again.is_adopted) == (made.handle, False)
        assert contents(again) == contents(create(client, calendar, replace(TEA, summary="Coffee"), "another"))

    def test_a_key_that_another_event_of_ours_has_is_refused(self, client, calendar) -> None:
        create(client, calendar, replace(TEA, our_id="0123456789abcdef"))
        write = Write("key1", (Edit(replace(TEA, our_id="fedcba9876543210")),))
        assert client.write(calendar, [write])[0].code == "duplicate"

    @pytest.mark.parametrize(
        ("rule", "told"), [(MailRule.NEVER, 0), (MailRule.EXTERNAL, 1), (MailRule.ALL, 2)], ids=str
    )
    def test_the_mail_setting_decides_who_is_told(self, client, calendar, switch, rule, told) -> None:
        guests = people_of("eli@example.com", "somebody@outside.example")
        create_and_tell = Write("k", (Edit(replace(TEA, attendees=guests)),), mail=rule)
        client.write(calendar, [create_and_tell])
        assert sum(len(mail["sent_to"]) for mail in switch.mail()) == told

    def test_a_moved_event_is_in_the_other_calendar_only(self, client, calendar, switch) -> None:
        other = switch.add_calendar("ada@example.com", "Other")
        made = create(client, calendar, TEA)
        moved = client.move(calendar, made.handle, made.version, other)
        assert (moved.handle, contents(moved)) == (made.handle, contents(made))
        assert resources(read(client, calendar)) == {}
        assert resources(read(client, other)).keys() == {made.handle}

    def test_a_stale_move_moves_nothing(self, client, calendar, people, switch) -> None:
        other = switch.add_calendar("ada@example.com", "Other")
        made = create(client, calendar, TEA)
        people.edit(made.handle, summary="Theirs")
        with pytest.raises(VersionMismatch):
            client.move(calendar, made.handle, made.version, other)
        assert resources(read(client, other)) == {}

    # --- series -----------------------------------------------------------------------------------------------

    def test_an_occurrence_that_somebody_removed_is_known_as_removed(self, client, calendar, switch) -> None:
        master = create(client, calendar, STANDUP)
        first = read(client, calendar)
        switch.delete_event(calendar, f"{master.handle}_20300109T090000Z")
        for pages in (read(client, calendar, first), read(client, calendar)):
            (removed,) = [e for e in occurrences(pages).values() if e.recurrence_id is not None]
            assert (removed.uid, removed.recurrence_id, removed.is_cancelled) == (
                master.events[0].uid,
                NINE + DAY,
                True,
            )

    def test_a_removed_occurrence_can_come_back(self, client, calendar, switch) -> None:
        master = create(client, calendar, STANDUP)
        switch.delete_event(calendar, f"{master.handle}_20300109T090000Z")
        # What is read folds the removed occurrence into the series; taking it out again is writing none.
        written(client, calendar, current(client, calendar, master), Edit(master.events[0], frozenset({"exdates"})))
        assert not any(event.is_cancelled for event in occurrences(read(client, calendar)).values())

    def test_exceptions_go_with_their_series(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        for n in (1, 2):
            write = occurrence_write(master, moved(NINE + n * DAY), INFO.capabilities)
            client.write(calendar, [replace(write, key=f"x{n}")])
        first = read(client, calendar)
        handles = resources(first).keys()
        people.delete(master.handle)
        assert changes(first, read(client, calendar, first)) == (set(), handles)
        assert set(client.get_many(calendar, list(handles)).values()) == {None}
        assert resources(read(client, calendar)) == {}

    def test_a_second_try_at_an_occurrence_finds_the_first(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        first, second = client.write(calendar, [write])[0], client.write(calendar, [write])[0]
        assert (first.is_adopted, second.is_adopted, first.handle) == (False, True, second.handle)

    def test_an_occurrence_that_somebody_changed_meanwhile_is_left_alone(self, client, calendar, switch) -> None:
        master = create(client, calendar, STANDUP)
        switch.edit_event(calendar, f"{master.handle}_20300109T090000Z", {"summary": "Theirs"})
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        assert isinstance(client.write(calendar, [write])[0], VersionMismatch)

    def test_an_occurrence_whose_slot_is_gone_goes_with_it(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        (changed,) = client.write(calendar, [write])
        without = Edit(replace(master.events[0], exdates=(NINE + DAY,)), frozenset({"exdates"}))
        written(client, calendar, current(client, calendar, master), without)
        assert client.write(calendar, [removal(changed)]) == [None]
        living = [e for e in occurrences(read(client, calendar)).values() if not e.is_cancelled]
        assert [e.exdates for e in living] == [(NINE + DAY,)]

    def test_a_series_moves_only_under_occurrences_that_were_seen(self, client, calendar, people) -> None:
        """Google drops the exceptions of a series that moves, and its version does not tell of a new one."""
        made = create(client, calendar, STANDUP)
        instance = f"{made.handle}_{NINE + DAY:%Y%m%dT%H%M%SZ}"
        people.edit(instance, summary="Theirs")
        later = replace(STANDUP, start=NINE + 2 * HOUR, end=NINE + 3 * HOUR)
        unseen = replace(update(made, Edit(later, frozenset({"time"}))), occurrences={})
        outcome = client.write(calendar, [unseen])[0]
        assert isinstance(outcome, VersionMismatch)
        assert outcome.handle == instance
        seen = {instance: resources(read(client, calendar))[instance].version}
        assert client.write(calendar, [replace(unseen, occurrences=seen)])[0].events[0].start == later.start

    def test_an_occurrence_back_in_its_series_still_takes_place(self, client, calendar, switch) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        (changed,) = client.write(calendar, [write])
        first = read(client, calendar)
        assert client.write(calendar, [removal(changed)]) == [None]
        assert changes(first, read(client, calendar, first)) == (set(), {changed.handle})
        there = switch.act_as(calendar, "GET", f"calendars/{calendar}/events/{master.handle}/instances")
        assert [item["summary"] for item in there["items"]] == ["Stand-up"] * 5
        switch.edit_event(calendar, changed.handle, {"summary": "Changed again"})
        assert occurrences(read(client, calendar))["2030-01-09T09:00:00Z"].summary == "Changed again"


def people_of(*addresses: str) -> tuple[Attendee, ...]:
    return tuple(Attendee(address) for address in addresses)


def moved(at: datetime) -> Event:
    later = at + timedelta(hours=1)
    return replace(STANDUP, summary="Moved", start=later, end=later + timedelta(hours=1), recurrence_id=at, rrule=None)
