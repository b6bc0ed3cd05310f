"""Microsoft's own ways on the pages: rooms of the organisation, the mailbox's time zone, and a full mailbox."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.vocabulary import RoomAnswer
from calsync.runtime import CLI, Runtime
from calsync.services import asked_busy, bookings, credentials, doctor, resources, sync
from calsync.services.bookings import Booked, Request
from calsync.services.findings import Level
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.emulators.microsoft.cast import ADA
from tests.emulators.microsoft.conftest import microsoft, microsoft_server, switch
from tests.emulators.microsoft.server import CLIENT_ID, MicrosoftServer, Switchboard
from tests.sign_in.outlook import NAME, PAIR, emulated
from tests.web.conftest import text_of

__all__ = ["microsoft", "microsoft_server", "switch"]

HERE = "http://localhost"
CONNECT, CALLBACK = f"/oauth/{NAME}/connect", f"/oauth/{NAME}/callback"
BLUE = "blue@example.com"
TEN = factories.START.replace(hour=10)


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, microsoft: MicrosoftServer) -> Iterator[Runtime]:
    made = factories.make_settings(tmp_path, public_url=HERE, allow_private_networks=True)
    providers = {NAME: emulated(microsoft, clock)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


@pytest.fixture(autouse=True)
def _house(rt: Runtime, cast: factories.Cast, switch: Switchboard) -> None:
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))
    switch.add_client([HERE + CALLBACK])
    switch.add_user(BLUE, name="Blue", kind="room", building="House 1", capacity=8)
    make.work(rt)


@pytest.fixture
def there_and_back(ada: FlaskClient, switch: Switchboard) -> Callable[..., str]:
    """Take Ada to Microsoft and back; return where our callback leads her."""

    def go(choice: str = "allow", who: str = ADA, **asked: object) -> str:
        switch.script_consent(choice, who)
        away = ada.post(CONNECT, data=asked).location
        back = dict(parse_qsl(urlsplit(httpx2.get(away).headers["location"]).query))
        answer = ada.get(CALLBACK, query_string=back)
        return answer.location or answer.text

    return go


@pytest.fixture
def account(rt: Runtime, there_and_back: Callable[..., str]) -> t.Account:
    """Ada's account, which may write and has synced."""
    there_and_back(access="write")
    with rt.reading() as session:
        found = session.exec(select(t.Account)).one()
    sync.run(rt, t.pk(found))
    return found


@pytest.fixture
def room(rt: Runtime) -> t.Resource:
    return make.make_resource(rt, "Blue room")


@pytest.fixture
def booked(rt: Runtime, ada: FlaskClient, account: t.Account, room: t.Resource) -> Booked:
    """A booking of a room that bookings invite."""
    asked = {"address": BLUE, "account": account.id, "is_invited": "y"}
    assert ada.post(f"/resources/{room.id}/asked", data=asked).status_code == 303
    event_type = make.make_event_type(rt, room)
    asked_busy.ask(rt, t.pk(account))
    return bookings.book(rt, Request(t.pk(event_type), TEN, "Jo"), by=CLI)


def said(rt: Runtime, booked: Booked, answer: RoomAnswer) -> None:
    with rt.writing() as session:
        session.exec(select(t.Taken).where(t.Taken.booking_id == booked.booking.id)).one().room_answer = answer


def rooms_url(account: t.Account, room: t.Resource) -> str:
    return f"/resources/{room.id}/rooms/{account.id}"


def test_a_room_is_chosen_from_the_list_once_that_was_allowed(
    ada: FlaskClient, rt: Runtime, account: t.Account, room: t.Resource, there_and_back: Callable[..., str]
) -> None:
    page = ada.get(f"/resources/{room.id}").text
    assert "List rooms" in page
    assert rooms_url(account, room) not in page
    asked = {"account": account.id, "extra": "rooms", "resource": room.id}
    before = text_of(ada.get(CONNECT, query_string=asked).text)
    assert "Read all company places" in before
    assert "One more permission for" in before
    assert there_and_back(**asked) == rooms_url(account, room)
    listed = text_of(ada.get(rooms_url(account, room)).text)
    assert "Blue blue@example.com House 1 8 people" in listed
    assert "No room like that" in ada.get(rooms_url(account, room), query_string={"q": "nowhere"}).text
    assert ada.post(rooms_url(account, room), data={"address": BLUE}).location == f"/resources/{room.id}"
    chosen = resources.get(rt, t.pk(room))
    assert (chosen.asked_address, chosen.asked_account_id, chosen.is_invited) == (BLUE, account.id, True)
    assert "Inviting a room sends no mail to any person" in text_of(ada.get(f"/resources/{room.id}").text)


def test_what_was_allowed_once_is_asked_for_again(
    rt: Runtime, account: t.Account, room: t.Resource, there_and_back: Callable[..., str]
) -> None:
    there_and_back(account=account.id, extra="rooms", resource=room.id)
    there_and_back(account=account.id)
    with rt.reading() as session:
        again = session.get_one(t.Account, account.id)
    assert "Place.Read.All" in again.scopes
    assert again.can_write


def test_a_refusal_leaves_the_account_as_it_was(
    ada: FlaskClient, rt: Runtime, account: t.Account, room: t.Resource, there_and_back: Callable[..., str]
) -> None:
    assert "You did not give permission" in there_and_back("deny", account=account.id, extra="rooms", resource=room.id)
    with rt.reading() as session:
        same = session.get_one(t.Account, account.id)
    assert (same.scopes, same.can_write, same.grant_ok) == (account.scopes, True, True)
    assert "List rooms" in ada.get(f"/resources/{room.id}").text


def test_without_approval_people_are_led_to_an_administrator(
    ada: FlaskClient, rt: Runtime, switch: Switchboard, account: t.Account, room: t.Resource, there_and_back
) -> None:
    switch.change_user(ADA, is_admin=False)
    page = there_and_back(account=account.id, extra="rooms", resource=room.id)
    assert "Link for administrators" in page
    switch.change_tenant("example.com", admin_consents={CLIENT_ID: ["Place.Read.All"]})
    assert there_and_back(account=account.id, extra="rooms", resource=room.id) == rooms_url(account, room)


def test_an_account_that_may_only_read_is_led_to_write_access(
    ada: FlaskClient, rt: Runtime, room: t.Resource, there_and_back: Callable[..., str]
) -> None:
    there_and_back(access="read")
    with rt.reading() as session:
        account = session.exec(select(t.Account)).one()
    there_and_back(account=account.id, extra="rooms", resource=room.id)
    answer = ada.post(rooms_url(account, room), data={"address": BLUE})
    assert answer.status_code == 422
    assert "Enable write access" in answer.text
    assert not resources.get(rt, t.pk(room)).is_invited


def test_rooms_are_for_admins(eli: FlaskClient, account: t.Account, room: t.Resource) -> None:
    assert eli.get(rooms_url(account, room)).status_code == 403
    assert eli.post(rooms_url(account, room), data={"address": BLUE}).status_code == 403
    assert "List rooms" not in eli.get(f"/resources/{room.id}").text


def test_a_typed_address_is_invited_only_where_that_is_ticked(
    ada: FlaskClient, rt: Runtime, account: t.Account, room: t.Resource
) -> None:
    asked = {"address": BLUE, "account": account.id}
    ada.post(f"/resources/{room.id}/asked", data=asked)
    assert not resources.get(rt, t.pk(room)).is_invited
    ada.post(f"/resources/{room.id}/asked", data=asked | {"is_invited": "y"})
    assert resources.get(rt, t.pk(room)).is_invited


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RoomAnswer.WAITING, "No answer yet"),
        (RoomAnswer.ACCEPTED, "Accepted"),
        (RoomAnswer.DECLINED, "Blue room declined this booking"),
        (RoomAnswer.OFF, "Blue room was taken off the event"),
    ],
)
def test_a_booking_says_what_its_room_said(
    ada: FlaskClient, rt: Runtime, booked: Booked, answer: RoomAnswer, words: str
) -> None:
    url = f"/bookings/{booked.booking.id}"
    assert "Not asked yet" in text_of(ada.get(url).text)
    said(rt, booked, answer)
    page = text_of(ada.get(url).text)
    assert words in page
    is_without = answer in (RoomAnswer.DECLINED, RoomAnswer.OFF)
    assert ("Choose another time" in page) is is_without
    listed = ada.get("/bookings/", query_string={"state": "no_room"}).text
    assert (url in listed) is is_without


def test_somebody_elses_account_cannot_be_asked_for_more(eli: FlaskClient, account: t.Account) -> None:
    assert eli.get(CONNECT, query_string={"account": account.id, "extra": "rooms"}).status_code == 404


# --- the mailbox's own time zone


def test_the_mailboxes_zone_is_read_where_somebody_asks_for_it(
    ada: FlaskClient, rt: Runtime, switch: Switchboard, account: t.Account, there_and_back: Callable[..., str]
) -> None:
    switch.change_user(ADA, time_zone="Tokyo Standard Time")
    url = f"/accounts/{account.id}"
    page = ada.get(url).text
    assert "read in UTC" in text_of(page)
    assert "extra=zone" in page
    assert [found.level for found in doctor.examine(rt) if found.check == "time zone"] == [Level.NOTE]
    assert "Read your mailbox settings" in ada.get(CONNECT, query_string={"account": account.id, "extra": "zone"}).text
    assert there_and_back(account=account.id, extra="zone") == url
    page = ada.get(url).text
    assert "Times without a zone are read in Asia/Tokyo" in text_of(page)
    assert "extra=zone" not in page
    assert [found for found in doctor.examine(rt) if found.check == "time zone"] == []
    there_and_back(account=account.id)
    assert "Asia/Tokyo" in text_of(ada.get(url).text)


# --- a full mailbox


def test_a_full_mailbox_stands_on_the_accounts_page_until_there_is_room(
    ada: FlaskClient, rt: Runtime, clock: factories.Clock, switch: Switchboard, account: t.Account, booked: Booked
) -> None:
    url = f"/accounts/{account.id}"
    switch.change_user(ADA, is_over_quota=True)
    sync.run(rt, t.pk(account))
    page = text_of(ada.get(url).text)
    assert "Needs attention" in page
    assert "The mailbox is full: 1 change waits" in page
    assert "Tried again every hour" in text_of(ada.get(f"{url}/issues").text)
    assert "The mailbox is full" in text_of(ada.get(f"/bookings/{booked.booking.id}").text)
    switch.change_user(ADA, is_over_quota=False)
    clock.advance(hours=2)
    sync.run(rt, t.pk(account))
    assert "mailbox is full" not in ada.get(url).text
