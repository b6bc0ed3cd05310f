"""Backups of a PostgreSQL database: pg_dump's own format, written and read by PostgreSQL's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy

from calsync.errors import Refused
from calsync.log import clean_text
from calsync.store import schema
from calsync.store import tables as t

MAGIC = b"PGDMP"
INSTALL = "Install PostgreSQL's client programs, version {version} or newer (apt install postgresql-client)."


def write(url: sqlalchemy.URL, target: Path) -> None:
    """Dump the database as it is at this moment, while others use it. Replaces `target`."""
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def facts(file: Path) -> tuple[str, str, int]:
    """Return the revision, the key check and the epoch that a dump has."""
    versions, instances = _rows(file, "alembic_version"), _rows(file, "instance")
    known = instances[0] if instances else {}
    revision = versions[0]["version_num"] if versions else ""
    return revision, known.get("key_check", ""), int(known.get("epoch", 0))


def put_in_place(file: Path, url: sqlalchemy.URL) -> None:
    """Replace our tables by those of the dump, in one transaction.

    The revision is marked as unfinished in the same transaction: nobody can use the database before the
    caller has done the rest and taken the mark away.
    """
    names = ", ".join(f'"{name}"' for name in (*t.metadata.tables, "alembic_version"))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "dump.sql"
        _run("pg_restore", None, "--no-owner", "--no-privileges", f"--file={script}", str(file))
        # pg_restore's script empties the search path; what follows it must name one again.
        after = ["-c", "SET search_path TO public", "-c", schema.MARK_UNFINISHED]
        before = ["-c", f"DROP TABLE IF EXISTS {names} CASCADE"]
        once = ["--single-transaction", "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
        _run("psql", url, *once, *before, "-f", str(script), *after)


def _rows(file: Path, table: str) -> list[dict[str, str]]:
    """Return the rows of a small table in a dump, as pg_restore writes them for COPY."""
    text = _run("pg_restore", None, "--data-only", f"--table={table}", "--file=-", str(file))
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("COPY "):
            names = line[line.index("(") + 1 : line.index(")")].split(", ")
            rows = iter(lambda: next(lines), "\\.")
            return [dict(zip(names, row.split("\t"), strict=True)) for row in rows]
    return []


def _run(program: str, url: sqlalchemy.URL | None, *arguments: str) -> str:
    """Run one of PostgreSQL's programs and return what it wrote. Raises Refused with its own words."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed, so this PostgreSQL database cannot be backed up or restored. "
        raise Refused(reason + INSTALL.format(version="of your server"), code="missing_program")
    done = subprocess.run(
        [path, *_connection(url), *arguments], env=_environment(url), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = clean_text(done.stderr.strip()) or f"it ended with {done.returncode}"
        if program == "pg_restore":
            reason = f"The file cannot be read to its end; it may be cut off or damaged ({said}). Nothing was changed."
            raise Refused(reason, code="unreadable", field="path")
        hint = f" {INSTALL.format(version='of your server')}" if "version mismatch" in said else ""
        raise Refused(f"{program} failed: {said}{hint}", code="program_failed")
    return done.stdout


def _connection(url: sqlalchemy.URL | None) -> Sequence[str]:
    # The password goes by the environment: arguments are seen by everybody on the machine.
    if url is None:
        return ()
    plain = url.set(drivername="postgresql", password=None)
    return ("--no-password", f"--dbname={plain.render_as_string(hide_password=False)}")


def _environment(url: sqlalchemy.URL | None) -> dict[str, str]:
    password = {"PGPASSWORD": str(url.password)} if url is not None and url.password else {}
    return {**os.environ, **password}
