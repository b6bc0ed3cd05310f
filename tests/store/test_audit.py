"""The audit log keeps what was done, hides secrets, and notices when somebody changed it afterwards."""

import pytest
from sqlmodel import Session, select

from calsync.runtime import Runtime
from calsync.store import audit
from calsync.store import tables as t
from calsync.store.keyset import Cut
from tests.factories import acting

pytestmark = pytest.mark.postgres


def write(rt: Runtime, number: int, **facts: object) -> None:
    with rt.writing() as session:
        ada = session.exec(select(t.User)).first() or make_ada(session, rt)
        audit.record(session, acting(ada), f"test.action{number}", ada, at=rt.now(), **facts)


def make_ada(session: Session, rt: Runtime) -> t.User:
    ada = t.User(email="ada@example.com", created_at=rt.now())
    session.add(ada)
    session.flush()
    return ada


def test_an_entry_says_who_did_what_to_what(rt: Runtime) -> None:
    write(rt, 1, before={"role": "staff"}, after={"role": "admin"})
    with rt.reading() as session:
        (entry,) = audit.list_entries(session).rows
    assert (entry.actor, entry.action, entry.object_kind) == ("ada@example.com", "test.action1", "user")
    assert (entry.object_label, entry.address) == ("ada@example.com", "192.0.2.1")
    assert (entry.before, entry.after) == ({"role": "staff"}, {"role": "admin"})


def test_secrets_never_reach_the_log(rt: Runtime) -> None:
    write(rt, 1, after={"password": "s3cret", "mail": {"access_token": "s3cret"}, "host": "mail.example.com"})
    with rt.reading() as session:
        (entry,) = audit.list_entries(session).rows
    assert entry.after == {
        "password": audit.HIDDEN,
        "mail": {"access_token": audit.HIDDEN},
        "host": "mail.example.com",
    }


def test_a_private_title_is_left_out(rt: Runtime) -> None:
    secret = t.Activity(id=3, title="Divorce lawyer", is_private=True)
    with rt.writing() as session:
        audit.record(session, acting(t.User(id=None, email="ada@example.com")), "x", secret, at=rt.now())
    with rt.reading() as session:
        assert audit.list_entries(session).rows[0].object_label == ""


def test_bytes_are_refused_rather_than_written(rt: Runtime) -> None:
    with pytest.raises(TypeError, match="bytes"):
        write(rt, 1, after={"picture": b"x"})


def test_an_untouched_log_verifies(rt: Runtime) -> None:
    for number in range(5):
        write(rt, number, after={"at": rt.now(), "share": 0.25, "kinds": ("call",), "none": None})
    with rt.reading() as session:
        assert audit.verify(session) is None


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit SET actor = 'eli@example.com' WHERE id = 3",  # blamed on somebody else
        'UPDATE audit SET after = \'{"role": "admin"}\' WHERE id = 3',  # other facts
        "DELETE FROM audit WHERE id = 2",  # a row gone: the next no longer follows
    ],
)
def test_a_changed_log_names_the_first_wrong_row(rt: Runtime, harm: str) -> None:
    for number in range(5):
        write(rt, number, after={"role": "staff"})
    with rt.writing() as session:
        session.connection().exec_driver_sql(harm)
    with rt.reading() as session:
        assert audit.verify(session) == 3


def test_the_log_is_filtered_and_paged(rt: Runtime) -> None:
    for number in range(12):
        write(rt, number % 2)
    with rt.reading() as session:
        first = audit.list_entries(session, action="test.action1", cut=Cut(4))
        second = audit.list_entries(session, action="test.action1", cut=Cut(4, after=(first.rows[-1].id,)))
        nobody = audit.list_entries(session, actor="eli@example.com")
    assert [entry.id for entry in first.rows] == [12, 10, 8, 6]
    assert [entry.id for entry in second.rows] == [4, 2]
    assert (first.has_next, second.has_next, nobody.rows) == (True, False, [])
