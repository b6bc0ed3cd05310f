"""Attempts at signing in: bound to a login, good once; what was granted decides, and every way back has its reason."""

import json
from dataclasses import replace

import pytest
from sqlmodel import select

from calsync.errors import NotAllowed, NotFound, Refused, Unavailable
from calsync.providers.google.oauth import PREFIX
from calsync.providers.oauth import ClientRefused
from calsync.runtime import Runtime
from calsync.services import attempts, provider_settings, settings
from calsync.services.attempts import Asked, BoxesMissing
from calsync.services.provider_settings import ProviderSettings
from calsync.store import accounts as rows
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI, VIC
from tests.sign_in.conftest import Office
from tests.sign_in.emulated import NAME

LIST, READ, WRITE = (
    PREFIX + name for name in ("calendar.calendarlist.readonly", "calendar.events.readonly", "calendar.events")
)
WRITING = Asked(NAME, can_write=True)


def begun(office: Office, asked: Asked | None = None) -> tuple[int, str]:
    login = office.login(office.cast.eli)
    by = factories.acting(office.cast.eli)
    return login, attempts.begin(office.rt, asked or Asked(NAME), login_id=login, by=by)


def finish(office: Office, back: dict[str, str], login: int | None):
    return attempts.finish(office.rt, NAME, back, login_id=login, by=factories.acting(office.cast.eli))


def code_of(office: Office, back: dict[str, str], login: int | None) -> str:
    with pytest.raises(Refused) as raised:
        finish(office, back, login)
    return raised.value.code


# --- there and back


def test_connecting_starts_read_only(office: Office) -> None:
    arrived = office.sign_in(office.cast.eli)
    assert arrived.account is not None
    account = office.account(arrived.account.id)
    assert (account.username, account.can_write, account.user_id) == (ELI, False, office.cast.eli.id)
    assert (arrived.missing, arrived.gained_writing) == ((), False)


def test_connecting_with_write_access_asks_at_once(office: Office) -> None:
    account = office.sign_in(office.cast.eli, asked=WRITING).account
    assert account is not None
    assert account.can_write


def test_the_verifier_stays_here(office: Office) -> None:
    _, address = begun(office)
    with office.rt.reading() as session:
        row = session.exec(select(t.SignInAttempt)).one()
    state, nonce, verifier = json.loads(office.rt.secrets.unseal(row.secret or b""))
    assert verifier not in address
    assert f"state={state}" in address
    assert f"nonce={nonce}" in address
    assert state not in row.state_hash


def test_an_attempt_works_once(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    finish(office, back, login)
    assert code_of(office, back, login) == "state_lost"


def test_an_attempt_belongs_to_the_login_that_began_it(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    assert code_of(office, back, office.login(office.cast.sam)) == "state_lost"
    assert code_of(office, back, None) == "state_lost"
    assert code_of(office, {**back, "state": "guessed"}, login) == "state_lost"
    assert code_of(office, {}, login) == "state_lost"
    assert finish(office, back, login).account is not None  # a stranger's try does not spend it


def test_an_attempt_ends_after_half_an_hour(office: Office) -> None:
    login, address = begun(office)
    office.clock.advance(minutes=31)
    assert code_of(office, office.go(address), login) == "state_lost"
    begun(office)
    with office.rt.reading() as session:
        assert len(session.exec(select(t.SignInAttempt)).all()) == 1  # old ones are swept


def test_who_says_no_may_try_again(office: Office) -> None:
    login, address = begun(office)
    assert code_of(office, office.go(address, choice="deny"), login) == "access_denied"
    assert office.sign_in(office.cast.eli).account is not None


def test_a_code_that_is_too_old_is_told_apart(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    office.switch.advance(11 * 60)
    office.clock.advance(minutes=11)
    assert code_of(office, back, login) == "code_expired"


def test_a_wrong_clock_is_named_as_the_cause(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    office.switch.advance(3600)
    assert code_of(office, back, login) == "clock_wrong"


def test_a_network_fault_is_a_provider_error(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    office.switch.fault("drop_before", method="oauth.token")
    with pytest.raises(Unavailable):
        finish(office, back, login)


def test_wrong_credentials_are_our_own_fault(office: Office) -> None:
    login, address = begun(office)
    back = office.go(address)
    office.switch.change_client(client_secret="GOCSPX-ROTATEDROTATEDROTATEDROTAT")
    with pytest.raises(ClientRefused):
        finish(office, back, login)


def test_without_a_public_address_nobody_is_sent_away(office: Office) -> None:
    bare = office.rt.settings.model_copy(update={"public_url": ""})
    office.rt = replace(office.rt, settings=bare)
    with pytest.raises(Refused) as raised:
        begun(office)
    assert raised.value.code == "no_public_url"


# --- what was granted


def test_without_reading_nothing_is_connected_and_the_boxes_are_named(office: Office) -> None:
    login, address = begun(office, WRITING)
    with pytest.raises(BoxesMissing) as raised:
        finish(office, office.go(address, scopes=[LIST]), login)
    assert [box.scope for box in raised.value.boxes] == [WRITE]
    assert raised.value.asked == WRITING
    with office.rt.reading() as session:
        assert rows.list_accounts(session) == []


def test_write_access_that_was_not_ticked_leaves_a_readable_account(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    arrived = office.sign_in(office.cast.eli, asked=Asked(NAME, account.id, can_write=True), scopes=[LIST])
    assert [box.scope for box in arrived.missing] == [WRITE]
    assert not office.account(account.id).can_write


def test_enabling_write_access_widens_the_same_account_and_holds_what_waited(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    with office.rt.writing() as session:
        session.get_one(t.Account, account.id).last_success_at = office.clock()
    arrived = office.sign_in(office.cast.eli, asked=Asked(NAME, account.id, can_write=True))
    assert arrived.account is not None
    assert (arrived.account.id, arrived.gained_writing) == (account.id, True)
    assert (office.account(account.id).can_write, office.account(account.id).hold_next_plan) == (True, True)


def test_signing_in_again_keeps_write_access(office: Office) -> None:
    account = office.sign_in(office.cast.eli, asked=WRITING).account
    assert account is not None
    office.sign_in(office.cast.eli, asked=Asked(NAME, account.id))
    known = office.account(account.id)
    assert (known.can_write, known.hold_next_plan) == (True, False)


def test_no_lasting_token_is_asked_for_once_more(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    with office.rt.writing() as session:  # here everything is forgotten, at the provider nothing is
        session.delete(rows.list_calendars(session, t.pk(account))[0])
        session.flush()
        session.delete(session.get_one(t.Account, account.id))
    login, address = begun(office)
    first = finish(office, office.go(address), login)
    assert first.account is None
    assert "prompt=consent" in first.again_url
    assert finish(office, office.go(first.again_url), login).account is not None


def test_somebody_else_cannot_take_over_an_account(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    login, address = begun(office, Asked(NAME, account.id))
    assert code_of(office, office.go(address, VIC), login) == "other_subject"


# --- who may


def test_an_account_of_somebody_else_is_not_there(office: Office) -> None:
    account = office.sign_in(office.cast.sam).account
    assert account is not None
    with pytest.raises(NotFound):
        begun(office, Asked(NAME, account.id))


def save(rt: Runtime, office: Office, new: ProviderSettings) -> None:
    provider_settings.save(rt, NAME, new, provider_settings.get(rt, NAME)[1], by=factories.acting(office.cast.ada))


def test_a_provider_may_be_closed_to_a_role(office: Office) -> None:
    save(office.rt, office, ProviderSettings(roles=("admin",)))
    with pytest.raises(NotAllowed):
        begun(office)
    assert office.sign_in(office.cast.ada).account is not None


def test_new_accounts_begin_with_what_the_admin_chose(office: Office) -> None:
    save(office.rt, office, ProviderSettings(direction="inbound", frequency="60"))
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    with office.rt.reading() as session:
        rules = settings.rules_of(session, account)
    assert (rules.direction, rules.frequency) == ("inbound", "60")
    save(office.rt, office, ProviderSettings())
    assert office.account(account.id).overrides == {"direction": "inbound", "frequency": "60"}  # first choices only


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (ProviderSettings(roles=("king",)), "roles"),
        (ProviderSettings(direction="sideways"), "direction"),
        (ProviderSettings(frequency="never"), "frequency"),
    ],
)
def test_settings_that_cannot_be_are_refused(office: Office, new: ProviderSettings, field: str) -> None:
    with pytest.raises(Refused) as raised:
        save(office.rt, office, new)
    assert raised.value.field == field


def test_settings_are_the_admins_and_guarded_against_a_second_one(office: Office) -> None:
    with pytest.raises(NotAllowed):
        provider_settings.save(office.rt, NAME, ProviderSettings(), 0, by=factories.acting(office.cast.eli))
    save(office.rt, office, ProviderSettings(app_name="Acme Calendar"))
    with pytest.raises(Refused) as raised:
        provider_settings.save(office.rt, NAME, ProviderSettings(), 0, by=factories.acting(office.cast.ada))
    assert raised.value.code == "stale"
    assert provider_settings.get(office.rt, NAME)[0].app_name == "Acme Calendar"
    assert "provider.settings_changed" in office.audited()
