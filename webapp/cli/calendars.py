"""`calsync calendar`: which calendars of an account sync, block, and take new activities."""

from __future__ import annotations

from typing import Any

import click

from calsync.store import accounts as rows
from calsync.store import tables as t
from webapp.cli import options, output, tools

COLUMNS = ("id", "name", "access", "primary", "sync", "blocks", "busy_blocks", "write_target", "gone")


@click.group()
def calendar() -> None:
    """List the calendars of an account and choose among them."""


@calendar.command("list")
@click.option("--account", "account_id", type=options.ID, required=True)
@output.as_json
def list_calendars(account_id: int, as_json: bool) -> None:
    """List the calendars of an account."""
    rt = tools.runtime()
    with rt.reading() as session:
        rows.get(session, account_id)
        found = [facts(each) for each in rows.list_calendars(session, account_id)]
    output.show_list(found, COLUMNS, json_wanted=as_json, empty="This account has no calendars.")


@calendar.command("set")
@click.argument("calendar_id", metavar="ID", type=options.ID)
@click.option("--sync", "syncs", type=options.OnOff(), help="Its events become activities, and back.")
@click.option("--blocks", type=options.OnOff(), help="Its events make the owner unavailable.")
@click.option("--write-target", is_flag=True, default=None, help="New activities of its owner are created here.")
@click.option("--busy-blocks", "takes_blocks", type=options.OnOff(), help="Shows what is busy in its owner's others.")
def set_calendar(
    calendar_id: int, syncs: bool | None, blocks: bool | None, write_target: bool | None, takes_blocks: bool | None
) -> None:
    """Choose what a calendar is for."""
    from calsync.services import accounts

    if (syncs, blocks, write_target, takes_blocks) == (None, None, None, None):
        raise click.UsageError("Say what to set: --sync, --blocks, --busy-blocks or --write-target.")
    changed = accounts.set_calendar(
        tools.runtime(),
        calendar_id,
        syncs=syncs,
        blocks=blocks,
        is_write_target=write_target,
        takes_blocks=takes_blocks,
        by=tools.cli_actor(),
    )
    output.show_one(facts(changed), json_wanted=False)


def facts(found: t.Calendar) -> dict[str, Any]:
    """Return a calendar under the stable names of the JSON output."""
    return {
        "id": found.id,
        "account_id": found.account_id,
        "remote_id": found.remote_id,
        "name": found.name,
        "access": found.access,
        "primary": found.is_primary,
        "sync": found.syncs,
        "blocks": found.blocks,
        "busy_blocks": found.takes_blocks,
        "write_target": found.is_write_target,
        "gone": found.is_gone,
        "tz": found.tz,
        "last_read_at": found.last_read_at,
    }
