"""Disconnecting gives the permission back at the provider, unless another account lives by it."""

from calsync.services import disconnect
from calsync.services.disconnect import Choice
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI
from tests.sign_in.conftest import Office


def leave(office: Office, account: t.Account, user: t.User) -> None:
    disconnect.disconnect(office.rt, t.pk(account), Choice.KEEP, by=factories.acting(user))


def revoked(office: Office) -> int:
    return len(office.switch.requests("oauth.revoke"))


def test_the_permission_is_given_back(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    assert disconnect.preview(office.rt, t.pk(account)).shared == ()
    leave(office, account, office.cast.eli)
    assert (revoked(office), office.account(account.id).secret) == (1, None)


def test_a_shared_permission_stays_until_the_last_one_leaves(office: Office) -> None:
    mine = office.sign_in(office.cast.eli, ELI).account
    theirs = office.sign_in(office.cast.sam, ELI).account
    assert mine is not None
    assert theirs is not None
    assert disconnect.preview(office.rt, t.pk(mine)).shared == (ELI,)
    leave(office, mine, office.cast.eli)
    assert revoked(office) == 0
    assert office.account(theirs.id).grant_ok
    leave(office, theirs, office.cast.sam)
    assert revoked(office) == 1


def test_leaving_works_although_the_provider_is_out_of_reach(office: Office) -> None:
    account = office.sign_in(office.cast.eli).account
    assert account is not None
    office.switch.fault("drop_before", method="oauth.revoke")
    leave(office, account, office.cast.eli)
    assert office.account(account.id).state == "disconnected"
