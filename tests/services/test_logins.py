"""Signing in, staying signed in, and being kept out."""

import contextlib
import threading
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher

from calsync.errors import NotFound, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import logins, passwords, second_factor, throttle
from calsync.store import audit
from calsync.store import people as store
from calsync.store import tables as t
from tests.factories import PASSWORD, START, Clock, acting, make_cast, make_user

pytestmark = pytest.mark.postgres
GOOD = "three green umbrellas"
HERE = "192.0.2.1"


def sign_in(rt: Runtime, user: t.User, address: str = HERE) -> str:
    found = logins.authenticate(rt, user.email, PASSWORD, address=address)
    return logins.start_login(rt, found, address=address, agent="Firefox")


def refusal(rt: Runtime, email: str, password: str, address: str = HERE) -> str:
    with pytest.raises(Refused) as caught:
        logins.authenticate(rt, email, password, address=address)
    return caught.value.code


def enrol(rt: Runtime, user: t.User, clock: Clock) -> tuple[pyotp.TOTP, list[str]]:
    app = pyotp.TOTP(second_factor.begin(rt, by=acting(user)).secret)
    codes = second_factor.enable(rt, app.at(clock()), by=acting(user))
    clock.advance(seconds=30)
    return app, codes


# --- passwords and sessions ---------------------------------------------------------------------------------


def test_a_right_password_gives_a_key_that_is_not_stored(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    key = sign_in(rt, eli)
    found = logins.find_login(rt, key)
    assert found is not None
    assert found.user.id == eli.id
    with rt.reading() as session:
        row = session.get(t.Login, found.login_id)
    assert row is not None
    assert key not in row.key_hash
    assert logins.find_login(rt, row.key_hash) is None


@pytest.mark.parametrize("email", ["eli@example.com", "ELI@example.com ", "nobody@example.com", "dan@example.com"])
def test_a_wrong_password_says_the_same_whoever_it_is(rt: Runtime, email: str) -> None:
    make_user(rt, "Eli")
    make_user(rt, "Dan", is_disabled=True)
    assert refusal(rt, email, "wrong") == "bad_credentials"


def test_a_disabled_or_invited_person_gets_the_same_answer(rt: Runtime) -> None:
    make_user(rt, "Dan", is_disabled=True)
    make_user(rt, "Ivy", password_hash=None)
    for email in ("dan@example.com", "ivy@example.com"):
        assert refusal(rt, email, PASSWORD) == "bad_credentials"


def test_whoever_it_is_one_hash_is_computed(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user(rt, "Eli", password_hash=passwords.hashed(PASSWORD))
    make_user(rt, "Dan", password_hash=passwords.hashed(PASSWORD), is_disabled=True)
    make_user(rt, "Ivy", password_hash=None)
    verified: list[str] = []
    hasher = passwords._hasher

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(hasher, name)

        def hash(self, password: str) -> str:
            raise AssertionError("the first of them would take twice as long")

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.rsplit("$", 2)[0])
            return hasher.verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for name in ("eli", "dan", "ivy", "nobody"):
        assert refusal(rt, f"{name}@example.com", "wrong") == "bad_credentials"
    assert len(verified) == 4
    assert len(set(verified)) == 1  # all with the same parameters


def test_an_old_hash_is_renewed_by_signing_in(rt: Runtime) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16)
    eli = make_user(rt, "Eli", password_hash=weaker.hash(PASSWORD))
    assert passwords.is_outdated(eli.password_hash or "")
    sign_in(rt, eli)
    with rt.reading() as session:
        stored = store.get(session, eli.id or 0).password_hash or ""
    assert not passwords.is_outdated(stored)
    assert stored.startswith("$argon2id$")
    sign_in(rt, eli)


def test_a_session_ends_when_it_is_not_used(rt: Runtime, clock: Clock) -> None:
    key = sign_in(rt, make_user(rt, "Eli"))
    for _ in range(3):  # used now and then it goes on
        clock.advance(days=13)
        assert logins.find_login(rt, key) is not None
    clock.advance(days=14, seconds=1)
    assert logins.find_login(rt, key) is None


def test_not_every_request_writes(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    key = sign_in(rt, eli)
    clock.advance(minutes=4)
    logins.find_login(rt, key)
    (login,) = logins.list_logins(rt, eli.id or 0, by=acting(eli))
    assert login.last_seen_at == START
    clock.advance(minutes=1)
    logins.find_login(rt, key)
    (login,) = logins.list_logins(rt, eli.id or 0, by=acting(eli))
    assert login.last_seen_at == clock()


def test_changing_the_password_ends_every_other_session(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    here, there = sign_in(rt, eli), sign_in(rt, eli, "198.51.100.7")
    half = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    logins.change_password(rt, eli.id or 0, PASSWORD, GOOD, by=acting(eli), except_key=here)
    assert logins.find_login(rt, here) is not None
    assert logins.find_login(rt, there) is None
    with pytest.raises(Refused, match="Sign in again"):
        logins.start_login(rt, half, address=HERE, agent="")
    assert refusal(rt, eli.email, PASSWORD) == "bad_credentials"


def test_changing_the_password_takes_the_old_one(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    for old, new, field in (("wrong", GOOD, "old"), (PASSWORD, "short", "password")):
        with pytest.raises(Refused) as caught:
            logins.change_password(rt, eli.id or 0, old, new, by=acting(eli))
        assert caught.value.field == field
    sign_in(rt, eli)


def test_log_out_everywhere_and_somewhere(rt: Runtime) -> None:
    cast = make_cast(rt)
    keys = [sign_in(rt, cast.eli) for _ in range(3)]
    other = sign_in(rt, cast.sam)
    found = logins.find_login(rt, keys[0])
    assert found is not None
    with pytest.raises(NotFound):
        logins.end_login(rt, found.login_id, by=acting(cast.sam))
    logins.end_login(rt, found.login_id, by=acting(cast.eli))
    assert logins.end_all(rt, cast.eli.id or 0, by=acting(cast.eli), except_key=keys[1]) == 1
    alive = [logins.find_login(rt, key) is not None for key in (*keys, other)]
    assert alive == [False, True, False, True]


# --- throttle -----------------------------------------------------------------------------------------------


def test_guessing_at_one_account_is_stopped_wherever_it_comes_from(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    for number in range(throttle.MOST_OF_ACCOUNT):
        assert refusal(rt, eli.email, "wrong", f"198.51.100.{number}") == "bad_credentials"
    assert refusal(rt, eli.email, PASSWORD) == "throttled"
    assert refusal(rt, eli.email.upper(), PASSWORD) == "throttled"
    clock.advance(minutes=14, seconds=59)
    assert refusal(rt, eli.email, PASSWORD) == "throttled"
    clock.advance(seconds=1)
    sign_in(rt, eli)


def test_guessing_from_one_address_is_stopped_whoever_it_is_about(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    for number in range(throttle.MOST_FROM_ADDRESS):
        assert refusal(rt, f"{number}@example.com", "wrong") == "bad_credentials"
    assert refusal(rt, eli.email, PASSWORD) == "throttled"
    sign_in(rt, eli, "198.51.100.7")


def test_unknown_accounts_are_throttled_like_known_ones(rt: Runtime) -> None:
    for number in range(throttle.MOST_OF_ACCOUNT):
        refusal(rt, "nobody@example.com", "wrong", f"198.51.100.{number}")
    assert refusal(rt, "nobody@example.com", "wrong") == "throttled"


def test_an_ipv6_guesser_s_whole_network_counts(rt: Runtime) -> None:
    for number in range(throttle.MOST_FROM_ADDRESS):
        refusal(rt, f"{number}@example.com", "wrong", f"2001:db8::{number:x}")
    assert refusal(rt, "eli@example.com", PASSWORD, "2001:db8::ffff") == "throttled"
    assert refusal(rt, "eli@example.com", PASSWORD, "2001:db8:0:1::1") == "bad_credentials"


def test_a_guesser_s_own_account_does_not_clear_the_count(rt: Runtime) -> None:
    make_user(rt, "Eli")
    eve = make_user(rt, "Eve")
    for number in range(throttle.MOST_FROM_ADDRESS):
        if number % 5 == 0:
            sign_in(rt, eve)
        refusal(rt, f"victim{number}@example.com", "wrong")
    assert refusal(rt, eve.email, PASSWORD) == "throttled"


def test_many_guesses_at_once_do_not_slip_through(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    codes: list[str] = []

    def guess(number: int) -> None:
        codes.append(refusal(rt, eli.email, "wrong", f"198.51.100.{number}"))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(codes) == 16
    assert codes.count("bad_credentials") <= throttle.MOST_OF_ACCOUNT


def test_own_mistakes_are_forgotten_after_signing_in(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    for _ in range(3):
        for _ in range(throttle.MOST_OF_ACCOUNT - 1):
            refusal(rt, eli.email, "wrong")
        sign_in(rt, eli)


# --- second factor ------------------------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_once_a_code_was_entered(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    second_factor.begin(rt, by=acting(eli))
    assert not logins.authenticate(rt, eli.email, PASSWORD, address=HERE).needs_code
    app, _ = enrol(rt, eli, clock)
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    assert found.needs_code
    logins.confirm(rt, found, app.at(clock()), address=HERE)
    logins.start_login(rt, found, address=HERE, agent="")


def test_a_code_works_once(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    app, _ = enrol(rt, eli, clock)
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    used = app.at(clock())
    logins.confirm(rt, found, used, address=HERE)
    with pytest.raises(Refused) as caught:
        logins.confirm(rt, found, used, address=HERE)
    assert caught.value.code == "bad_code"


def test_an_older_code_does_not_work_after_a_newer_one(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    app, _ = enrol(rt, eli, clock)
    clock.advance(seconds=60)
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    older, newer = app.at(clock() - timedelta(seconds=30)), app.at(clock())
    logins.confirm(rt, found, newer, address=HERE)
    with pytest.raises(Refused):
        logins.confirm(rt, found, older, address=HERE)


@pytest.mark.parametrize(("off", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_telephone_s_clock_may_be_a_step_off(rt: Runtime, clock: Clock, off: int, works: bool) -> None:
    eli = make_user(rt, "Eli")
    app, _ = enrol(rt, eli, clock)
    clock.advance(minutes=5)
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    expected = contextlib.nullcontext() if works else pytest.raises(Refused)
    with expected:
        logins.confirm(rt, found, app.at(clock() + timedelta(seconds=30 * off)), address=HERE)


def test_guessing_codes_is_stopped_even_with_the_right_password(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    enrol(rt, eli, clock)
    codes = []
    for _ in range(throttle.MOST_OF_ACCOUNT + 1):
        try:
            found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
            logins.confirm(rt, found, "000000", address=HERE)
        except Refused as refused:
            codes.append(refused.code)
    assert codes[-1] == "throttled"
    assert refusal(rt, eli.email, PASSWORD) == "throttled"


def test_each_of_ten_recovery_codes_works_once(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    _, codes = enrol(rt, eli, clock)
    assert len(set(codes)) == 10
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    logins.confirm(rt, found, codes[0].lower().replace("-", " "), address=HERE)
    assert second_factor.recovery_codes_left(rt, eli.id or 0) == 9
    with pytest.raises(Refused) as caught:
        logins.confirm(rt, found, codes[0], address=HERE)
    assert caught.value.code == "bad_code"


def test_new_recovery_codes_replace_the_old_ones(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    app, old = enrol(rt, eli, clock)
    new = second_factor.renew_recovery_codes(rt, app.at(clock()), by=acting(eli))
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    with pytest.raises(Refused):
        logins.confirm(rt, found, old[0], address=HERE)
    logins.confirm(rt, found, new[0], address=HERE)


def test_an_admin_removes_a_lost_second_factor(rt: Runtime, clock: Clock) -> None:
    cast = make_cast(rt)
    enrol(rt, cast.eli, clock)
    second_factor.remove(rt, cast.eli.id or 0, by=acting(cast.ada))
    assert not logins.authenticate(rt, cast.eli.email, PASSWORD, address=HERE).needs_code
    assert second_factor.recovery_codes_left(rt, cast.eli.id or 0) == 0


def test_a_second_factor_is_not_replaced_by_beginning_again(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    enrol(rt, eli, clock)
    with pytest.raises(Refused, match="Remove it first"):
        second_factor.begin(rt, by=acting(eli))


def test_what_the_app_needs_carries_the_organisation_and_no_repr(rt: Runtime) -> None:
    enrolment = second_factor.begin(rt, by=acting(make_user(rt, "Eli")))
    assert "issuer=Calsync" in enrolment.uri
    assert enrolment.qr_svg.startswith("<svg")
    assert enrolment.secret not in repr(enrolment)


def test_no_secret_of_a_sign_in_stands_in_the_audit_log(rt: Runtime, clock: Clock) -> None:
    eli = make_user(rt, "Eli")
    app, codes = enrol(rt, eli, clock)
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    logins.confirm(rt, found, codes[0], address=HERE)
    key = logins.start_login(rt, found, address=HERE, agent="")
    logins.change_password(rt, eli.id or 0, PASSWORD, GOOD, by=acting(eli))
    with rt.reading() as session:
        entries = audit.list_entries(session).rows
        assert audit.verify(session) is None
    text = " ".join(str(entry.model_dump()) for entry in entries)
    assert [entry.action for entry in entries][::-1] == [
        "second_factor.on",
        "second_factor.recovery_used",
        "login.started",
        "password.changed",
    ]
    for secret in (app.secret, key, PASSWORD, GOOD, *codes):
        assert secret not in text


def test_a_sign_in_is_for_nobody_who_was_disabled_meanwhile(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    found = logins.authenticate(rt, eli.email, PASSWORD, address=HERE)
    with rt.writing() as session:
        store.get(session, eli.id or 0).is_disabled = True
    with pytest.raises(Refused) as caught:
        logins.start_login(rt, found, address=HERE, agent="")
    assert caught.value.code == "expired"
    assert logins.list_logins(rt, eli.id or 0, by=CLI) == []
