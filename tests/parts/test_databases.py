"""Every test has databases of its own, and PostgreSQL leaves with the run."""

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.parts import databases, postgres

NUMBERS = itertools.count()


def fill(url: str) -> None:
    """Make a table with one row."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("PRAGMA journal_mode=WAL")
            file.executescript("CREATE TABLE thing (name TEXT); INSERT INTO thing VALUES ('a')")
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE thing (name TEXT)")
            connection.execute("INSERT INTO thing VALUES ('a')")


def names(url: str) -> list[str]:
    """Return the rows of that table."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            rows = file.execute("SELECT name FROM thing").fetchall()
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            rows = connection.execute("SELECT name FROM thing").fetchall()
    return [row[0] for row in rows]


@pytest.mark.postgres
def test_each_database_is_a_copy_of_its_own(fresh_database: Callable[..., str], database_kind: str) -> None:
    filled = []

    def prepare(url: str) -> None:
        filled.append(url)
        fill(url)

    first, second = fresh_database(prepare), fresh_database(prepare)
    assert first.startswith("postgresql+psycopg://" if database_kind == "postgres" else "sqlite:///")
    assert len({first, second, *filled}) == 3
    assert names(first) == names(second) == ["a"]


@pytest.mark.postgres
def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    with pytest.raises(Exception, match=r"thing"):
        names(empty_database_url)


def test_a_dropped_database_is_gone_though_someone_is_connected(maker: databases.PostgresDatabases) -> None:
    url = maker.fresh(fill)
    with psycopg.connect(url.replace("+psycopg", "")):
        maker.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        names(url)


@pytest.fixture
def maker(postgres_server: postgres.Postgres) -> Iterator[databases.PostgresDatabases]:
    made = databases.PostgresDatabases(postgres_server, f"again_{os.getpid()}_{next(NUMBERS)}")
    yield made
    made.close()


def numbered(url: str) -> None:
    """Make a table with one row that a sequence has numbered, and an empty one that refers to it."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE thing (id SERIAL PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO thing (name) VALUES ('a')")
        connection.execute("CREATE TABLE part (id SERIAL PRIMARY KEY, thing INT REFERENCES thing)")


def written(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_what_a_test_wrote_is_gone_for_the_next(maker: databases.PostgresDatabases) -> None:
    first = maker.fresh(numbered)
    written(
        first,
        "INSERT INTO thing (name) VALUES ('b')",
        "INSERT INTO part (thing) VALUES (2)",
        "DELETE FROM thing WHERE id = 1",
    )
    maker.drop(first)
    second = maker.fresh(numbered)
    assert names(second) == ["a"]
    with psycopg.connect(second.replace("+psycopg", "")) as connection:
        added = [connection.execute(f"INSERT INTO {name} DEFAULT VALUES RETURNING id") for name in ("thing", "part")]
        assert [each.fetchone() for each in added] == [(2,), (1,)]


def test_a_database_given_back_is_not_found_by_its_old_name(maker: databases.PostgresDatabases) -> None:
    first = maker.fresh(fill)
    with psycopg.connect(first.replace("+psycopg", "")) as left_open:
        maker.drop(first)
        second = maker.fresh(fill)
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        names(first)
    assert names(second) == ["a"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE thing ADD COLUMN more TEXT",
        "ALTER TABLE thing ALTER COLUMN name SET NOT NULL",
        "CREATE INDEX found ON thing (name)",
        "DROP TABLE thing; CREATE TABLE thing (name TEXT)",
        "CREATE SCHEMA elsewhere",
        "INSERT INTO thing SELECT repeat('long', 100) FROM generate_series(1, 1000)",
    ],
)
def test_a_database_rebuilt_or_grown_is_not_used_again(maker: databases.PostgresDatabases, change: str) -> None:
    first = maker.fresh(fill)
    oid = number_of(first)
    written(first, change)
    maker.drop(first)
    second = maker.fresh(fill)
    assert (number_of(second) != oid, names(second)) == (True, ["a"])


def test_a_database_that_is_as_it_was_is_used_again(maker: databases.PostgresDatabases) -> None:
    first = maker.fresh(fill)
    oid = number_of(first)
    maker.drop(first)
    assert number_of(maker.fresh(fill)) == oid


def number_of(url: str) -> int:
    """Return what tells a database from one made anew."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_postgres_brings_its_own_dump(postgres_server: postgres.Postgres) -> None:
    program = postgres_server.bin_folder / "pg_dump"
    done = subprocess.run([program, "-d", postgres_server.dsn()], capture_output=True, check=True)
    assert b"PostgreSQL database dump complete" in done.stdout


def test_postgres_goes_when_its_test_run_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from tests.parts import postgres\n"
        "os.environ['CALSYNC_TEST_OWNER'] = str(os.getpid())\n"
        f"print(postgres.shared(Path({str(tmp_path)!r})).keeper_pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    psutil.Process(int(done.stdout)).wait(20)
