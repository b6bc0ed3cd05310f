"""The revisions lead to the models, and a database that they do not lead to is refused."""

import warnings

import pytest
import sqlalchemy

from calsync.store import schema
from calsync.store import tables as t
from calsync.store.db import Database
from tests.factories import START

pytestmark = pytest.mark.postgres


@pytest.fixture
def empty(empty_database_url: str):
    db = Database(empty_database_url)
    yield db
    db.close()


def test_upgrading_an_empty_database_gives_the_models(empty: Database) -> None:
    schema.upgrade(empty)
    assert schema.differences(empty) == []


def test_upgrading_twice_does_nothing(empty: Database) -> None:
    schema.upgrade(empty)
    schema.upgrade(empty)
    schema.check(empty)


def test_upgrading_warns_of_nothing(empty: Database) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema.upgrade(empty)


def test_the_same_address_in_other_letters_is_refused(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(_user_row("1", "ada@example.com"))
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            connection.execute(_user_row("2", "Ada@Example.com"))


def test_an_empty_database_is_refused_with_the_command_that_mends_it(empty: Database) -> None:
    with pytest.raises(schema.UnknownSchema, match="calsync db upgrade"):
        schema.check(empty)


def test_a_newer_database_is_neither_used_nor_upgraded(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for refuses in (schema.check, schema.upgrade):
        with pytest.raises(schema.UnknownSchema, match="newer version") as caught:
            refuses(empty)
        assert caught.value.is_newer


def test_an_upgrade_that_fails_leaves_no_half_of_it(empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (other INTEGER)")
        connection.exec_driver_sql("CREATE INDEX uq_user_email_lower ON theirs (other)")
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        schema.upgrade(empty)
    assert schema.revision(empty) is None
    assert sqlalchemy.inspect(empty.engine).get_table_names() == ["theirs"]


def _user_row(public_id: str, email: str) -> sqlalchemy.Insert:
    return sqlalchemy.insert(t.User).values(
        public_id=public_id,
        email=email,
        name="",
        role="staff",
        is_disabled=False,
        tz="UTC",
        session_epoch=0,
        created_at=START,
        seen_travel_note=False,
    )
