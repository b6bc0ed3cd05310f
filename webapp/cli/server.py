"""`calsync serve`: pages, jobs and clock in one process."""

from __future__ import annotations

import click

from webapp.cli import options, tools


@click.command()
@click.option("--host", help="The address to listen on; 0.0.0.0 for all. Default: CALSYNC_HOST.")
@click.option("--port", type=options.Number(1, 65535), help="The port to listen on. Default: CALSYNC_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Serve the pages and sync in the background until stopped. Creates or migrates the database."""
    from calsync.services import start
    from calsync.store import revision

    rt = tools.bare_runtime()
    if not revision.is_current(rt.db):
        from calsync.store import schema

        schema.upgrade(rt.db)
    start.ready(rt)
    tools.tools().serve(rt, host or rt.settings.host, port or rt.settings.port)
