"""`calsync db`: schema, backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from webapp.cli import output, tools

FILE = click.Path(path_type=Path, dir_okay=False)


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


@db.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write the database to FILE while everything goes on. The encryption key is not in it."""
    from calsync.services import backup as service

    done = service.backup(tools.runtime(), file, by=tools.cli_actor())
    output.say(f"Wrote {done.path} ({done.size} bytes).")
    output.say(f"Keep the encryption key apart from it, in a safe place: it is in {done.key_source}.")


@db.command()
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Put the backup FILE in the place of the database. Stop the server first."""
    from calsync.services import backup as service

    done = service.restore(tools.tools().load_settings(), file, by=tools.cli_actor())
    output.say("Restored. The first plan of every account waits for approval (calsync run list).")
    if done.kept is not None:
        output.say(f"The database that was there before is kept as {done.kept}.")
