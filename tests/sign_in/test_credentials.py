"""Credentials: saved, proven, replaced, removed, tried; who is concerned, and what never comes out again."""

import json

import pytest
from sqlmodel import select

from calsync.errors import NotAllowed, NotFound, Refused, SignInNeeded
from calsync.providers.oauth import ClientPair
from calsync.services import attempts, credential_check, credentials, credentials_file, grants, notices
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ADA, ELI, VIC
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET
from tests.sign_in.conftest import NEW_ID, PAIR, Office
from tests.sign_in.emulated import NAME


def by_ada(office: Office):
    return factories.acting(office.cast.ada)


def standing(office: Office) -> credentials.Standing:
    with office.rt.reading() as session:
        return credentials.standing(session, NAME)


def in_use(office: Office) -> ClientPair:
    current = standing(office).current
    assert current is not None
    return grants.pair_of(office.rt, current.id)


def prove(office: Office) -> credentials.Ended:
    login = office.login(office.cast.ada)
    address = attempts.begin_proof(office.rt, NAME, login_id=login, by=by_ada(office))
    arrived = attempts.finish(office.rt, NAME, office.go(address, ADA), login_id=login, by=by_ada(office))
    assert arrived.ended is not None
    return arrived.ended


# --- saving


def test_the_first_pair_is_used_at_once_and_its_secret_is_sealed(bare: Office) -> None:
    row = credentials.save(bare.rt, NAME, ClientPair(f" {CLIENT_ID}\n", f"\t{CLIENT_SECRET} "), by=by_ada(bare))
    assert (row.state, row.client_id, row.secret_hint) == ("current", CLIENT_ID, "ends ..EXAM, 33 characters")
    assert CLIENT_SECRET.encode() not in (row.secret or b"")
    assert in_use(bare) == PAIR


def test_only_admins_touch_credentials(office: Office) -> None:
    eli = factories.acting(office.cast.eli)
    for attempt in (
        lambda: credentials.save(office.rt, NAME, PAIR, by=eli),
        lambda: credentials.remove(office.rt, NAME, by=eli),
        lambda: credentials.drop_candidate(office.rt, NAME, by=eli),
        lambda: credential_check.run(office.rt, NAME, by=eli),
        lambda: credentials_file.read(office.rt, NAME, b"{}", by=eli),
        lambda: attempts.begin_proof(office.rt, NAME, login_id=1, by=eli),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_what_is_in_use_already_is_not_saved_again(office: Office) -> None:
    with pytest.raises(Refused) as raised:
        credentials.save(office.rt, NAME, PAIR, by=by_ada(office))
    assert raised.value.code == "unchanged"


def test_the_secret_is_in_no_table_but_its_own(office: Office) -> None:
    credential_check.run(office.rt, NAME, by=by_ada(office))
    with office.rt.reading() as session:
        for entry in session.exec(select(t.AuditEntry)):
            assert CLIENT_SECRET not in json.dumps([entry.before, entry.after, entry.object_label])
    assert CLIENT_SECRET not in repr(standing(office))


def test_the_redirect_address_follows_from_the_public_address_alone(office: Office) -> None:
    assert credentials.redirect_uri(office.rt, NAME) == "https://calendar.example.com/oauth/google/callback"


# --- another pair


def test_a_new_secret_waits_for_its_proof_and_ends_no_grant(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    office.switch.change_client(client_secret="GOCSPX-ROTATEDROTATEDROTATEDROTAT")
    new = ClientPair(CLIENT_ID, "GOCSPX-ROTATEDROTATEDROTATEDROTAT")
    assert credentials.save(office.rt, NAME, new, by=by_ada(office)).state == "candidate"
    assert (in_use(office), standing(office).would_end) == (PAIR, False)
    assert prove(office) == credentials.Ended()
    assert in_use(office) == new
    assert standing(office).candidate is None
    office.clock.advance(hours=2)
    assert grants.bearer_of(office.rt, t.pk(account))(False)  # refreshed with the new secret


def test_another_client_ends_every_grant_when_it_is_proven(office: Office, other_client: ClientPair) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    credentials.save(office.rt, NAME, other_client, by=by_ada(office))
    known = standing(office)
    assert (known.would_end, known.accounts, known.people) == (True, 1, 1)
    assert office.account(account.id).grant_ok
    assert prove(office) == credentials.Ended(1, 1)
    assert in_use(office).client_id == NEW_ID
    ended = office.account(account.id)
    assert (ended.grant_ok, ended.grant_error, ended.secret) == (False, "client_changed", None)
    again = office.sign_in(office.cast.eli, asked=attempts.Asked(NAME, account.id)).account
    assert again is not None
    assert (again.id, again.grant_ok) == (account.id, True)


def test_a_candidate_that_does_not_work_changes_nothing(office: Office) -> None:
    credentials.save(office.rt, NAME, ClientPair(CLIENT_ID, "GOCSPX-wrongwrongwrongwrongwrong"), by=by_ada(office))
    lines = credential_check.run(office.rt, NAME, by=by_ada(office))
    assert [line.is_good for line in lines] == [True, False, True, True]
    with pytest.raises(Exception, match="invalid_client"):
        prove(office)
    assert in_use(office) == PAIR
    credentials.drop_candidate(office.rt, NAME, by=by_ada(office))
    assert standing(office).candidate is None
    with pytest.raises(NotFound):
        attempts.begin_proof(office.rt, NAME, login_id=office.login(office.cast.ada), by=by_ada(office))


# --- removing


def test_removing_ends_and_revokes_every_grant_and_leaves_the_data(office: Office) -> None:
    ids = [
        office.sign_in(user, who).account.id  # type: ignore[union-attr]
        for user, who in ((office.cast.eli, ELI), (office.cast.eli, VIC), (office.cast.sam, ADA))
    ]
    assert (standing(office).accounts, standing(office).people) == (3, 2)
    assert credentials.remove(office.rt, NAME, by=by_ada(office)) == credentials.Ended(3, 3)
    assert standing(office).current is None
    with office.rt.reading() as session:
        assert len(session.exec(select(t.Calendar)).all()) == 3
    for account_id in ids:
        account = office.account(account_id)
        assert (account.grant_ok, account.grant_error, account.state) == (False, "credentials_removed", "active")
        with pytest.raises(SignInNeeded, match="credentials_removed"):
            grants.bearer_of(office.rt, account_id)(False)
    with pytest.raises(Refused, match="not set up"):
        office.sign_in(office.cast.eli)
    assert "credentials.removed" in office.audited()


def test_owners_and_admins_are_told_of_the_removal(office: Office) -> None:
    office.sign_in(office.cast.eli)
    credentials.remove(office.rt, NAME, by=by_ada(office))
    notices.watch(office.rt)
    with office.rt.reading() as session:
        told = {(n.user_id, n.kind, n.facts["why"]) for n in session.exec(select(t.Notice))}
    people = (t.pk(office.cast.eli), t.pk(office.cast.ada))
    assert told == {(user_id, "reconnect", "credentials_removed") for user_id in people}


def test_removing_works_although_the_provider_is_out_of_reach(office: Office) -> None:
    office.sign_in(office.cast.eli)
    office.switch.fault("status", method="oauth.revoke", status=503)
    assert credentials.remove(office.rt, NAME, by=by_ada(office)) == credentials.Ended(1, 0)
    with pytest.raises(NotFound):
        credentials.remove(office.rt, NAME, by=by_ada(office))


# --- a file


def test_an_imported_file_is_reviewed_and_its_secret_is_shown_to_nobody(bare: Office) -> None:
    content = json.dumps(bare.switch.client_file()).encode()
    found = credentials_file.read(bare.rt, NAME, content, by=by_ada(bare))
    assert (found.client_id, found.redirect.is_match) == (CLIENT_ID, True)
    assert CLIENT_SECRET not in repr(found)
    assert CLIENT_SECRET not in found.token
    assert standing(bare).current is None  # reading saves nothing
    file = credentials_file.recall(bare.rt, NAME, found.token, by=by_ada(bare))
    assert (file.pair, file.project) == (PAIR, found.project)
    assert file.redirect_uris == (credentials.redirect_uri(bare.rt, NAME),)


def test_what_was_imported_is_good_for_an_hour_and_for_one_person(bare: Office) -> None:
    found = credentials_file.read(bare.rt, NAME, json.dumps(bare.switch.client_file()).encode(), by=by_ada(bare))
    sealed_otherwise = bare.rt.secrets.seal("[]").decode()
    other_admin = factories.acting(factories.make_user(bare.rt, "Root", "admin"))
    for token, by in ((found.token, other_admin), ("nonsense", by_ada(bare)), (sealed_otherwise, by_ada(bare))):
        with pytest.raises(Refused, match="Import the file again"):
            credentials_file.recall(bare.rt, NAME, token, by=by)
    bare.clock.advance(hours=2)
    with pytest.raises(Refused, match="Import the file again"):
        credentials_file.recall(bare.rt, NAME, found.token, by=by_ada(bare))
