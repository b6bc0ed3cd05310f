"""A runtime on a database of the test's own, SQLite or PostgreSQL, and its clock."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calsync.runtime import Runtime
from calsync.services import passwords
from calsync.store import tables as t
from tests import factories
from tests.parts.postgres import Postgres
from tests.services.office import APART, ONE, Office, open_office
from tests.services.planning import Plan, planner


@pytest.fixture
def clock() -> factories.Clock:
    """The time, which stands still until a test moves it."""
    return factories.Clock()


@pytest.fixture
def rt(fresh_database: Callable[..., str], tmp_path: Path, clock: factories.Clock) -> Iterator[Runtime]:
    """A runtime on a migrated database without anybody in it."""
    runtime = factories.make_runtime(fresh_database(factories.prepare), clock, folder=tmp_path)
    yield runtime
    runtime.db.close()


@pytest.fixture
def cast(rt: Runtime) -> factories.Cast:
    """Ada, Eli, Vic and Sam."""
    return factories.make_cast(rt)


@pytest.fixture(params=[ONE, APART], ids=["one-resource", "apart"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """An office whose server keeps a series with its changed occurrences, and one that keeps them apart."""
    return open_office(tmp_path, request.param)


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    """Eli plans activities."""
    return planner(rt, cast.eli)


@pytest.fixture
def weekly(plan: Plan) -> t.Activity:
    """Mondays at ten in Berlin, without end."""
    return plan(rrule="FREQ=WEEKLY")


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least work: a real hash takes 100 ms by design."""
    monkeypatch.setattr(passwords, "_hasher", factories.QUICK_HASHER)


@pytest.fixture
def postgres_programs(request: pytest.FixtureRequest, database_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs of the server under test before the system's, which may be older than the server."""
    if database_kind == "postgres":
        server: Postgres = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("PATH", str(server.bin_folder), prepend=":")
