"""Grants that end by themselves, as those of an app in testing do: known ahead, told once, renewed in time."""

from datetime import timedelta

import pytest
from sqlmodel import select

from calsync.errors import SignInNeeded
from calsync.services import credentials, grants, letters, notices
from calsync.services.attempts import Asked
from calsync.store import tables as t
from tests.sign_in.conftest import Office
from tests.sign_in.emulated import NAME

WEEK = timedelta(seconds=604_799)


def in_testing(office: Office, user: t.User | None = None, asked: Asked | None = None) -> t.Account:
    """Connect somebody whose permission lasts for a week."""
    account = office.sign_in(user or office.cast.eli, asked=asked, refresh_ttl_s=604_799).account
    assert account is not None
    return office.account(account.id)


def later(office: Office, **much: float) -> None:
    office.clock.advance(**much)
    office.switch.set_clock(office.clock())


def told(office: Office) -> list[t.Notice]:
    notices.watch(office.rt)
    with office.rt.reading() as session:
        return [n for n in session.exec(select(t.Notice)) if n.kind == "ending" and n.ended_at is None]


def test_the_end_stands_on_the_account(office: Office) -> None:
    assert in_testing(office).grant_ends_at == office.clock() + WEEK


def test_a_refresh_does_not_move_it(office: Office) -> None:
    account = in_testing(office)
    later(office, hours=30, seconds=0.7)
    grants.bearer_of(office.rt, t.pk(account))(False)
    assert office.account(account.id).grant_ends_at == account.grant_ends_at


def test_its_owner_alone_is_told_once_two_days_ahead(office: Office) -> None:
    in_testing(office)
    later(office, days=4.9)
    assert told(office) == []
    later(office, days=0.2)
    (notice,) = told(office)
    assert notice.user_id == office.cast.eli.id
    later(office, days=1)
    assert [n.id for n in told(office)] == [notice.id]


def test_the_mail_says_when_in_the_person_s_own_zone(office: Office) -> None:
    account = in_testing(office)
    later(office, days=6)
    (notice,) = told(office)
    office.cast.eli.tz = "Europe/Berlin"
    letter = letters.about(notice, office.cast.eli, letters.place(office.rt))
    assert "has to be reconnected soon" in letter.subject
    assert "14 January 2030, 09:59 (CET)" in letter.text
    assert f"/accounts/{account.id}" in letter.text


def test_reconnecting_in_time_asks_for_consent_and_begins_another_week(office: Office) -> None:
    account = in_testing(office)
    later(office, days=6)
    assert len(told(office)) == 1
    assert in_testing(office, asked=Asked(NAME, account.id)).grant_ends_at == office.clock() + WEEK
    assert told(office) == []


def test_a_lasting_permission_has_no_end(office: Office) -> None:
    account = in_testing(office)
    arrived = office.sign_in(office.cast.eli, asked=Asked(NAME, account.id))
    assert arrived.account is not None
    assert office.account(account.id).grant_ends_at is None


def test_once_it_is_over_the_notice_gives_way_to_the_one_about_reconnecting(office: Office) -> None:
    account = in_testing(office)
    later(office, days=7, minutes=1)
    with pytest.raises(SignInNeeded) as raised:
        grants.bearer_of(office.rt, t.pk(account))(False)
    assert raised.value.why == "grant_expired"
    with office.rt.writing() as session:
        session.get_one(t.Account, account.id).grant_ok = False
    assert told(office) == []


def test_the_card_knows_how_many_end_and_which_is_the_first(office: Office) -> None:
    first = in_testing(office).grant_ends_at
    later(office, hours=5)
    in_testing(office, office.cast.sam)
    with office.rt.reading() as session:
        holders = credentials.standing(session, NAME).holders
    assert (holders.accounts, holders.people, holders.ending, holders.ends_at) == (2, 2, 2, first)
