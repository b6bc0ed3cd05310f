"""What only Google does: roles, tokens that end, quotas, refusals by reason, lists in odd pages, hidden details."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calsync.engine.vocabulary import EventKind
from calsync.errors import (
    CursorExpired,
    RateLimited,
    Rejected,
    SignInNeeded,
)
from calsync.providers.base import Edit, Grant, Write
from calsync.providers.google import endpoints
from calsync.providers.google.client import GoogleClient
from calsync.providers.google.provider import GoogleProvider
from calsync.providers.pace import Pace
from tests.emulators.google.cast import ADA, ELI, NOW, SCOPE, VIC, timed, weekly
from tests.providers.contract import (
    DAY,
    NINE,
    STANDUP,
    TEA,
    changes,
    create,
    current,
    occurrences,
    read,
    removal,
    resources,
    update,
)

LIST, EVENTS = "calendar.events.list", "calendar.events.*"


def coffee(resource):
    return update(resource, Edit(replace(TEA, summary="Coffee"), frozenset({"summary"})))


# --- calendars


def test_calendars_have_names_colours_zones_and_rights(open_client, switch) -> None:
    shared = {"owner": "Owned", "writer": "Written", "reader": "Read", "freeBusyReader": "Seen"}
    for role, name in shared.items():
        if role != "owner":
            switch.share(switch.add_calendar(ELI, name, time_zone="Asia/Tokyo"), ADA, role)
    found = {each.name: each for each in open_client().calendars()}
    own = next(each for each in found.values() if each.is_primary)
    assert (own.remote_id, own.access, own.tz) == (ADA, "owner", "Europe/Lisbon")
    assert own.color is not None
    rights = {name: (found[name].access, found[name].is_writable) for name in ("Written", "Read", "Seen")}
    assert rights == {"Written": ("writer", True), "Read": ("reader", False), "Seen": ("free_busy", False)}
    assert found["Written"].tz == "Asia/Tokyo"


def test_a_long_list_of_calendars_has_pages(open_client, switch) -> None:
    switch.settings(page_cap=2, calendars_created_limit=100)
    for n in range(5):
        switch.add_calendar(ADA, f"Calendar {n}")
    assert len(open_client().calendars()) == 6


def test_hidden_calendars_stay_and_deleted_ones_go(open_client, switch) -> None:
    hidden, dropped = switch.add_calendar(ADA, "Hidden"), switch.add_calendar(ADA, "Dropped")
    switch.act_as(ADA, "PATCH", f"users/me/calendarList/{hidden}", body={"hidden": True, "selected": False})
    switch.act_as(ADA, "DELETE", f"calendars/{dropped}")
    assert {each.remote_id for each in open_client().calendars()} == {ADA, hidden}


# --- reading


@pytest.mark.parametrize(
    ("reason", "error"),
    [("fullSyncRequired", CursorExpired), ("updatedMinTooLongAgo", CursorExpired), ("deleted", Rejected)],
)
def test_a_410_is_read_by_its_reason(client, calendar, switch, reason, error) -> None:
    cursor = read(client, calendar)[-1].cursor
    switch.expire_sync(calendar, reason)
    with pytest.raises(error):
        list(client.read(calendar, cursor, dict))


def test_a_cursor_for_another_list_has_expired(client, calendar) -> None:
    cursor = read(client, calendar)[-1].cursor
    for other in (
        cursor.replace('"form": 2', '"form": 1'),
        cursor.replace('"token": "', '"token": "x'),
        "[]",
        "nonsense",
    ):
        with pytest.raises(CursorExpired):
            list(client.read(calendar, other, dict))


@pytest.mark.parametrize(
    "manner", [{"page_cap": 2}, {"page_cap": 2, "empty_pages": True}, {"page_cap": 2, "repeats_across_pages": True}]
)
def test_however_the_list_is_cut_it_is_read_whole(client, calendar, people, switch, manner) -> None:
    switch.settings(**manner)
    master = people.put(STANDUP)
    switch.delete_event(calendar, f"{master}_20300109T090000Z")
    handles = {people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(5)}
    first = read(client, calendar)
    assert {name for page in first for name in page.present} == {*handles, master, f"{master}_20300109T090000Z"}
    for handle in handles:
        people.edit(handle, summary="Coffee")
    people.delete(master)
    fresh, gone = changes(first, read(client, calendar, first))
    assert (fresh, gone) == (handles, {master, f"{master}_20300109T090000Z"})


def test_other_kinds_of_event_are_read_and_say_what_they_are(client, calendar, switch, people) -> None:
    people.put(TEA)
    switch.seed_event(calendar, {**timed(), "eventType": "fromGmail"})
    switch.seed_event(calendar, {**timed(), "eventType": "birthday"})
    kinds = {resource.events[0].kind for resource in resources(read(client, calendar)).values()}
    assert kinds == {EventKind.DEFAULT, EventKind.FROM_MAIL, EventKind.BIRTHDAY}


def test_half_a_character_in_a_title_is_replaced(client, calendar, switch) -> None:
    switch.seed_event(calendar, {**timed(), "summary": "Tea \ud83d"})
    [resource] = resources(read(client, calendar)).values()
    assert resource.events[0].summary == "Tea \ufffd"
    resource.body.encode()  # what cannot be written down would end every run of the account


def test_a_guest_learns_of_removed_occurrences(open_client, switch) -> None:
    body = weekly(attendees=[{"email": VIC}])
    series = switch.add_event(ADA, body)["id"]
    client = open_client(VIC)
    first = read(client, VIC)
    switch.delete_event(ADA, f"{series}_20300326T090000Z")
    (gone,) = [e for e in occurrences(read(client, VIC, first)).values() if e.is_cancelled]
    assert (gone.uid, gone.recurrence_id) == (f"{series}@google.com", datetime(2030, 3, 26, 9, tzinfo=UTC))
    assert gone.organizer is None


def test_a_guest_of_one_occurrence_sees_it_come_and_go(open_client, switch) -> None:
    series = switch.add_event(ADA, weekly())["id"]
    one = f"{series}_20300326T090000Z"
    client = open_client(VIC)
    empty = read(client, VIC)
    switch.edit_event(ADA, one, {"attendees": [{"email": VIC}]})
    invited = read(client, VIC, empty)
    assert changes(empty, invited) == ({one}, set())
    switch.edit_event(ADA, one, {"attendees": []})
    assert changes(invited, read(client, VIC, invited))[1] == {one}


def test_who_may_only_see_when_we_are_busy_sees_that(open_client, switch) -> None:
    switch.add_event(ADA, timed())
    series = switch.add_event(ADA, weekly())["id"]
    switch.share(ADA, VIC, "freeBusyReader")
    events = [e for r in resources(read(open_client(VIC), ADA)).values() for e in r.events]
    assert len(events) == 5
    assert {e.summary for e in events} == {""}
    assert {e.recurrence_id for e in events} == {None}
    assert f"{series}_20300319T090000Z@google.com" in {e.uid for e in events}


def test_an_event_is_not_taken_for_gone_where_the_calendar_is(open_client, switch, people, calendar) -> None:
    other = switch.add_calendar(ELI, "Eli's")
    switch.share(other, ADA, "writer")
    client = open_client()
    made = create(client, other, TEA)
    switch.act_as(ELI, "DELETE", f"calendars/{other}")
    for attempt in (lambda: client.get_many(other, [made.handle]), lambda: read(client, other)):
        with pytest.raises(Rejected) as raised:
            attempt()
        assert raised.value.code == "not_found"
    assert isinstance(client.write(other, [removal(made)])[0], Rejected)


def test_an_event_that_never_was_is_gone(client, calendar) -> None:
    assert client.get_many(calendar, ["neverwas", "neverwas2"]) == {"neverwas": None, "neverwas2": None}


def test_many_events_are_asked_for_together(client, calendar, switch) -> None:
    handles = switch.bulk_events(calendar, 120, NOW + DAY)
    before = client.requests
    found = client.get_many(calendar, handles)
    assert client.requests - before == 3
    assert all(found[handle].events for handle in handles)


def test_a_first_read_takes_pages_of_2500(client, calendar, switch) -> None:
    switch.bulk_events(calendar, 2600, NOW + DAY, every_minutes=15)
    pages = read(client, calendar)
    assert client.requests == 2
    assert len(resources(pages)) == 2600


# --- tokens


def test_a_token_that_ended_is_renewed_once(client, calendar, switch, people) -> None:
    people.put(TEA)
    switch.expire_tokens(ADA)
    assert len(resources(read(client, calendar))) == 1
    assert client.requests == 2


def test_a_token_that_ended_inside_a_batch_is_renewed(client, calendar, switch, people) -> None:
    handles = [people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(3)]
    switch.expire_tokens(ADA)
    assert None not in client.get_many(calendar, handles).values()
    assert client.requests == 2


def test_an_answer_inside_a_batch_may_be_refused_for_the_token_alone(client, calendar, switch, people) -> None:
    handles = [people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(3)]
    switch.fault("status", method="calendar.events.get", status=401, skip=1, times=1)
    assert None not in client.get_many(calendar, handles).values()


def test_a_token_that_is_refused_twice_ends_the_grant(client, calendar, switch, people) -> None:
    handles = [people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(2)]
    switch.fault("status", method=EVENTS, status=401)
    for attempt in (lambda: read(client, calendar), lambda: client.get_many(calendar, handles)):
        with pytest.raises(SignInNeeded) as raised:
            attempt()
        assert raised.value.why == "invalid_grant"


def test_a_missing_permission_asks_for_a_new_sign_in(open_client, calendar) -> None:
    client = open_client(ADA, [SCOPE + "calendar.events"])
    assert read(client, calendar)
    with pytest.raises(SignInNeeded) as raised:
        client.calendars()
    assert raised.value.why == "scope_lost"


def test_who_may_only_read_cannot_write(open_client, switch) -> None:
    other = switch.add_calendar(ELI, "Eli's")
    switch.share(other, ADA, "reader")
    assert open_client().write(other, [Write("k", (Edit(TEA),))])[0].code == "permission"


def test_a_guest_cannot_change_what_belongs_to_all(open_client, switch) -> None:
    handle = switch.add_event(ELI, timed(attendees=[{"email": ADA}]))["id"]
    client = open_client()
    mine = client.get_many(ADA, [handle])[handle]
    assert client.write(ADA, [coffee(mine)])[0].code == "permission"
    (ada,) = mine.events[0].attendees
    answered = replace(mine.events[0], attendees=(replace(ada, partstat="accepted"),))
    after = client.write(ADA, [update(mine, Edit(answered, frozenset({"responses"})))])[0]
    assert after.events[0].attendees[0].partstat == "accepted"
    assert switch.act_as(ELI, "GET", f"calendars/{ELI}/events/{handle}")["attendees"][0]["responseStatus"] == "accepted"


# --- together


def test_an_old_series_edit_finds_the_occurrences_that_were_removed(client, calendar, switch) -> None:
    master = create(client, calendar, STANDUP)
    switch.delete_event(calendar, f"{master.handle}_20300109T090000Z")
    again = current(client, calendar, master)
    wanted = replace(again.events[0], exdates=(NINE + DAY, NINE + 2 * DAY))
    after = client.write(calendar, [update(again, Edit(wanted, frozenset({"exdates"})))])[0]
    assert set(after.events[0].exdates) == {NINE + DAY, NINE + 2 * DAY}
    there = switch.act_as(ADA, "GET", f"calendars/{calendar}/events/{master.handle}/instances")
    assert len(there["items"]) == 3


def test_calls_in_a_batch_count_one_by_one_against_our_own_pace(google, calendar) -> None:
    taken: list[int] = []
    token = google.switch.tokens(ADA)["access_token"]
    where = endpoints.at(google.base_url)
    client = GoogleClient(lambda _: token, {}, where, take=taken.append, allow_private_network=True)
    client.calendars()
    client.write(calendar, [Write(f"k{n}", (Edit(TEA),)) for n in range(7)])
    client.close()
    assert taken == [1, 7]


def test_a_provider_keeps_one_pace_for_all_its_clients(google) -> None:
    provider = GoogleProvider(endpoints=endpoints.at(google.base_url), pace=Pace(4, 1000))
    token = google.switch.tokens(ADA)["access_token"]
    grant = Grant(username=ADA, bearer=lambda _: token, allow_private_network=True)
    one, other = provider.open(grant, {}), provider.open(grant, {})
    one.calendars()
    other.calendars()
    with pytest.raises(RateLimited):
        one.calendars()
    assert one.requests + other.requests == 2
    one.close()
    other.close()
