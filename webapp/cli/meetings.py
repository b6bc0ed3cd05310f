"""`calsync meetings`: every link to join, what is wrong with it, and mending it."""

from __future__ import annotations

from typing import Any

import click

from webapp.cli import options, output, tools

COLUMNS = ("id", "standing", "provider", "title", "starts_at", "account", "join_url", "error")


@click.group()
def meetings() -> None:
    """List the meetings at providers, and mend those that are not as they should be."""


@meetings.command("list")
@click.option("--trouble", is_flag=True, help="Only those that somebody has to look after.")
@output.as_json
def list_meetings(trouble: bool, as_json: bool) -> None:
    """List meetings, those in trouble first."""
    from calsync.services import conference_repairs

    rt = tools.runtime()
    with rt.reading() as session:
        entries = conference_repairs.ledger(rt, session, by=tools.cli_actor())
    found = [_facts(each) for each in entries if each.is_trouble or not trouble]
    empty = "Every meeting is as it should be." if trouble else "No activity takes place at a meeting of a provider."
    output.show_list(found, COLUMNS, json_wanted=as_json, empty=empty)


@meetings.command()
@click.argument("meeting_id", metavar="ID", type=options.ID)
def repair(meeting_id: int) -> None:
    """Have a meeting made anew, written again, or, where it belongs to nothing, deleted."""
    from calsync.services import conference_repairs, conference_work, conferences

    rt = tools.runtime()
    conference_repairs.repair(rt, meeting_id, by=tools.cli_actor())
    for account_id in conferences.keep(rt):
        conference_work.work(rt, account_id)
    output.say("It was asked for. See how it stands: calsync meetings list")


def _facts(entry: Any) -> dict[str, Any]:
    """Return a meeting under the stable names of the JSON output."""
    activity, account = entry.activity, entry.account
    is_hidden = activity is None or activity.is_private
    return {
        "id": entry.id,
        "standing": entry.standing.value,
        "provider": entry.provider,
        "kind": entry.kind,
        "activity": activity.id if activity else None,
        "title": None if is_hidden else activity.title,
        "starts_at": activity.span_start if activity else None,
        "account": account.label if account else None,
        "join_url": entry.join_url or None,
        "remote_id": entry.remote_id or None,
        "error": entry.error or None,
        "again_at": entry.until,
    }
