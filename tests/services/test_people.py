"""Who may be here, in which role, and what happens when they leave."""

import threading

import pytest

from calsync.errors import NotAllowed, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import hand_over, logins, people, second_factor
from calsync.store import audit
from calsync.store import people as store
from calsync.store import tables as t
from tests import factories
from tests.factories import PASSWORD, START, Clock, acting, make_account, make_calendar, make_cast, make_user

pytestmark = pytest.mark.postgres
GOOD = "three green umbrellas"


def actions(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return [entry.action for entry in audit.list_entries(session).rows][::-1]


def reload(rt: Runtime, user: t.User) -> t.User:
    with rt.reading() as session:
        return store.get(session, user.id or 0)


def can_sign_in(rt: Runtime, email: str, password: str) -> bool:
    try:
        logins.authenticate(rt, email, password, address="198.51.100.7")
    except Refused:
        return False
    return True


def make_activity(rt: Runtime, owner: t.User, number: int) -> None:
    with rt.writing() as session:
        session.add(
            t.Activity(
                owner_id=owner.id,
                uid=f"uid-{number}",
                content={},
                fingerprint="f",
                span_start=START,
                span_end=START,
                created_at=START,
                updated_at=START,
            )
        )


def test_the_first_admin_is_made_once(rt: Runtime) -> None:
    assert people.nobody_yet(rt)
    people.create_first_admin(rt, "ada@example.com", "Ada", GOOD, by=CLI)
    assert can_sign_in(rt, "ada@example.com", GOOD)
    assert not people.nobody_yet(rt)
    with pytest.raises(Refused) as caught:
        people.create_first_admin(rt, "eve@example.com", "Eve", GOOD, by=CLI)
    assert caught.value.code == "already_set_up"


def test_two_set_ups_at_once_make_one_admin(rt: Runtime) -> None:
    outcomes: list[str] = []

    def set_up(name: str) -> None:
        try:
            people.create_first_admin(rt, f"{name}@example.com", name, GOOD, by=CLI)
            outcomes.append("made")
        except Refused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=set_up, args=(name,)) for name in ("ada", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already_set_up", "made"]


@pytest.mark.parametrize(
    ("email", "role", "password", "field"),
    [
        ("nobody", "staff", GOOD, "email"),
        ("a b@example.com", "staff", GOOD, "email"),
        ("ADA@example.com", "staff", GOOD, "email"),  # Ada is here already, in other letters
        ("new@example.com", "boss", GOOD, "role"),
        ("new@example.com", "staff", "short", "password"),
        ("new@example.com", "staff", "password123", "password"),
        ("new@example.com", "staff", "aaaaaaaaaaaa", "password"),
        ("new@example.com", "staff", "new@example.com", "password"),
        ("new@example.com", "staff", "x y" * 200, "password"),
    ],
)
def test_what_cannot_be_a_person_is_refused(rt: Runtime, email: str, role: str, password: str, field: str) -> None:
    make_user(rt, "Ada", "admin")
    with pytest.raises(Refused) as caught:
        people.create_user(rt, email, role, password=password, by=CLI)
    assert caught.value.field == field


def test_only_admins_manage_people(rt: Runtime) -> None:
    cast = make_cast(rt)
    eli, vic_id = acting(cast.eli), cast.vic.id or 0
    for act in (
        lambda: people.create_user(rt, "x@example.com", "staff", by=eli),
        lambda: people.invite(rt, "x@example.com", "staff", by=eli),
        lambda: people.renew_invite(rt, vic_id, by=eli),
        lambda: people.set_role(rt, vic_id, "staff", by=eli),
        lambda: people.set_profile(rt, vic_id, name="V", by=eli),
        lambda: people.disable(rt, vic_id, by=eli),
        lambda: people.enable(rt, vic_id, by=eli),
        lambda: hand_over.hand_over(rt, vic_id, cast.sam.id or 0, by=eli),
        lambda: hand_over.preview(rt, vic_id, cast.sam.id or 0, by=eli),
        lambda: second_factor.remove(rt, vic_id, by=eli),
        lambda: logins.list_logins(rt, vic_id, by=eli),
        lambda: logins.end_all(rt, vic_id, by=eli),
        lambda: logins.change_password(rt, vic_id, PASSWORD, GOOD, by=eli),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert actions(rt) == []


def test_an_invite_sets_a_password_once(rt: Runtime) -> None:
    made = people.invite(rt, "eli@example.com", "staff", name="Eli", by=CLI)
    assert not can_sign_in(rt, "eli@example.com", "")
    assert people.invited(rt, made.key).email == "eli@example.com"
    people.accept_invite(rt, made.key, GOOD, name="Eli E.")
    assert can_sign_in(rt, "eli@example.com", GOOD)
    assert reload(rt, made.user).name == "Eli E."
    with pytest.raises(Refused) as caught:
        people.accept_invite(rt, made.key, "another good password")
    assert caught.value.code == "bad_link"
    assert made.key not in repr(made)


def test_an_invite_ends_after_a_week_or_when_replaced(rt: Runtime, clock: Clock) -> None:
    first = people.invite(rt, "eli@example.com", "staff", by=CLI)
    second = people.renew_invite(rt, first.user.id or 0, by=CLI)
    for key in (first.key, "made up"):
        with pytest.raises(Refused, match="Ask your admin"):
            people.invited(rt, key)
    clock.advance(days=7)
    with pytest.raises(Refused, match="Ask your admin"):
        people.accept_invite(rt, second.key, GOOD)


def test_a_new_link_ends_the_sessions_of_the_old_password(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    key = sign_in(rt, eli)
    people.accept_invite(rt, people.renew_invite(rt, eli.id or 0, by=CLI).key, GOOD)
    assert logins.find_login(rt, key) is None
    assert not can_sign_in(rt, eli.email, PASSWORD)


def test_the_last_admin_stays(rt: Runtime) -> None:
    cast = make_cast(rt)
    make_user(rt, "Ivy", "admin", password_hash=None)  # invited, cannot sign in yet
    make_user(rt, "Dan", "admin", is_disabled=True)
    ada = cast.ada.id or 0
    for act in (lambda: people.set_role(rt, ada, "staff", by=CLI), lambda: people.disable(rt, ada, by=CLI)):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.code == "last_admin"
    people.set_role(rt, cast.eli.id or 0, "admin", by=CLI)
    people.set_role(rt, ada, "staff", by=CLI)
    assert (reload(rt, cast.ada).role, reload(rt, cast.eli).role) == ("staff", "admin")


def test_two_admins_cannot_demote_each_other_at_once(rt: Runtime) -> None:
    pair = [make_user(rt, "Ada", "admin"), make_user(rt, "Eve", "admin")]
    outcomes: list[str] = []

    def demote(user: t.User) -> None:
        try:
            people.set_role(rt, user.id or 0, "staff", by=CLI)
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=demote, args=(user,)) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "last_admin"]


def test_a_disabled_person_is_out_at_once_and_back_when_enabled(rt: Runtime) -> None:
    cast = make_cast(rt)
    key = sign_in(rt, cast.eli)
    people.disable(rt, cast.eli.id or 0, by=acting(cast.ada))
    assert logins.find_login(rt, key) is None
    assert not can_sign_in(rt, cast.eli.email, PASSWORD)
    people.enable(rt, cast.eli.id or 0, by=acting(cast.ada))
    assert logins.find_login(rt, key) is None
    assert can_sign_in(rt, cast.eli.email, PASSWORD)
    assert actions(rt) == ["login.started", "user.disabled", "user.enabled"]


def test_a_profile_is_one_s_own(rt: Runtime) -> None:
    eli = make_user(rt, "Eli")
    people.set_profile(rt, eli.id or 0, tz="Europe/Berlin", notice_choices={"digest": False}, by=acting(eli))
    after = reload(rt, eli)
    assert (after.name, after.tz, after.notice_choices) == ("Eli", "Europe/Berlin", {"digest": False})
    with pytest.raises(Refused) as caught:
        people.set_profile(rt, eli.id or 0, tz="Mars/Phobos", by=acting(eli))
    assert caught.value.field == "tz"


def test_everything_goes_over_but_what_the_receiver_has(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_over, "BATCH", 2)
    cast = make_cast(rt)
    mine, shared = make_account(rt, cast.eli), make_account(rt, cast.eli, subject="shared")
    target = make_calendar(rt, mine)
    make_calendar(rt, make_account(rt, cast.sam, subject="shared"))
    for number in range(5):
        make_activity(rt, cast.eli, number)
    args = (rt, cast.eli.id or 0, cast.sam.id or 0)
    expected = hand_over.HandOver(5, (mine.id or 0,), (shared.id or 0,))
    assert hand_over.preview(*args, by=CLI) == expected
    assert hand_over.hand_over(*args, by=CLI) == expected
    with rt.reading() as session:
        assert session.get(t.Account, mine.id).user_id == cast.sam.id
        assert session.get(t.Account, shared.id).user_id == cast.eli.id
        assert session.get(t.Calendar, target.id).is_write_target is False  # Sam has one already
    assert hand_over.preview(*args, by=CLI) == hand_over.HandOver(0, (), (shared.id or 0,))


def test_a_disabled_person_takes_nothing_over(rt: Runtime) -> None:
    cast = make_cast(rt)
    people.disable(rt, cast.sam.id or 0, by=CLI)
    for to in (cast.sam, cast.eli):
        with pytest.raises(Refused) as caught:
            hand_over.hand_over(rt, cast.eli.id or 0, to.id or 0, by=CLI)
        assert caught.value.field == "to"


def test_people_are_found_by_name_and_address(rt: Runtime) -> None:
    make_cast(rt)
    with rt.reading() as session:
        found = [u.name for u in store.list_users(session, search="E").rows]
        admins = [u.name for u in store.list_users(session, role="admin").rows]
        assert store.get_by_email(session, " ADA@example.com ").name == "Ada"
    assert (found, admins) == (["Ada", "Eli", "Sam", "Vic"], ["Ada"])


def sign_in(rt: Runtime, user: t.User) -> str:
    return logins.start_login(
        rt,
        logins.authenticate(rt, user.email, factories.PASSWORD, address="192.0.2.1"),
        address="192.0.2.1",
        agent="test",
    )
