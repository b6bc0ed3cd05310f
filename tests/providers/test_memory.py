"""What the memory provider promises beyond the contract: its quirks, its faults, and what persons do there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsync.engine.event import FIELDS, Attendee, Event, Reminder
from calsync.engine.vocabulary import MailRule
from calsync.errors import (
    CursorExpired,
    RateLimited,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.providers.base import CalendarClient, Edit, Grant, Page, Resource, Write, Written
from calsync.providers.memory import FaultKind, MemoryProvider, MemoryServer, Quirks
from tests.factories import START, Clock

WORK = "work"
NINE = datetime(2030, 1, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

GUESTS = (Attendee("bo@example.com"), Attendee("cy@elsewhere.net"))


def make_event(uid: str = "u1", **changes: object) -> Event:
    return replace(Event(uid, NINE, NINE + HOUR, summary="Tea"), **changes)  # type: ignore[arg-type]


def make_series(uid: str = "s1") -> Event:
    return make_event(uid, rrule="FREQ=DAILY;COUNT=5", summary="Stand-up")


def make_server(clock: Clock | None = None, **quirks: object) -> MemoryServer:
    server = MemoryServer(clock or Clock(), Quirks(**quirks))  # type: ignore[arg-type]
    server.add_calendar(WORK)
    return server


def connect(server: MemoryServer) -> CalendarClient:
    return MemoryProvider(server).open(Grant(username="ann"), {WORK: "UTC"})


def pages(server: MemoryServer, cursor: str | None = None) -> list[Page]:
    return list(connect(server).read(WORK, cursor, dict))


def read(server: MemoryServer, cursor: str | None = None) -> tuple[dict[str, str], str | None]:
    """Return the title of every resource in a read, by handle, and its cursor."""
    found = pages(server, cursor)
    resources = [r for page in found for r in page.resources]
    return {r.handle: r.events[0].summary for r in resources}, found[-1].cursor


def create(server: MemoryServer, event: Event, key: str = "k1", **more: object) -> Written:
    return connect(server).write(WORK, [Write(key, (Edit(event),), **more)])[0]  # type: ignore[arg-type]


def created(server: MemoryServer, event: Event, key: str = "k1", **more: object) -> Resource:
    outcome = create(server, event, key, **more)
    assert isinstance(outcome, Resource)
    return outcome


def update(server: MemoryServer, old: Resource, event: Event, *fields: str, **more: object) -> Written:
    edit = Edit(event, frozenset(fields) or frozenset(FIELDS))
    given = {"handle": old.handle, "version": old.version, "body": old.body, **more}
    return connect(server).write(WORK, [Write("", (edit,), **given)])[0]  # type: ignore[arg-type]


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


# --- reading ------------------------------------------------------------------------------------------------


def test_a_read_comes_in_pages_and_the_last_one_has_the_cursor() -> None:
    server = make_server(page_size=2)
    for n in range(5):
        server.put(WORK, make_event(f"u{n}"))
    found = pages(server)
    assert [len(page.resources) for page in found] == [2, 2, 1]
    assert [page.cursor is None for page in found] == [True, True, False]
    assert {h for page in found for h in page.present} == {r.handle for page in found for r in page.resources}


def test_without_a_feed_a_change_means_a_listing_and_silence_one_request() -> None:
    server = make_server(has_feed=False)
    first, second = server.put(WORK, make_event("u1")), server.put(WORK, make_event("u2"))
    (page,) = pages(server)
    known = {r.handle: r.version for r in page.resources}
    (quiet,) = connect(server).read(WORK, page.cursor, lambda: known)
    assert not quiet.is_full
    server.edit(WORK, second, summary="Coffee")
    server.delete(WORK, first)
    (found,) = connect(server).read(WORK, page.cursor, lambda: known)
    assert ([r.handle for r in found.resources], found.present, found.is_full) == ([second], (second,), True)


def test_a_lagging_server_answers_with_the_past_for_some_requests() -> None:
    server = make_server(lag=3)
    handle = server.put(WORK, make_event())
    seen = [read(server)[0] for _ in range(4)]
    assert seen == [{}, {}, {handle: "Tea"}, {handle: "Tea"}]


def test_a_lagging_cursor_skips_nothing() -> None:
    server = make_server(lag=3)
    handle = server.put(WORK, make_event())
    cursor: str | None = None
    seen = []
    for _ in range(5):
        found, cursor = read(server, cursor)
        seen.append(found)
    assert seen.count({handle: "Tea"}) == 1


def test_a_lagging_server_never_denies_what_exists() -> None:
    server = make_server(lag=3)
    made = created(server, make_event())
    assert connect(server).get_many(WORK, [made.handle])[made.handle] is not None


def test_a_tombstone_may_come_late_and_comes_once() -> None:
    server = make_server(tombstone_lag=3)
    handle = server.put(WORK, make_event())
    _, cursor = read(server)
    server.delete(WORK, handle)
    removed = []
    for _ in range(5):
        (page,) = pages(server, cursor)
        cursor = page.cursor
        removed.append(page.removed)
    assert removed == [(), (), (handle,), (), ()]


def test_an_old_cursor_is_forgotten() -> None:
    server = make_server()
    _, cursor = read(server)
    server.expire_cursors(WORK)
    with pytest.raises(CursorExpired):
        read(server, cursor)
    _, fresh = read(server)
    assert read(server, fresh)[0] == {}


def test_a_move_is_a_tombstone_here_and_a_resource_there() -> None:
    server = make_server(can_move=True)
    server.add_calendar("home")
    made = created(server, make_event())
    _, cursor = read(server)
    moved = connect(server).move(WORK, made.handle, made.version, "home")
    assert moved.events[0].uid == "u1"
    assert pages(server, cursor)[0].removed == (made.handle,)


def test_what_cannot_be_read_exists_and_says_why() -> None:
    server = make_server()
    server.put_raw(WORK, "{", handle="broken")
    (found,) = pages(server)[0].resources
    assert (found.events, found.handle) == ((), "broken")
    assert found.fault


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


# --- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAVAILABLE, Unavailable),
        (FaultKind.CURSOR_EXPIRED, CursorExpired),
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.REVOKED, SignInNeeded),
        (FaultKind.TRUNCATED, Unavailable),
    ],
)
def test_a_read_that_fails(kind: FaultKind, error: type[Exception]) -> None:
    server = make_server()
    _, cursor = read(server)
    server.faults.arm(kind)
    with pytest.raises(error):
        pages(server, cursor)
    assert server.faults.fired[kind] == 1


def test_a_truncated_listing_gives_half_and_no_end() -> None:
    server = make_server()
    for n in range(4):
        server.put(WORK, make_event(f"u{n}"))
    server.faults.arm(FaultKind.TRUNCATED)
    reading = connect(server).read(WORK, None, dict)
    first = next(reading)
    assert (len(first.resources), len(first.present), first.is_last) == (2, 2, False)
    with pytest.raises(Unavailable):
        next(reading)


def test_an_empty_listing_never_says_that_it_is_complete_and_a_hollow_one_does() -> None:
    server = make_server()
    server.put(WORK, make_event())
    server.faults.arm(FaultKind.EMPTY)
    assert pages(server) == [Page(is_full=True)]
    server.faults.arm(FaultKind.HOLLOW)
    (hollow,) = pages(server)
    assert (hollow.present, hollow.is_last, hollow.cursor is not None) == ((), True, True)


def test_pages_come_twice_or_backwards() -> None:
    server = make_server()
    handles = [server.put(WORK, make_event(f"u{n}")) for n in range(3)]
    server.faults.arm(FaultKind.DUPLICATE)
    server.faults.arm(FaultKind.REORDERED)
    assert [r.handle for r in pages(server)[0].resources] == handles * 2
    assert [r.handle for r in pages(server)[0].resources] == handles[::-1]


@pytest.mark.parametrize(
    ("kind", "in_doubt", "took_effect"),
    [
        (FaultKind.UNAVAILABLE, False, False),
        (FaultKind.LOST_BEFORE, True, False),
        (FaultKind.LOST_AFTER, True, True),
    ],
)
def test_a_write_without_an_answer(kind: FaultKind, in_doubt: bool, took_effect: bool) -> None:
    server = make_server()
    server.faults.arm(kind)
    outcome = create(server, make_event())
    assert isinstance(outcome, Unavailable)
    assert (outcome.is_in_doubt, server.writes == 1) == (in_doubt, took_effect)


def test_a_claimed_mismatch_writes_nothing() -> None:
    server = make_server()
    made = created(server, make_event())
    server.faults.arm(FaultKind.VERSION_MISMATCH)
    assert isinstance(update(server, made, make_event(summary="x"), "summary"), VersionMismatch)
    assert server.event(WORK, made.handle).summary == "Tea"


def test_a_clock_that_is_wrong_shows_in_the_offset() -> None:
    server = make_server()
    client = connect(server)
    assert client.clock_offset() is None
    server.faults.arm(FaultKind.CLOCK_SKEW)
    client.calendars()
    assert client.clock_offset() == server.faults.skew


def test_a_revoked_grant_stays_dead_until_it_is_allowed_again() -> None:
    server = make_server()
    server.revoke()
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            connect(server).calendars()
    server.allow()
    assert [calendar.remote_id for calendar in connect(server).calendars()] == [WORK]


def test_a_fault_waits_for_its_turn() -> None:
    server = make_server()
    server.faults.arm(FaultKind.UNAVAILABLE, skip=2)
    client = connect(server)
    client.calendars()
    client.calendars()
    with pytest.raises(Unavailable):
        client.calendars()
    client.calendars()


def test_every_request_passes_two_boundaries() -> None:
    server = make_server()
    passed: list[str] = []
    server.faults.boundary = passed.append
    created(server, make_event())
    assert passed == ["before write", "after write"]


def test_a_read_only_calendar_takes_no_write() -> None:
    server = make_server()
    server.set_access(WORK, "reader")
    assert isinstance(create(server, make_event()), Rejected)


@pytest.mark.parametrize(
    "quirks",
    [
        {"mails_on_write": True, "mails_by_choice": True},
        {"answers_version": False, "lag": 2},
        {"expresses": frozenset({"summary"})},
    ],
)
def test_quirks_that_contradict_each_other_are_refused(quirks: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"server|calendar"):
        Quirks(**quirks)  # type: ignore[arg-type]
