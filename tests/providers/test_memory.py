"""What the memory provider promises beyond the contract: its quirks, and what persons do there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calsync.engine.event import FIELDS, Attendee, Reminder
from calsync.engine.vocabulary import MailRule
from calsync.errors import (
    Rejected,
    VersionMismatch,
)
from calsync.providers.base import Resource, Write
from tests.factories import START, Clock
from tests.providers.memory import (
    DAY,
    HOUR,
    NINE,
    WORK,
    connect,
    create,
    created,
    make_event,
    make_series,
    make_server,
    pages,
    read,
    update,
)

GUESTS = (Attendee("bo@example.com"), Attendee("cy@elsewhere.net"))


# --- versions and bodies ------------------------------------------------------------------------------------


def test_what_the_model_does_not_know_survives_a_write() -> None:
    server = make_server()
    handle = server.put(WORK, make_event(), colour="teal")
    old = connect(server).get_many(WORK, [handle])[handle]
    assert old is not None
    update(server, old, make_event(summary="Coffee"), "summary")
    assert server.unknown(WORK, handle) == {"colour": "teal"}
    assert server.event(WORK, handle).summary == "Coffee"


def test_a_write_changes_the_named_fields_only() -> None:
    server = make_server()
    old = created(server, make_event(location="Room 1"))
    update(server, old, make_event(summary="Coffee", location="elsewhere"), "summary")
    assert server.event(WORK, old.handle).location == "Room 1"


def test_a_server_without_room_for_unknown_properties_drops_them_and_our_mark() -> None:
    server = make_server(keeps_unknown=False)
    handle = server.put(WORK, make_event(our_id="a1"), colour="teal")
    assert server.unknown(WORK, handle) == {}
    assert server.event(WORK, handle).our_id is None


def test_a_stale_version_writes_nothing() -> None:
    server = make_server()
    old = created(server, make_event())
    server.edit(WORK, old.handle, summary="Theirs")
    assert isinstance(update(server, old, make_event(summary="Ours"), "summary"), VersionMismatch)
    assert server.event(WORK, old.handle).summary == "Theirs"


def test_a_change_without_a_version_is_refused() -> None:
    server = make_server()
    old = created(server, make_event())
    assert isinstance(update(server, old, make_event(summary="x"), version=None), Rejected)


def test_the_same_key_creates_once() -> None:
    server = make_server()
    first, second = created(server, make_event()), created(server, make_event())
    assert second == replace(first, is_adopted=True)
    assert server.writes == 1


def test_a_uid_stands_once_in_a_calendar_or_once_in_an_account() -> None:
    near, wide = make_server(), make_server(account_wide_uids=True)
    for server in near, wide:
        server.add_calendar("home")
        server.put("home", make_event())
    assert isinstance(create(near, make_event()), Resource)
    assert isinstance(create(wide, make_event()), Rejected)


def test_versions_of_other_resources_rise_where_that_is_the_habit() -> None:
    server = make_server(bumps_versions=True)
    first = created(server, make_event("u1"), "k1")
    created(server, make_event("u2"), "k2")
    seen = connect(server).get_many(WORK, [first.handle])[first.handle]
    assert seen is not None
    assert seen.version != first.version
    assert seen.events == first.events


def test_the_server_owns_sequence_and_stamps() -> None:
    clock = Clock()
    server = make_server(clock)
    old = created(server, make_event(sequence=9, last_modified=NINE))
    assert (old.events[0].sequence, old.events[0].last_modified) == (0, START)
    clock.advance(minutes=5)
    new = update(server, old, make_event(start=NINE + HOUR, end=NINE + 2 * HOUR), "time")
    assert isinstance(new, Resource)
    assert (new.events[0].sequence, new.events[0].last_modified) == (1, START + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"summary": " Tea "}, {"summary": "Tea"}),
        ({"description": "a\r\nb \n"}, {"description": "a\nb"}),
        ({"end": NINE}, {"end": NINE + timedelta(minutes=1)}),
        (
            {"reminders": (Reminder(30), Reminder(5))},
            {"reminders": (Reminder(5), Reminder(30))},
        ),
        ({"attendees": (Attendee("Bo@Example.com"),)}, {"attendees": (Attendee("bo@example.com"),)}),
    ],
)
def test_a_tidying_server_tidies_once(given: dict[str, object], kept: dict[str, object]) -> None:
    server = make_server(normalises=True)
    first = created(server, make_event(**given))
    assert first.events[0] == replace(first.events[0], **kept)
    again = update(server, first, first.events[0])
    assert isinstance(again, Resource)
    assert again.events == first.events


def test_fields_without_a_place_are_left_out() -> None:
    server = make_server(expresses=frozenset(FIELDS) - {"location", "reminders"})
    kept = created(server, make_event(location="Room 1", reminders=(Reminder(5),))).events[0]
    assert (kept.location, kept.reminders) == ("", ())


def test_where_writes_are_answered_without_a_version_the_client_reads_back() -> None:
    server = make_server(answers_version=False)
    stored = created(server, make_event())
    assert stored.version is not None
    assert server.requests == 2


# --- series -------------------------------------------------------------------------------------------------


def test_an_override_shares_the_resource_of_its_series() -> None:
    server = make_server()
    handle = server.put(WORK, make_series())
    assert server.override(WORK, handle, NINE + DAY, summary="Moved") == handle
    (found,) = pages(server)[0].resources
    assert [event.summary for event in found.events] == ["Stand-up", "Moved"]


def test_an_override_is_a_resource_of_its_own() -> None:
    server = make_server(series_is_one_resource=False)
    handle = server.put(WORK, make_series())
    override = server.override(WORK, handle, NINE + DAY, summary="Moved")
    assert override == f"{handle}_20300109T090000Z"
    assert read(server)[0] == {handle: "Stand-up", override: "Moved"}


def test_a_client_writes_an_override_beside_its_series() -> None:
    server = make_server(series_is_one_resource=False)
    handle = server.put(WORK, make_series())
    changed = make_event("s1", recurrence_id=NINE + DAY, summary="Moved")
    assert created(server, changed, series=handle).handle == f"{handle}_20300109T090000Z"
    assert isinstance(create(server, changed, "other", series=handle), VersionMismatch)


@pytest.mark.parametrize("together", [True, False])
def test_a_removed_occurrence_is_an_exdate_or_a_cancelled_override(together: bool) -> None:
    server = make_server(series_is_one_resource=together)
    handle = server.put(WORK, make_series())
    server.override(WORK, handle, NINE + DAY, summary="Moved")
    server.delete_occurrence(WORK, handle, NINE + DAY)
    events = [event for _, event in server.all_events(WORK)]
    if together:
        assert [event.exdates for event in events] == [(NINE + DAY,)]
    else:
        assert [event.status for event in events] == ["confirmed", "cancelled"]


def test_deleting_a_series_deletes_its_overrides() -> None:
    server = make_server(series_is_one_resource=False)
    handle = server.put(WORK, make_series())
    server.override(WORK, handle, NINE + DAY)
    _, cursor = read(server)
    server.delete(WORK, handle)
    (page,) = pages(server, cursor)
    assert page.removed == (handle, f"{handle}_20300109T090000Z")


def test_cancelling_is_deleting_where_it_cannot_be_seen() -> None:
    server = make_server(cancel_is_visible=False)
    handle = server.put(WORK, make_event())
    server.cancel(WORK, handle)
    assert connect(server).get_many(WORK, [handle]) == {handle: None}


# --- mail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quirks", "rule", "told"),
    [
        ({}, MailRule.ALL, []),
        ({"mails_on_write": True}, MailRule.NEVER, ["bo@example.com", "cy@elsewhere.net"]),
        ({"mails_by_choice": True}, MailRule.NEVER, []),
        ({"mails_by_choice": True}, MailRule.EXTERNAL, ["cy@elsewhere.net"]),
        ({"mails_by_choice": True}, MailRule.ALL, ["bo@example.com", "cy@elsewhere.net"]),
    ],
)
def test_whom_a_write_mails(quirks: dict[str, bool], rule: MailRule, told: list[str]) -> None:
    server = make_server(**quirks)
    made = created(server, make_event(attendees=GUESTS), mail=rule)
    changed = update(server, made, replace(made.events[0], summary="Coffee"), mail=rule)
    assert isinstance(changed, Resource)
    whom = [(mail.to, mail.why) for mail in server.mails]
    assert whom == [(address, why) for why in ("new", "changed") for address in told]


def test_persons_mail_for_themselves() -> None:
    server = make_server(mails_on_write=True)
    server.edit(WORK, server.put(WORK, make_event(attendees=GUESTS)), summary="Coffee")
    assert server.mails == []


def test_deleting_mails_that_it_is_cancelled() -> None:
    server = make_server(mails_by_choice=True)
    made = created(server, make_event(attendees=GUESTS))
    gone = Write("", handle=made.handle, version=made.version, is_delete=True, mail=MailRule.EXTERNAL)
    assert connect(server).write(
        WORK,
        [
            gone,
        ],
    ) == [None]
    assert [(mail.to, mail.why) for mail in server.mails] == [("cy@elsewhere.net", "cancelled")]
