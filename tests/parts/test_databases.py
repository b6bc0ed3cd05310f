"""Every test has databases of its own, and PostgreSQL leaves with the run."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.parts import databases, postgres


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


def test_a_dropped_database_is_gone_though_someone_is_connected(postgres_server: postgres.Postgres) -> None:
    maker = databases.PostgresDatabases(postgres_server, f"dropped_{os.getpid()}")
    url = maker.fresh(fill)
    with psycopg.connect(url.replace("+psycopg", "")):
        maker.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        names(url)


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
