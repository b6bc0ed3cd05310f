"""When transactions begin on SQLite: those that write take the lock first, those that read take none."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from calsync.runtime import Runtime
from calsync.store import tables as t
from tests import factories

NAMES = sa.select(t.User.email)


@pytest.fixture
def rt(tmp_path: Path) -> Runtime:
    return factories.make_runtime(tmp_path)


def _write_elsewhere(rt: Runtime) -> None:
    """Make a change as another process would, without waiting for a lock."""
    with sqlite3.connect(rt.db.url.database or "", timeout=0) as other:
        other.execute("UPDATE user SET email = 'new@example.com'")


def test_a_writing_session_keeps_others_from_writing_from_its_first_question_on(rt: Runtime) -> None:
    factories.make_user(rt, "Eli")
    with rt.writing() as session:
        session.scalars(NAMES).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            _write_elsewhere(rt)
    _write_elsewhere(rt)


def test_a_reading_session_sees_one_moment_and_is_in_nobodys_way(rt: Runtime) -> None:
    factories.make_user(rt, "Eli")
    with rt.reading() as session:
        before = session.scalars(NAMES).all()
        _write_elsewhere(rt)
        assert session.scalars(NAMES).all() == before
    with rt.reading() as session:
        assert session.scalars(NAMES).all() == ["new@example.com"]


def test_a_database_that_was_closed_can_be_used_again(rt: Runtime) -> None:
    rt.db.close()
    user = factories.make_user(rt, "Eli")
    with rt.reading() as session:
        assert session.get_one(t.User, user.id).email == user.email
    rt.db.close()
