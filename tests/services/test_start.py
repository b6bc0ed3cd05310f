"""A start binds the database to its key, and refuses what does not belong together."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from calsync.runtime import Runtime
from calsync.services import start
from calsync.store import schema, sealed
from calsync.store.db import Database
from calsync.store.secrets import Secrets, WrongKey, make_key

pytestmark = pytest.mark.postgres


def test_the_first_start_binds_the_key_and_later_ones_compare(rt: Runtime) -> None:
    start.ready(rt)
    start.ready(rt)
    with rt.reading() as session:
        assert not sealed.key_fits(session, Secrets([make_key()]))
    with pytest.raises(WrongKey, match="does not fit this database"):
        start.ready(replace(rt, secrets=Secrets([make_key()])))


def test_a_start_refuses_a_schema_that_it_does_not_know(rt: Runtime, fresh_database: Callable[..., str]) -> None:
    empty = Database(fresh_database())
    with pytest.raises(schema.UnknownSchema, match="calsync db upgrade"):
        start.ready(replace(rt, db=empty))
    empty.close()
