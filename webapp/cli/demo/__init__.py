"""`calsync demo`: the product full of life, for someone who has no account anywhere.

A real Radicale server is started on this machine and filled, a few people are connected to it, and a few
weeks of work are played through the ordinary services. `server.py` is the calendar server, `calendars.py`
what stands in it, `story.py` what happened.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

from calsync.errors import Refused
from webapp.cli import options, output, tools

FOLDER = Path("instance-demo")
MARK = "this-is-a-demo"
"""A file that says that a folder is ours to throw away."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=options.Number(1, 65535), default=8000, show_default=True)
def demo(host: str, port: int) -> None:
    """Serve a filled example on this machine. Every start begins anew; nothing of yours is touched."""
    from webapp.cli.demo import server, story

    folder = _fresh_folder()
    began = time.monotonic()
    click.echo("Starting a calendar server and playing a few weeks of work. This takes about half a minute.", err=True)
    with server.running(folder / "calendar-server") as calendars:
        rt = tools.tools().runtime(tools.tools().load_settings(_environment(folder)))
        click.get_current_context().call_on_close(rt.db.close)
        with _bar(len(story.CHAPTERS)) as bar:
            for chapter in story.play(rt, calendars):
                bar.update(1, chapter)
        took = time.monotonic() - began
        tools.tools().serve(rt, host, port, greeting=_greeting(host, port, calendars.url, took))


def _fresh_folder() -> Path:
    """Return an empty folder for the demo. Raises Refused when something else stands there."""
    folder = FOLDER.absolute()
    if folder.exists():
        if not (folder / MARK).exists():
            reason = f"{folder} is in the way and was not made by the demo. Move it, then start again."
            raise Refused(reason, code="in_the_way")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (folder / MARK).write_text("Made by `calsync demo`, which removes this folder when it starts again.\n")
    return folder


def _environment(folder: Path) -> dict[str, str]:
    # The calendar server stands on this machine, which is a private network like any other.
    return {
        "CALSYNC_INSTANCE_DIR": str(folder),
        "CALSYNC_ALLOW_PRIVATE_NETWORKS": "true",
        "CALSYNC_LOG_LEVEL": "warning",
    }


def _bar(length: int) -> Any:
    return click.progressbar(
        length=length,
        file=sys.stderr,
        show_eta=False,
        item_show_func=lambda chapter: chapter or "",
        hidden=not output.progress(json_wanted=False),
    )


def _greeting(host: str, port: int, calendar_url: str, took_s: float) -> str:
    from webapp.cli.demo import story

    people = "\n".join(f"  {p.email:<26} {p.role:<7} {p.about}" for p in story.PEOPLE)
    return (
        f"\nThe demo is running on http://{host}:{port} (ready after {took_s:.0f} s). Sign in as one of\n{people}\n"
        f"with the password: {story.PASSWORD}\n\n"
        f"The calendar server is {calendar_url}; look into it with any CalDAV program:\n"
        f"user names ben, chloe and dana, password {story.PASSWORD}.\n"
        "Stop with Ctrl-C. Starting again begins anew."
    )
