"""Refusals and what breaks on the way: read by their reason, in doubt where something may have happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsync.errors import CursorExpired, RateLimited, Rejected, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Write
from tests.providers.contract import DAY, NINE, STANDUP, TEA, create, current, read, removal, resources, update

LIST = "calendar.events.list"


def coffee(resource):
    return update(resource, Edit(replace(TEA, summary="Coffee"), frozenset({"summary"})))


# --- quotas and refusals


@pytest.mark.parametrize("status", [403, 429])
def test_a_spent_quota_is_waited_for(client, calendar, switch, status) -> None:
    switch.settings(per_user_per_minute=0, quota_status=status)
    with pytest.raises(RateLimited) as raised:
        read(client, calendar)
    assert timedelta(seconds=50) < raised.value.until - datetime.now(UTC) <= timedelta(seconds=60)


def test_google_says_how_long_to_wait(client, calendar, switch) -> None:
    switch.fault("status", method=LIST, status=403, reason="userRateLimitExceeded", retry_after=600)
    with pytest.raises(RateLimited) as raised:
        read(client, calendar)
    assert timedelta(seconds=590) < raised.value.until - datetime.now(UTC) <= timedelta(seconds=600)


def test_a_limit_of_days_is_waited_for_an_hour_at_least(client, calendar, switch) -> None:
    switch.settings(events_created_limit=0)
    outcome = client.write(calendar, [Write("k", (Edit(TEA),))])[0]
    assert isinstance(outcome, RateLimited)
    assert outcome.until - datetime.now(UTC) > timedelta(minutes=59)


def test_a_part_of_a_batch_is_held_back_alone(client, calendar, switch) -> None:
    switch.fault("status", method="calendar.events.insert", status=403, reason="rateLimitExceeded", skip=1, times=1)
    first, second, third = client.write(calendar, [Write(key, (Edit(TEA),)) for key in "abc"])
    assert isinstance(second, RateLimited)
    assert (first.is_adopted, third.is_adopted) == (False, False)
    assert client.limited == 1


def test_calls_are_counted_as_google_counts_them(client, calendar, switch) -> None:
    client.write(calendar, [Write(key, (Edit(TEA),)) for key in "abc"])
    assert (client.requests, client.calls, client.limited) == (1, 3, 0)
    switch.settings(per_user_per_minute=0)
    with pytest.raises(RateLimited):
        read(client, calendar)
    assert (client.requests, client.calls, client.limited) == (2, 4, 1)


@pytest.mark.parametrize(
    ("status", "reason", "error", "code"),
    [
        (403, "accessNotConfigured", Rejected, "unsupported"),
        (403, "notACalendarUser", Rejected, "permission"),
        (403, "forbidden", Rejected, "permission"),
        (404, "notFound", Rejected, "not_found"),
        (400, "invalid", Rejected, "invalid"),
        (409, "conflict", Unavailable, None),
        (412, "conditionNotMet", Unavailable, None),
        (500, "backendError", Unavailable, None),
    ],
)
def test_refusals_are_read_by_their_reason(client, calendar, switch, status, reason, error, code) -> None:
    switch.fault("status", method=LIST, status=status, reason=reason)
    with pytest.raises(error) as raised:
        read(client, calendar)
    assert type(raised.value) is error
    assert getattr(raised.value, "code", None) == code


def test_a_refused_sync_token_has_expired(client, calendar, switch) -> None:
    first = read(client, calendar)
    said = {"reason": "invalid", "message": "Invalid sync token value.", "location": "syncToken"}
    switch.fault("status", method=LIST, status=400, body={"error": {"errors": [said], "code": 400}})
    with pytest.raises(CursorExpired):
        read(client, calendar, first)


@pytest.mark.parametrize("body", [{"items": []}, {"nextSyncToken": "x"}, {}])
def test_a_list_that_lacks_something_is_no_list(client, calendar, switch, body) -> None:
    switch.fault("status", method="calendar.*list", status=200, body=body)
    with pytest.raises(Unavailable):
        read(client, calendar)
    if "items" not in body:
        with pytest.raises(Unavailable):
            client.calendars()


def test_a_page_of_html_is_no_answer(client, calendar, switch) -> None:
    switch.fault("status", method=LIST, status=502, html=True)
    with pytest.raises(Unavailable) as raised:
        read(client, calendar)
    assert "<" not in raised.value.detail


# --- lost and broken answers


@pytest.mark.parametrize(
    "fault", [{"kind": "drop"}, {"kind": "truncate"}, {"kind": "truncate", "quiet": True}], ids=str
)
def test_a_broken_list_is_no_list(client, calendar, people, switch, fault) -> None:
    people.put(TEA)
    switch.fault(**fault, method=LIST)
    with pytest.raises(Unavailable):
        list(client.read(calendar, None, dict))


@pytest.mark.parametrize(
    "fault", [{"kind": "drop"}, {"kind": "truncate"}, {"kind": "truncate", "quiet": True}], ids=str
)
def test_a_write_without_an_answer_is_in_doubt_and_may_be_repeated(client, calendar, switch, fault) -> None:
    write = Write("k", (Edit(TEA),))
    switch.fault(**fault, method="calendar.events.insert", times=1)
    doubt = client.write(calendar, [write])[0]
    assert isinstance(doubt, Unavailable)
    assert doubt.is_in_doubt
    again = client.write(calendar, [write])[0]
    assert again.is_adopted
    assert resources(read(client, calendar)).keys() == {again.handle}


@pytest.mark.parametrize(
    "fault", [{"kind": "drop"}, {"kind": "truncate"}, {"kind": "truncate", "quiet": True}], ids=str
)
def test_a_batch_without_an_answer_leaves_no_twins(client, calendar, switch, fault) -> None:
    batch = [Write(f"k{n}", (Edit(replace(TEA, summary=f"Tea {n}")),)) for n in range(5)]
    switch.fault(**fault, method="calendar.events.insert", times=1)
    outcomes = client.write(calendar, batch)
    doubtful = [o for o in outcomes if isinstance(o, Unavailable)]
    assert doubtful
    assert all(o.is_in_doubt for o in doubtful)
    again = client.write(calendar, batch)
    assert all(o.is_adopted for o in again)
    assert len(resources(read(client, calendar))) == 5


def test_what_only_looked_when_a_batch_was_lost_is_not_in_doubt(client, calendar, switch) -> None:
    master = create(client, calendar, STANDUP)
    at = NINE + DAY
    occurrence = replace(STANDUP, summary="Moved", start=at, end=at, recurrence_id=at, rrule=None)
    switch.fault("drop", method="calendar.events.insert", times=1)
    writes = [Write("a", (Edit(TEA),)), Write("b", (Edit(occurrence),), series=master.handle)]
    assert [outcome.is_in_doubt for outcome in client.write(calendar, writes)] == [True, False]


def test_a_delete_without_an_answer_may_be_repeated(client, calendar, switch) -> None:
    made = create(client, calendar, TEA)
    switch.fault("drop", method="calendar.events.delete", times=1)
    assert client.write(calendar, [removal(made)])[0].is_in_doubt
    assert client.write(calendar, [removal(made)]) == [None]


def test_nobody_there_leaves_nothing_in_doubt_that_was_only_read(client, calendar, people, switch) -> None:
    handles = [people.put(replace(TEA, uid=f"tea-{n}@example.com")) for n in range(2)]
    switch.fault("drop", method="calendar.events.get")
    with pytest.raises(Unavailable) as raised:
        client.get_many(calendar, handles)
    assert not raised.value.is_in_doubt


def test_somebody_who_is_always_faster_is_never_overwritten(client, calendar, switch) -> None:
    made = create(client, calendar, TEA)
    switch.fault("touch", method="calendar.events.patch")
    for _ in range(3):
        assert isinstance(client.write(calendar, [coffee(current(client, calendar, made))])[0], VersionMismatch)
    assert current(client, calendar, made).events[0].summary == "Tea"
