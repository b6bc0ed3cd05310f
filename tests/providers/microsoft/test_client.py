"""What only Microsoft does: rights of calendars, refusals by code, links to elsewhere, how many at once."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsync.errors import CursorExpired, RateLimited, Rejected, SignInNeeded, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Grant, Write
from calsync.providers.microsoft import endpoints
from calsync.providers.microsoft.client import MicrosoftClient
from calsync.providers.microsoft.provider import MicrosoftProvider
from calsync.providers.microsoft.seats import Seats
from tests.emulators.microsoft.cast import ADA, ELI, NOW, VIC, timed
from tests.providers.contract import TEA, create, expired, read, resources, update

DELTA, LIST = "calendars.calendarView.delta", "calendars.events.list"


# --- calendars


def test_calendars_have_names_colours_and_rights(open_client, switch) -> None:
    switch.add_calendar(ADA, "Shown", can_edit=False)
    switch.add_calendar(ADA, "Shared", owner=[ELI, "Eli"], can_share=False)
    switch.add_calendar(ADA, "Blue", hex_color="#0078D4")
    switch.add_calendar(ADA, "Green", color="lightGreen")
    found = {each.name: each for each in open_client().calendars()}
    assert [each.name for each in found.values() if each.is_primary] == ["Calendar"]
    rights = {name: (each.access, each.is_writable) for name, each in found.items()}
    assert rights["Calendar"] == ("owner", True)
    assert rights["Shown"] == ("reader", False)
    assert rights["Shared"] == ("writer", True)
    assert (found["Blue"].color, found["Green"].color, found["Calendar"].color) == ("#0078d4", "#87d28e", None)


def test_a_long_list_of_calendars_has_pages(open_client, switch) -> None:
    switch.settings(page_cap=2, empty_pages=True)
    for n in range(5):
        switch.add_calendar(ADA, f"Calendar {n}")
    assert len(open_client().calendars()) == 6


def test_an_account_without_a_mailbox_says_so(open_client, switch) -> None:
    switch.change_user(ELI, has_mailbox=False)
    with pytest.raises(Rejected) as caught:
        open_client(ELI).calendars()
    assert (caught.value.code, "no mailbox" in caught.value.detail) == ("permission", True)


def test_a_calendar_one_may_only_read_refuses_writes(client, switch) -> None:
    shown = switch.add_calendar(ADA, "Shown", can_edit=False)
    outcome = client.write(shown, [Write("key1", (Edit(TEA),))])[0]
    assert outcome.code == "permission"


# --- reading


@pytest.mark.parametrize("code", ["SyncStateNotFound", "SyncStateInvalid", "ResyncRequired"])
@pytest.mark.parametrize("status", [410, 400, 404])
@pytest.mark.parametrize("small", [False, True])
def test_an_end_of_a_delta_is_read_by_its_code(client, calendar, switch, code, status, small) -> None:
    cursor = read(client, calendar)[-1].cursor
    switch.settings(gone_in_small_letters=small)
    switch.expire_delta(calendar, code=code, status=status)
    with pytest.raises(CursorExpired):
        list(client.read(calendar, cursor, dict))


def test_a_cursor_for_another_list_has_expired(client, calendar) -> None:
    cursor = read(client, calendar)[-1].cursor
    for other in (expired(cursor), cursor.replace('"form": 1', '"form": 2'), "[]", "nonsense"):
        with pytest.raises(CursorExpired):
            list(client.read(calendar, other, dict))


def test_a_link_to_elsewhere_is_not_followed(client, calendar) -> None:
    """It would carry the token to whoever answers there."""
    cursor = read(client, calendar)[-1].cursor
    before = client.requests
    with pytest.raises(Unavailable, match="somewhere else"):
        list(client.read(calendar, cursor.replace("127.0.0.1", "graph.example.com"), dict))
    assert client.requests == before


def test_a_page_that_is_too_long_for_the_server_is_asked_for_in_small(client, calendar, people, switch) -> None:
    people.put(TEA)
    switch.fault("status", status=503, method=DELTA, times=1)
    assert len(resources(read(client, calendar))) == 1
    sizes = [line["headers"]["prefer"].rpartition("=")[2] for line in switch.requests(DELTA)]
    assert sizes == ["500", "10"]


def test_a_full_mailbox_that_has_no_delta_is_listed_each_time(client, calendar, people, switch) -> None:
    handle = people.put(TEA)
    switch.fault("status", status=507, code="ErrorQuotaExceeded", method=DELTA)
    first = read(client, calendar)
    people.edit(handle, summary="Coffee")
    again = read(client, calendar, first)
    assert again[-1].is_full
    assert resources(again)[handle].events[0].summary == "Coffee"


def test_an_event_that_moved_to_another_calendar_is_gone_from_its_own(client, calendar, people, switch) -> None:
    other = switch.add_calendar(ADA, "Other")
    handle = people.put(TEA)
    here, there = read(client, calendar), read(client, other)
    switch.move_event(calendar, handle, other)
    assert [page.removed for page in read(client, calendar, here) if page.removed] == [(handle,)]
    assert resources(read(client, other, there)).keys() == {handle}
    assert client.get_many(calendar, [handle]) == {handle: None}


def test_what_leaves_the_window_is_not_removed(client, calendar, people) -> None:
    handle = people.put(TEA)
    first = read(client, calendar)
    people.edit(handle, start=TEA.start + timedelta(days=900), end=TEA.end + timedelta(days=900))
    pages = read(client, calendar, first)
    assert [page.removed for page in pages if page.removed] == []
    assert resources(pages)[handle].events[0].start == TEA.start + timedelta(days=900)


def test_half_a_character_in_a_title_is_replaced(client, calendar, switch) -> None:
    switch.add_event(calendar, timed(subject="Tea \ud83d"))
    [resource] = resources(read(client, calendar)).values()
    assert resource.events[0].summary == "Tea \ufffd"
    resource.body.encode()  # what cannot be written down would end every run of the account


def test_one_event_that_cannot_be_read_hides_no_other(client, calendar, people, switch) -> None:
    good = people.put(TEA)
    bad = switch.add_event(calendar, timed(12))
    body = {**switch.act_as(ADA, "GET", f"me/events/{bad['id']}"), "start": {}}
    switch.fault("status", status=200, method="events.get", skip=1, times=1, body=body)
    found = client.get_many(calendar, [good, bad["id"]])
    assert found[good].events[0].summary == "Tea"
    assert found[bad["id"]].events == ()
    assert found[bad["id"]].fault.startswith("Intro call")


# --- refusals


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"status": 401, "code": "InvalidAuthenticationToken"}, SignInNeeded),
        ({"status": 403, "code": "ErrorAccessDenied"}, Rejected),
        ({"status": 409, "code": "errorIrresolvableConflict"}, VersionMismatch),
        ({"status": 412, "code": "resourceModified"}, VersionMismatch),
        ({"status": 423, "code": "notAllowed"}, Unavailable),
        ({"status": 429, "code": "activityLimitReached", "retry_after": "2.128"}, RateLimited),
        ({"status": 500, "code": "ErrorCorruptData"}, Unavailable),
        ({"status": 509}, Unavailable),
    ],
    ids=lambda value: str(value.get("status", "")) if isinstance(value, dict) else "",
)
def test_refusals_by_status_and_code(client, calendar, switch, fault, raised) -> None:
    made = create(client, calendar, TEA)
    switch.fault("status", method="events.update", **fault)
    outcome = client.write(calendar, [update(made, Edit(replace(TEA, summary="Coffee")))])[0]
    assert isinstance(outcome, raised)


def test_a_wait_of_parts_of_a_second_is_understood(client, calendar, switch) -> None:
    switch.fault("status", status=429, code="ApplicationThrottled", retry_after="7.5", method="calendars.list")
    with pytest.raises(RateLimited) as caught:
        client.calendars()
    assert caught.value.until - NOW == timedelta(seconds=7.5)


def test_an_organisation_that_asks_for_more_is_no_lost_grant(client, switch) -> None:
    challenge = 'Bearer realm="", error="insufficient_claims", claims="e30="'
    switch.fault("status", status=401, headers={"WWW-Authenticate": challenge}, method="calendars.list")
    with pytest.raises(SignInNeeded) as caught:
        client.calendars()
    assert caught.value.why == "reauth_needed"


def test_a_token_that_ended_is_replaced_without_a_word(client, calendar, switch) -> None:
    create(client, calendar, TEA)
    switch.expire_tokens(ADA)
    assert len(resources(read(client, calendar))) == 1


# --- how many at once


def test_a_mailbox_is_never_asked_more_than_it_takes(microsoft, switch, calendar) -> None:
    provider = MicrosoftProvider(endpoints=endpoints.at(microsoft.base_url), now=lambda: NOW)
    token = switch.tokens(ADA)["access_token"]
    grant = Grant(username=ADA, bearer=lambda _: token, allow_private_network=True)
    switch.fault("slow", seconds=0.05)
    failed: list[Exception] = []

    def ask() -> None:
        client = provider.open(grant, {})
        try:
            for _ in range(2):
                client.calendars()
        except Exception as error:
            failed.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert 1 < switch.most_at_once(ADA) <= 3


def test_a_batch_takes_every_seat_and_who_waits_too_long_comes_back() -> None:
    seats = Seats(patience_s=0.01, now=lambda: NOW)
    with seats.hold(ADA, 20):
        with seats.hold(VIC, 1):
            pass
        with pytest.raises(RateLimited) as caught, seats.hold(ADA, 1):
            pass
    assert caught.value.until > NOW
    with seats.hold(ADA, 1), seats.hold(ADA, 2):
        pass


def test_no_client_without_a_token() -> None:
    with pytest.raises(SignInNeeded):
        MicrosoftProvider().open(Grant(), {})


def test_events_are_not_moved(client, calendar) -> None:
    with pytest.raises(Rejected):
        client.move(calendar, "x", None, "other")


def test_the_real_addresses_are_microsofts() -> None:
    assert MicrosoftProvider().endpoints.api == "https://graph.microsoft.com/v1.0"
    assert MicrosoftProvider().now().tzinfo is UTC
    assert isinstance(MicrosoftClient(lambda _: "", {}).http.now(), datetime)
