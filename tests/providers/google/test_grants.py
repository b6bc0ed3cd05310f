"""Tokens of accounts: sealed, refreshed ahead of their end and by one at a time, and never lost."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.errors import SignInNeeded, Unavailable
from calsync.providers.google import endpoints
from calsync.providers.google.oauth import GoogleAuthorizer
from calsync.providers.google.provider import GoogleProvider
from calsync.providers.oauth import ClientRefused, Tokens
from calsync.runtime import Runtime
from calsync.services import clients, grants, stored_tokens
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ADA
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard


@dataclass
class Office:
    """An installation with one account of Ada's at Google, and a second process on the same database."""

    rt: Runtime
    other: Runtime
    clock: factories.Clock
    switch: Switchboard
    account_id: int

    def account(self) -> t.Account:
        with self.rt.reading() as session:
            return session.get_one(t.Account, self.account_id)

    def grant(self, **changes: Any) -> Tokens:
        """Let Ada give a new grant and store it."""
        answer = self.switch.tokens(ADA, **changes)
        ends = changes.get("refresh_ttl_s")
        now = self.clock()
        tokens = Tokens(
            answer["access_token"],
            now + timedelta(seconds=answer["expires_in"]),
            answer["refresh_token"],
            frozenset(answer["scope"].split()),
            None if ends is None else now + timedelta(seconds=ends),
        )
        with self.rt.writing() as session:
            grants.save(self.rt, session, session.get_one(t.Account, self.account_id), tokens)
        return tokens

    def refreshes(self) -> int:
        return len(self.switch.requests("oauth.token"))


@pytest.fixture
def office(google: GoogleServer, tmp_path: Path) -> Iterator[Office]:
    clock = factories.Clock()
    where = endpoints.at(google.base_url)
    provider = GoogleProvider(endpoints=where, oauth=GoogleAuthorizer(where, allow_private_network=True))

    def runtime() -> Runtime:
        return factories.make_runtime(
            tmp_path, clock, providers={provider.info.name: provider}, sleep=lambda _: time.sleep(0.005)
        )

    rt, other = runtime(), runtime()
    cast = factories.make_cast(rt)
    with rt.writing() as session:
        pair = t.ProviderCredential(
            provider=provider.info.name, client_id=CLIENT_ID, secret=rt.secrets.seal(CLIENT_SECRET), created_at=clock()
        )
        session.add(pair)
        session.flush()
        account = t.Account(
            user_id=cast.eli.id,
            provider=provider.info.name,
            subject="1",
            credential_id=pair.id,
            allow_private_network=True,
            created_at=clock(),
        )
        session.add(account)
        session.flush()
        account_id = t.pk(account)
    yield Office(rt, other, clock, google.switch, account_id)
    rt.db.close()
    other.db.close()


def test_tokens_are_sealed(office: Office) -> None:
    tokens = office.grant()
    secret = office.account().secret
    assert secret is not None
    assert tokens.refresh.encode() not in secret
    assert tokens.refresh not in repr(stored_tokens.read(office.rt, secret))


def test_a_good_token_is_used_as_it_is(office: Office) -> None:
    tokens = office.grant()
    assert grants.bearer_of(office.rt, office.account_id)(False) == tokens.access
    assert office.refreshes() == 0


def test_a_token_is_refreshed_ahead_of_its_end(office: Office) -> None:
    tokens = office.grant()
    bearer = grants.bearer_of(office.rt, office.account_id)
    office.clock.advance(minutes=56)
    fresh = bearer(False)
    assert fresh != tokens.access
    assert (bearer(False), office.refreshes()) == (fresh, 1)
    # The answer brought no refresh token: the stored one is kept.
    assert stored_tokens.read(office.rt, office.account().secret).refresh == tokens.refresh


def test_a_refused_token_is_replaced_once(office: Office) -> None:
    office.grant()
    one, other = (grants.bearer_of(rt, office.account_id) for rt in (office.rt, office.other))
    first = one(False)
    other(False)
    assert one(True) != first
    assert other(True) == one(False)  # somebody replaced it already
    assert office.refreshes() == 1


def test_one_refreshes_and_all_others_wait(office: Office) -> None:
    office.grant()
    office.clock.advance(hours=2)
    office.switch.fault("slow", method="oauth.token", seconds=0.3)
    begin = threading.Barrier(8)

    def ask(rt: Runtime) -> str:
        begin.wait()
        return grants.bearer_of(rt, office.account_id)(False)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, [office.rt, office.other] * 4))
    assert len(found) == 1
    assert office.refreshes() == 1


def test_a_refresh_that_died_is_taken_over(office: Office) -> None:
    office.grant()
    office.clock.advance(hours=2)
    assert grants._claim(office.other, office.account_id, grants._look(office.other, office.account_id)) is not None
    office.clock.advance(seconds=91)
    assert grants.bearer_of(office.rt, office.account_id)(False)
    assert office.refreshes() == 1


def test_a_refresh_without_end_is_waited_for_no_longer_than_it_may_last(office: Office) -> None:
    office.grant()
    office.clock.advance(hours=2)
    grants._claim(office.other, office.account_id, grants._look(office.other, office.account_id))
    impatient = replace(office.rt, sleep=lambda _: None)
    with pytest.raises(Unavailable):
        grants.bearer_of(impatient, office.account_id)(False)


def test_what_came_too_late_does_not_replace_a_new_sign_in(office: Office) -> None:
    office.grant()
    office.clock.advance(hours=2)
    claimed = grants._claim(office.rt, office.account_id, grants._look(office.rt, office.account_id))
    assert claimed is not None
    newer = office.grant()
    assert grants._refresh(office.rt, office.account_id, claimed).access == newer.access


def revoked(office: Office) -> None:
    office.grant()
    office.switch.revoke(ADA)


def testing_mode(office: Office) -> None:
    office.grant(refresh_ttl_s=604_799)
    office.clock.advance(days=8)
    office.switch.set_clock(office.clock())


def forgotten(office: Office) -> None:
    office.grant()
    office.clock.advance(days=190)
    office.switch.set_clock(office.clock())


@pytest.mark.parametrize(
    ("what", "why"), [(revoked, "invalid_grant"), (testing_mode, "grant_expired"), (forgotten, "grant_unused")]
)
def test_the_likeliest_cause_of_a_dead_grant(office: Office, what: Callable[[Office], None], why: str) -> None:
    what(office)
    office.clock.advance(hours=2)
    for _ in range(2):  # the claim was given back
        with pytest.raises(SignInNeeded) as raised:
            grants.bearer_of(office.rt, office.account_id)(False)
        assert raised.value.why == why


def test_without_credentials_no_grant_is_called_dead(office: Office) -> None:
    office.grant()
    office.clock.advance(hours=2)
    with office.rt.writing() as session:
        session.get_one(t.ProviderCredential, 1).secret = None
    with pytest.raises(ClientRefused):
        grants.bearer_of(office.rt, office.account_id)(False)


def test_a_disconnected_account_has_no_token(office: Office) -> None:
    with pytest.raises(SignInNeeded):
        grants.bearer_of(office.rt, office.account_id)(False)


def test_the_granted_scopes_decide_about_writing(office: Office) -> None:
    office.grant()
    assert office.account().can_write
    list_only = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
    office.grant(scopes=[list_only])
    assert (office.account().can_write, office.account().scopes) == (False, [list_only])


def test_the_end_of_a_limited_grant_is_known_and_outlives_a_refresh(office: Office) -> None:
    office.grant()
    assert office.account().grant_ends_at is None
    end = office.clock() + timedelta(seconds=604_799)
    office.grant(refresh_ttl_s=604_799)
    office.clock.advance(hours=1)
    office.switch.set_clock(office.clock())
    grants.bearer_of(office.rt, office.account_id)(False)
    assert office.account().grant_ends_at == end


def test_a_client_lives_by_the_tokens(office: Office) -> None:
    office.grant()
    office.switch.expire_tokens(ADA)
    reader = clients.open_reader(office.rt, office.account_id)
    assert [calendar.remote_id for calendar in reader.calendars()] == [ADA]
    reader.close()
    assert office.refreshes() == 1


def test_leaving_revokes_the_grant(office: Office) -> None:
    office.grant()
    assert grants.end(office.rt, office.account_id)
    office.clock.advance(hours=2)
    with pytest.raises(SignInNeeded):
        grants.bearer_of(office.rt, office.account_id)(False)


def test_a_grant_that_another_account_lives_by_is_not_revoked(office: Office) -> None:
    office.grant()
    with office.rt.writing() as session:
        mine = session.get_one(t.Account, office.account_id)
        values = mine.model_dump(exclude={"id", "public_id", "user_id"})
        session.add(t.Account(**values, user_id=1))
    assert not grants.end(office.rt, office.account_id)
    office.clock.advance(hours=2)
    assert grants.bearer_of(office.rt, office.account_id)(False)


def test_leaving_works_although_google_is_out_of_reach(office: Office) -> None:
    office.grant()
    office.switch.fault("status", method="oauth.revoke", status=503)
    assert not grants.end(office.rt, office.account_id)
