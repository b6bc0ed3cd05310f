"""Who hosts the meeting of a booking: the account that its event type names, else whoever is booked."""

from datetime import timedelta

import pytest
from sqlmodel import select

from calsync.errors import NotFound, Refused
from calsync.runtime import CLI
from calsync.services import bookings, clients, event_types
from calsync.services.bookings import Request
from calsync.services.event_types import EventTypeValues
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.conferences.office import START, Office

NOON = START + timedelta(hours=3)


@pytest.fixture
def sams(office: Office) -> t.Account:
    """Sam's account beside Eli's."""
    account = office.sign_in(office.cast.sam).account
    assert account is not None
    return account


def bookable(office: Office, host: t.Account | None) -> t.EventType:
    """Eli can be booked for a meeting at the provider, around the clock."""
    make.work(office.rt)
    return make.make_event_type(
        office.rt, office.cast.eli, location_kind=office.provider.kind, host_account_id=host and t.pk(host)
    )


def booked(office: Office, event_type: t.EventType) -> t.Activity:
    made = bookings.book(office.rt, Request(t.pk(event_type), NOON), by=CLI)
    office.settle()
    return office.fresh(made.activity)


def host_of(office: Office, activity: t.Activity) -> int | None:
    return office.conference(activity).account_id


def test_the_named_account_hosts_whoever_is_booked(office: Office, sams: t.Account) -> None:
    activity = booked(office, bookable(office, sams))
    assert host_of(office, activity) == sams.id
    assert office.link(activity)


def test_without_a_name_it_is_whoever_is_booked(office: Office, sams: t.Account) -> None:
    activity = booked(office, bookable(office, None))
    assert host_of(office, activity) == office.account().id != sams.id


def test_when_the_named_account_is_gone_whoever_is_booked_hosts(office: Office, sams: t.Account) -> None:
    event_type = bookable(office, sams)
    with office.rt.writing() as session:
        account = session.get_one(t.Account, sams.id)
        account.state, account.secret = "disconnected", None
    assert host_of(office, booked(office, event_type)) == office.account().id


def test_a_meeting_that_waits_is_hosted_once_the_named_account_is_there(office: Office, sams: t.Account) -> None:
    event_type = bookable(office, sams)
    with office.rt.writing() as session:
        for account in session.exec(select(t.Account)):
            account.state = "disconnected"
    activity = booked(office, event_type)
    assert host_of(office, activity) is None
    with office.rt.writing() as session:
        session.get_one(t.Account, sams.id).state = "active"
    office.settle()
    assert host_of(office, activity) == sams.id


def test_staff_choose_their_own_account_and_keep_what_an_admin_chose(office: Office, sams: t.Account) -> None:
    eli = factories.acting(office.cast.eli)
    values = EventTypeValues("Call", owner_id=t.pk(office.cast.eli), host_account_id=t.pk(sams))
    with pytest.raises(NotFound):
        event_types.create(office.rt, values, by=eli)
    made = event_types.create(office.rt, values, by=factories.acting(office.cast.ada))
    assert event_types.edit(office.rt, t.pk(made), values, version=1, by=eli).host_account_id == sams.id
    assert [a.id for a in event_types.hosts(office.rt, None, by=eli)] == [office.account().id]
    assert {a.id for a in event_types.hosts(office.rt, sams.id, by=eli)} == {office.account().id, sams.id}


def test_an_account_that_hosts_nothing_by_itself_is_refused(office: Office) -> None:
    other = factories.make_account(office.rt, office.cast.eli, provider="memory")
    values = EventTypeValues("Call", owner_id=t.pk(office.cast.eli), host_account_id=t.pk(other))
    with pytest.raises(Refused) as refused:
        event_types.create(office.rt, values, by=CLI)
    assert refused.value.field == "host_account_id"


def test_the_region_of_a_token_is_kept_with_it(office: Office) -> None:
    account = office.account()
    told = "https://api.zoom.us"  # what the emulator answers; it is no address of the emulator's own, and not followed
    assert clients.grant_of(office.rt, account).api_url == told
    client = office.provider.open_meetings(clients.grant_of(office.rt, account))
    assert client.api == office.provider.endpoints.api
    client.close()
