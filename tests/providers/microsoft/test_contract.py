"""The Microsoft client keeps the contract of calendar clients, and what only this provider promises."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from calsync.engine.event import FIELDS, Attendee, Event, Reminder
from calsync.errors import Rejected, VersionMismatch
from calsync.providers.base import Capabilities, Edit, Write
from calsync.providers.microsoft.client import MicrosoftClient
from calsync.providers.microsoft.provider import INFO
from tests.emulators.microsoft.cast import ADA
from tests.emulators.microsoft.server import Switchboard
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
from tests.providers.microsoft.people import MicrosoftPeople


class TestMicrosoft(CalendarContract):
    @pytest.fixture
    def client(self, open_client: Callable[..., MicrosoftClient], switch: Switchboard) -> MicrosoftClient:
        switch.settings(bumps_after_s=None)  # what the server does to an item later has tests of its own
        return open_client()

    @pytest.fixture
    def calendar(self, calendar: str) -> str:
        return calendar

    @pytest.fixture
    def people(self, people: MicrosoftPeople) -> MicrosoftPeople:
        return people

    @pytest.fixture
    def capabilities(self) -> Capabilities:
        return INFO.capabilities

    # --- what it costs ----------------------------------------------------------------------------------------

    def test_a_poll_without_changes_is_one_request(self, client, calendar, people) -> None:
        people.put(TEA)
        people.put(STANDUP)
        first = read(client, calendar)
        before = client.requests
        again = read(client, calendar, first)
        assert (client.requests - before, changes(first, again)) == (1, (set(), set()))

    def test_what_we_wrote_is_not_asked_for_again(self, client, calendar) -> None:
        first = read(client, calendar)
        made = create(client, calendar, TEA)
        before = client.requests
        pages = list(client.read(calendar, first[-1].cursor, lambda: {made.handle: made.version}))
        assert (client.requests - before, resources(pages)) == (1, {})

    def test_a_change_is_one_request(self, client, calendar) -> None:
        made = create(client, calendar, TEA)
        before = client.requests
        written(client, calendar, made, Edit(replace(TEA, summary="Coffee"), frozenset({"summary"})))
        assert client.requests - before == 1

    def test_twenty_writes_are_one_request(self, client, calendar, switch) -> None:
        whole = frozenset(FIELDS)
        new = [Write(f"key{n}", (Edit(replace(TEA, summary=f"Tea {n}"), whole),)) for n in range(20)]
        switch.settings(batch_order="reversed")
        made = client.write(calendar, new)
        assert client.requests == 1
        assert [resource.events[0].summary for resource in made] == [f"Tea {n}" for n in range(20)]
        with pytest.raises(ValueError, match="20"):
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

    def test_deleting_in_a_calendar_that_is_gone_is_not_done(self, client, calendar, people, switch) -> None:
        made = create(client, calendar, TEA)
        switch.change_calendar(calendar, is_deleted=True)
        assert isinstance(client.write(calendar, [removal(made)])[0], Rejected)

    @pytest.mark.parametrize("status", [400, 409])
    @pytest.mark.parametrize("tells", [False, True])
    def test_a_repeated_create_finds_the_first(self, client, calendar, switch, status, tells) -> None:
        switch.settings(duplicate_status=status, tells_existing_id=tells)
        made = create(client, calendar, TEA)
        again = create(client, calendar, TEA)
        assert (again.handle, again.is_adopted) == (made.handle, True)

    def test_a_create_whose_answer_was_lost_is_made_once(self, client, calendar, switch) -> None:
        switch.fault("drop", method="calendars.events.create", times=1)
        write = Write("key1", (Edit(TEA),))
        assert client.write(calendar, [write])[0].is_in_doubt
        assert client.write(calendar, [write])[0].is_adopted
        assert len(resources(read(client, calendar))) == 1

    def test_a_key_whose_event_was_deleted_makes_another(self, client, calendar, people) -> None:
        made = create(client, calendar, replace(TEA, description="for two", reminders=(Reminder(5),)))
        people.delete(made.handle)
        again = create(client, calendar, replace(TEA, summary="Coffee"))
        assert (again.handle != made.handle, again.is_adopted) == (True, False)
        assert contents(again) == contents(create(client, calendar, replace(TEA, summary="Coffee"), "another"))
        assert create(client, calendar, TEA).handle == again.handle

    def test_a_key_that_another_event_of_ours_has_is_refused(self, client, calendar) -> None:
        create(client, calendar, replace(TEA, our_id="0123456789abcdef"))
        write = Write("key1", (Edit(replace(TEA, our_id="fedcba9876543210")),))
        assert client.write(calendar, [write])[0].code == "duplicate"

    def test_nobody_is_mailed_about_what_has_no_guests(self, client, calendar, switch) -> None:
        made = create(client, calendar, TEA)
        made = written(client, calendar, made, Edit(replace(TEA, summary="Coffee"), frozenset({"summary"})))
        client.write(calendar, [removal(made)])
        assert switch.mail() == []

    def test_guests_that_were_written_are_mailed_by_outlook(self, client, calendar, switch) -> None:
        create(client, calendar, replace(TEA, attendees=(Attendee("eli@example.com"),)))
        assert [line["to"] for line in switch.mail()] == [["eli@example.com"]]

    def test_an_answer_to_an_invitation_is_given_silently(self, client, calendar, switch, people) -> None:
        body = {"attendees": [{"type": "required", "emailAddress": {"address": ADA}}]}
        item = switch.add_event(calendar, {**INVITATION, **body}, organizer=["eli@example.com", "Eli"])
        there = client.get_many(calendar, [item["id"]])[item["id"]]
        event = there.events[0]
        assert (event.organizer.address, event.attendees[0].partstat) == ("eli@example.com", "needs-action")
        yes = replace(event, attendees=(replace(event.attendees[0], partstat="accepted"),))
        switch.clear_mail()
        client.write(calendar, [update(there, Edit(yes, frozenset({"responses"})))])
        assert people.item(item["id"])["responseStatus"]["response"] == "accepted"
        assert switch.mail() == []

    def test_what_outlook_cannot_repeat_is_refused_with_the_reason(self, client, calendar) -> None:
        write = Write("key1", (Edit(replace(STANDUP, rrule="FREQ=MONTHLY;BYMONTHDAY=8,9")),))
        outcome = client.write(calendar, [write])[0]
        assert (outcome.code, "Outlook has no series" in outcome.detail) == ("unsupported", True)
        assert client.requests == 0

    def test_what_others_keep_on_an_event_stays(self, client, calendar, switch, people) -> None:
        made = create(client, calendar, TEA)
        switch.edit_event(calendar, made.handle, {"categories": ["Blue category"], "importance": "high"})
        written(client, calendar, current(client, calendar, made), Edit(replace(TEA, summary="Coffee")))
        item = switch.act_as(ADA, "GET", f"me/events/{made.handle}")
        assert (item["categories"], item["importance"]) == (["Blue category"], "high")

    # --- series -----------------------------------------------------------------------------------------------

    def test_an_occurrence_that_somebody_removed_is_out_of_its_series(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        first = read(client, calendar)
        people.delete(people.instances(master.handle)[1]["id"])
        for pages in (read(client, calendar, first), read(client, calendar)):
            assert occurrences(pages)[""].exdates == (NINE + DAY,)

    def test_an_occurrence_that_goes_without_a_word_is_found_the_next_day(
        self, open_client, client, calendar, people, switch
    ) -> None:
        master = create(client, calendar, STANDUP)
        first = read(client, calendar)
        switch.settings(hides_cancelled_days=True)
        people.delete(people.instances(master.handle)[1]["id"])
        tomorrow = open_client(now=lambda: NINE)
        pages = read(tomorrow, calendar, first)
        assert occurrences(pages)[""].exdates == (NINE + DAY,)
        assert pages[-1].is_full

    def test_what_was_taken_out_of_a_series_cannot_come_back(self, client, calendar, people) -> None:
        master = create(client, calendar, replace(STANDUP, exdates=(NINE + DAY,)))
        back = update(current(client, calendar, master), Edit(STANDUP, frozenset({"exdates", "time"})))
        outcome = client.write(calendar, [back])[0]
        assert (outcome.code, "cannot bring back" in outcome.detail) == ("unsupported", True)

    def test_an_occurrence_that_was_taken_out_cannot_be_changed(self, client, calendar) -> None:
        master = create(client, calendar, replace(STANDUP, exdates=(NINE + DAY,)))
        outcome = client.write(calendar, [occurrence_write(master, moved(NINE + DAY), INFO.capabilities)])[0]
        assert (outcome.code, "cannot bring back" in outcome.detail) == ("unsupported", True)

    def test_a_series_that_moves_keeps_its_holes(self, client, calendar) -> None:
        master = create(client, calendar, replace(STANDUP, exdates=(NINE + DAY,)))
        holes = (NINE + DAY + HOUR,)
        later = replace(STANDUP, start=NINE + HOUR, end=NINE + 2 * HOUR, exdates=holes)
        after = written(client, calendar, master, Edit(later, frozenset({"time", "exdates"})))
        assert (after.events[0].start, after.events[0].exdates) == (NINE + HOUR, holes)

    def test_a_series_that_grows_keeps_its_holes(self, client, calendar) -> None:
        master = create(client, calendar, replace(STANDUP, exdates=(NINE + DAY,)))
        longer = replace(STANDUP, rrule="FREQ=DAILY;COUNT=7")
        after = written(client, calendar, master, Edit(longer, frozenset({"time"})))
        assert (after.events[0].rrule, after.events[0].exdates) == (longer.rrule, (NINE + DAY,))

    def test_exceptions_go_with_their_series(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        for n in (1, 2):
            write = occurrence_write(master, moved(NINE + n * DAY), INFO.capabilities)
            client.write(calendar, [replace(write, key=f"x{n}")])
        first = read(client, calendar)
        handles = resources(first).keys()
        assert len(handles) == 3
        people.delete(master.handle)
        assert changes(first, read(client, calendar, first)) == (set(), handles)
        assert set(client.get_many(calendar, list(handles)).values()) == {None}
        assert resources(read(client, calendar)) == {}

    def test_exceptions_that_a_moved_series_drops_are_gone(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        (changed,) = client.write(calendar, [occurrence_write(master, moved(NINE + DAY), INFO.capabilities)])
        first = read(client, calendar)
        people.edit(master.handle, start=NINE + 3 * HOUR, end=NINE + 4 * HOUR)
        assert changes(first, read(client, calendar, first)) == ({master.handle}, {changed.handle})

    def test_a_second_try_at_an_occurrence_finds_the_first(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        first, second = client.write(calendar, [write])[0], client.write(calendar, [write])[0]
        assert (first.is_adopted, second.is_adopted, first.handle) == (False, True, second.handle)

    def test_occurrences_and_lookups_are_found_on_any_page(self, client, calendar, switch) -> None:
        switch.settings(page_cap=1, empty_pages=True)
        masters = [create(client, calendar, STANDUP, key) for key in ("a", "b")]
        assert create(client, calendar, STANDUP, "b").handle == masters[1].handle
        writes = [occurrence_write(master, moved(NINE + DAY), INFO.capabilities) for master in masters]
        changed = client.write(calendar, [replace(write, key=f"x{n}") for n, write in enumerate(writes)])
        assert [resource.events[0].summary for resource in changed] == ["Moved", "Moved"]

    def test_an_occurrence_that_somebody_changed_meanwhile_is_left_alone(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        people.edit(people.instances(master.handle)[1]["id"], summary="Theirs")
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        assert isinstance(client.write(calendar, [write])[0], VersionMismatch)

    def test_an_occurrence_that_the_series_does_not_have_is_no_occurrence(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + 20 * DAY), INFO.capabilities)
        assert isinstance(client.write(calendar, [write])[0], VersionMismatch)

    def test_a_changed_occurrence_can_be_taken_out(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        write = occurrence_write(master, moved(NINE + DAY), INFO.capabilities)
        (changed,) = client.write(calendar, [write])
        without = Edit(replace(master.events[0], exdates=(NINE + DAY,)), frozenset({"exdates"}))
        written(client, calendar, current(client, calendar, master), without)
        assert client.get_many(calendar, [changed.handle]) == {changed.handle: None}
        living = [e for e in occurrences(read(client, calendar)).values() if not e.is_cancelled]
        assert [e.exdates for e in living] == [(NINE + DAY,)]

    def test_a_series_moves_only_under_occurrences_that_were_seen(self, client, calendar, people) -> None:
        """Outlook drops the exceptions of a series that moves."""
        master = create(client, calendar, STANDUP)
        instance = people.instances(master.handle)[1]["id"]
        people.edit(instance, summary="Theirs")
        made = current(client, calendar, master)
        later = replace(STANDUP, start=NINE + 2 * HOUR, end=NINE + 3 * HOUR)
        unseen = replace(update(made, Edit(later, frozenset({"time"}))), occurrences={})
        outcome = client.write(calendar, [unseen])[0]
        assert isinstance(outcome, VersionMismatch)
        assert outcome.handle == instance
        seen = {instance: resources(read(client, calendar))[instance].version}
        assert client.write(calendar, [replace(unseen, occurrences=seen)])[0].events[0].start == later.start

    def test_an_occurrence_back_in_its_series_still_takes_place(self, client, calendar, people) -> None:
        master = create(client, calendar, STANDUP)
        (changed,) = client.write(calendar, [occurrence_write(master, moved(NINE + DAY), INFO.capabilities)])
        first = read(client, calendar)
        assert client.write(calendar, [removal(changed)]) == [None]
        assert changes(first, read(client, calendar, first))[1] == {changed.handle}
        assert [item["subject"] for item in people.instances(master.handle)] == ["Stand-up"] * 5
        people.edit(changed.handle, summary="Changed again")
        assert occurrences(read(client, calendar))["2030-01-09T09:00:00Z"].summary == "Changed again"

    def test_an_occurrence_moves_no_further_than_its_neighbours(self, client, calendar) -> None:
        master = create(client, calendar, STANDUP)
        far = replace(moved(NINE + DAY), start=NINE + 3 * DAY, end=NINE + 3 * DAY + HOUR)
        outcome = client.write(calendar, [occurrence_write(master, far, INFO.capabilities)])[0]
        assert (outcome.code, "neighbours" in outcome.detail) == ("unsupported", True)


INVITATION = {
    "subject": "Theirs",
    "start": {"dateTime": "2030-01-09T09:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2030-01-09T10:00:00", "timeZone": "UTC"},
}


def moved(at) -> Event:
    return replace(STANDUP, summary="Moved", start=at + HOUR, end=at + 2 * HOUR, recurrence_id=at, rrule=None)
