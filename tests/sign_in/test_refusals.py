"""A provider that no longer knows us: admins are told once, accounts wait, and everything comes back by itself."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.errors import ProviderError
from calsync.providers.oauth import ClientPair, ClientRefused
from calsync.services import attempts, credential_check, credentials, grants, mail, notices, refusals, settings
from calsync.services.attempts import Asked
from calsync.services.settings import MailServer
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ADA
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer
from tests.parts.smtp import SmtpSink
from tests.proof.google_town import found_google_town
from tests.sign_in.conftest import PAIR, Office
from tests.sign_in.emulated import NAME

ROTATED = "GOCSPX-ROTATEDROTATEDROTATEDROTAT"


def current(office: Office) -> t.ProviderCredential:
    with office.rt.reading() as session:
        found = credentials.standing(session, NAME).current
    assert found is not None
    return found


def connected(office: Office, user: t.User | None = None) -> t.Account:
    account = office.sign_in(user or office.cast.eli).account
    assert account is not None
    return account


def failing(office: Office, account: t.Account, runs: int = 3) -> datetime:
    """Let an account have failed so many runs, due again tomorrow."""
    with office.rt.writing() as session:
        row = session.get_one(t.Account, account.id)
        row.failed_runs, row.last_error, row.next_sync_at = runs, "permission: 401", office.clock() + timedelta(days=1)
        return row.next_sync_at


def refresh(office: Office, account: t.Account) -> str:
    """Replace the token of an account, as a run does whose token is refused."""
    bearer = grants.bearer_of(office.rt, t.pk(account))
    bearer(False)
    return bearer(True)


def refused(office: Office, account: t.Account) -> None:
    with pytest.raises(ClientRefused):
        refresh(office, account)


def told(office: Office) -> list[tuple[str, int]]:
    notices.watch(office.rt)
    with office.rt.reading() as session:
        return sorted((n.kind, n.user_id) for n in session.exec(select(t.Notice)) if n.ended_at is None)


@pytest.mark.parametrize("change", [{"client_secret": ROTATED}, {"is_deleted": True}])
def test_a_refusal_is_noted_once_and_ends_no_grant(office: Office, change: dict[str, object]) -> None:
    account = connected(office)
    office.switch.change_client(CLIENT_ID, **change)
    refused(office, account)
    since = current(office).refused_at
    assert since == office.clock()
    office.clock.advance(minutes=5)
    refused(office, account)
    assert current(office).refused_at == since
    assert CLIENT_SECRET not in current(office).refused_why
    assert office.account(account.id).grant_ok


def test_admins_are_told_and_the_owner_learns_whose_turn_it_is(office: Office) -> None:
    account = connected(office)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    refused(office, account)
    assert told(office) == [("credentials", office.cast.ada.id)]
    failing(office, account)
    assert told(office) == sorted([("credentials", office.cast.ada.id), ("failing", office.cast.eli.id)])
    with office.rt.reading() as session:
        notice = session.exec(select(t.Notice).where(t.Notice.kind == "failing")).one()
    assert notice.facts["why"] == "client_refused"


def test_it_is_mailed_when_it_begins_and_when_it_is_over(office: Office, smtp: SmtpSink) -> None:
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(office.rt, server, 0, by=factories.acting(office.cast.ada))
    account = connected(office)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    for _ in range(3):
        refused(office, account)
        tick(office)
    office.switch.change_client(CLIENT_ID, client_secret=CLIENT_SECRET)
    for _ in range(3):
        refresh(office, account)
        tick(office)
    subjects = [m.subject.partition(": ")[2] for m in smtp.messages]
    assert subjects == ["Google Calendar no longer knows this installation", "Google Calendar works again"]
    assert "/integrations/google/credentials" in smtp.messages[0].text


def tick(office: Office) -> None:
    notices.watch(office.rt)
    notices.mail_due(office.rt)
    mail.send_waiting(office.rt)


def test_whose_client_is_back_comes_back_with_everybody_else(office: Office) -> None:
    one, other = connected(office), connected(office, office.cast.sam)
    due = failing(office, other)
    office.switch.change_client(CLIENT_ID, is_deleted=True)
    refused(office, one)
    assert office.account(other.id).next_sync_at == due
    office.switch.change_client(CLIENT_ID, is_deleted=False)
    refresh(office, one)
    assert current(office).refused_at is None
    assert office.account(other.id).next_sync_at == office.clock()


def test_a_run_that_meets_it_fails_and_the_next_one_goes_on(tmp_path: Path, google: GoogleServer) -> None:
    town = found_google_town(tmp_path, google, events_there=1)
    town.sync()
    town.switch.change_client(CLIENT_ID, is_deleted=True)
    town.switch.expire_tokens()
    run = town.sync()
    assert (run.state, run.error_class) == ("failed", "permission")
    assert (town.account().failed_runs, town.account().grant_ok) == (1, True)
    town.switch.change_client(CLIENT_ID, is_deleted=False)
    town.put(2)
    assert town.sync().state == "succeeded"
    assert town.account().failed_runs == 0
    with town.rt.reading() as session:
        assert [row.refused_at for row in session.exec(select(t.ProviderCredential))] == [None]
    town.rt.db.close()


def test_a_new_secret_that_is_proven_ends_it(office: Office) -> None:
    account = connected(office)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    refused(office, account)
    failing(office, account)
    by, login = factories.acting(office.cast.ada), office.login(office.cast.ada)
    credentials.save(office.rt, NAME, ClientPair(CLIENT_ID, ROTATED), by=by)
    address = attempts.begin_proof(office.rt, NAME, login_id=login, by=by)
    attempts.finish(office.rt, NAME, office.go(address, ADA), login_id=login, by=by)
    assert current(office).refused_at is None
    assert office.account(account.id).next_sync_at == office.clock()
    assert refresh(office, account)


def test_who_signs_in_finds_out_too(office: Office) -> None:
    login, by = office.login(office.cast.eli), factories.acting(office.cast.eli)
    back = office.go(attempts.begin(office.rt, Asked(NAME), login_id=login, by=by))
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    with pytest.raises(ClientRefused):
        attempts.finish(office.rt, NAME, back, login_id=login, by=by)
    assert current(office).refused_at is not None


def test_the_test_notes_what_it_finds(office: Office) -> None:
    by = factories.acting(office.cast.ada)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    credential_check.run(office.rt, NAME, by=by)
    assert "not its secret" in current(office).refused_why
    office.switch.change_client(CLIENT_ID, client_secret=CLIENT_SECRET)
    credential_check.run(office.rt, NAME, by=by)
    assert current(office).refused_at is None


def test_a_refusal_of_a_pair_that_was_replaced_meanwhile_says_nothing(office: Office) -> None:
    refusals.note_refused(office.rt, current(office).id, ClientPair(CLIENT_ID, ROTATED), "invalid_client")
    assert current(office).refused_at is None
    refusals.note_refused(office.rt, current(office).id, PAIR, "invalid_client")
    assert current(office).refused_at is not None


def test_no_answer_says_nothing_of_the_pair(office: Office) -> None:
    account = connected(office)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    refused(office, account)
    since = current(office).refused_at
    office.switch.fault("drop_before", method="oauth.token")
    with pytest.raises(ProviderError):
        refresh(office, account)
    assert current(office).refused_at == since


def test_removed_credentials_are_no_recovery(office: Office) -> None:
    account = connected(office)
    office.switch.change_client(CLIENT_ID, client_secret=ROTATED)
    refused(office, account)
    assert ("credentials", office.cast.ada.id) in told(office)
    credentials.remove(office.rt, NAME, by=factories.acting(office.cast.ada))
    assert {kind for kind, _ in told(office)} == {"reconnect"}
