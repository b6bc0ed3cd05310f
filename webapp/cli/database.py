"""`calsync db`: schema, backup, restore."""

from __future__ import annotations

import click

from webapp.cli import output, tools


@click.group()
def db() -> None:
    """Migrate, back up and restore the database."""


@db.command()
def upgrade() -> None:
    """Create the tables or bring them up to date."""
    from calsync.store import schema

    rt = tools.bare_runtime()
    before = schema.revision(rt.db)
    schema.upgrade(rt.db)
    after = schema.revision(rt.db)
    output.say(f"The database is at revision {after}{' already' if before == after else ''}.")
