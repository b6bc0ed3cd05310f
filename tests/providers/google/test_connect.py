"""Accounts from a sign-in at Google: who may be connected, what is renewed, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.google.oauth import PREFIX
from calsync.providers.oauth import Identity, Tokens
from calsync.services import connect, connect_oauth, stored_tokens, sync
from calsync.store import accounts
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI, VIC
from tests.emulators.google.server import GoogleServer
from tests.proof.google_town import GoogleTown, found_google_town

READ_ONLY = frozenset({PREFIX + "calendar.events.readonly", PREFIX + "calendar.calendarlist.readonly"})
WHOLE = frozenset({PREFIX + "calendar.events", PREFIX + "calendar.calendarlist.readonly"})


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer) -> Iterator[GoogleTown]:
    made = found_google_town(tmp_path, google, 3)
    yield made
    made.rt.db.close()


def granted(town: GoogleTown, email: str = ELI, scopes: frozenset[str] = WHOLE) -> Tokens:
    answer = town.switch.tokens(email, sorted(scopes))
    return Tokens(answer["access_token"], town.clock.at.replace(hour=10), answer["refresh_token"], scopes)


def renew(town: GoogleTown, tokens: Tokens, who: Identity | None = None, credential_id: int | None = None) -> t.Account:
    subject = town.account().subject
    return connect_oauth.reconnect_granted(
        town.rt,
        town.account_id,
        tokens=tokens,
        who=who or Identity(subject, ELI),
        credential_id=credential_id or town.credential_id,
        by=factories.acting(town.cast.eli),
    )


def test_the_first_sign_in_chooses_the_persons_own_calendar(town: GoogleTown) -> None:
    account = town.account()
    assert (account.label, account.username, account.can_write) == (ELI, ELI, True)
    assert account.subject != ELI
    with town.rt.reading() as session:
        (calendar,) = accounts.list_calendars(session, town.account_id)
    assert (calendar.remote_id, calendar.syncs, calendar.is_write_target) == (ELI, True, True)


def test_signing_in_again_finds_the_links_and_doubles_nothing(town: GoogleTown) -> None:
    town.settle()
    before = town.titles_here()
    assert town.sign_in().id == town.account_id
    town.settle()
    assert town.titles_here() == before == town.titles_there()


def test_without_a_lasting_token_the_stored_one_stays(town: GoogleTown) -> None:
    stored = stored_tokens.read(town.rt, town.account().secret).refresh
    renew(town, replace(granted(town), refresh=""))
    assert stored_tokens.read(town.rt, town.account().secret).refresh == stored


def test_a_grant_to_other_credentials_needs_a_token_of_its_own(town: GoogleTown) -> None:
    with town.rt.writing() as session:
        other = t.ProviderCredential(provider=town.provider.info.name, client_id="other", created_at=town.clock())
        session.add(other)
        session.flush()
        other_id = t.pk(other)
    with pytest.raises(Refused) as raised:
        renew(town, replace(granted(town), refresh=""), credential_id=other_id)
    assert raised.value.code == "needs_consent"
    assert town.account().credential_id == town.credential_id


def test_somebody_else_is_refused(town: GoogleTown) -> None:
    before = town.account()
    with pytest.raises(Refused, match=f"You signed in as {VIC}") as raised:
        renew(town, granted(town, VIC), Identity("12345", VIC))
    assert raised.value.code == "other_subject"
    assert town.account().secret == before.secret


def test_reading_is_the_least_that_must_be_allowed(town: GoogleTown) -> None:
    with pytest.raises(Refused) as raised:
        renew(town, granted(town, scopes=frozenset({PREFIX + "calendar.events"})))
    assert raised.value.code == "scope_missing"


def test_an_account_that_may_only_read_gets_no_client_that_writes(town: GoogleTown) -> None:
    renew(town, granted(town, scopes=READ_ONLY))
    assert not town.account().can_write
    assert factories.client_of_a_run(town.rt, town.account_id) is None
    town.write(1)
    town.settle()
    assert town.titles_there() == ["There 0", "There 1", "There 2"]
    assert town.titles_here() == ["Here 1", "There 0", "There 1", "There 2"]
    connect.refresh_calendars(town.rt, town.account_id, by=factories.acting(town.cast.eli))
    assert not town.account().can_write  # owning the calendar there changes nothing about the grant
    renew(town, granted(town))
    assert town.account().can_write
    assert factories.client_of_a_run(town.rt, town.account_id) is not None


def test_a_person_has_several_accounts(town: GoogleTown) -> None:
    other = connect_oauth.connect_granted(
        town.rt,
        t.pk(town.cast.eli),
        town.provider.info.name,
        tokens=granted(town, VIC),
        who=Identity("777", VIC),
        credential_id=town.credential_id,
        by=factories.acting(town.cast.eli),
    )
    assert other.id != town.account_id
    sync.run(town.rt, t.pk(other))
    with town.rt.reading() as session:
        assert len(session.exec(select(t.Account)).all()) == 2


def test_who_may_not_connect_is_told_before_anything_is_asked(town: GoogleTown) -> None:
    def attempt(user_id: int, by: t.User) -> None:
        connect_oauth.connect_granted(
            town.rt,
            user_id,
            town.provider.info.name,
            tokens=granted(town),
            who=Identity("1", ELI),
            credential_id=town.credential_id,
            by=factories.acting(by),
        )

    with pytest.raises(NotFound):
        attempt(999, town.cast.ada)
    with pytest.raises(NotAllowed):
        attempt(t.pk(town.cast.vic), town.cast.vic)
