"""`calsync run`: what was done, what failed, what waits for approval."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from calsync.store import recent
from calsync.store import runs as rows
from calsync.store import tables as t
from webapp.cli import options, output, progress, tools

COLUMNS = (
    "run",
    "account",
    "state",
    "trigger",
    "started_at",
    "created",
    "updated",
    "deleted",
    "conflicts",
    "failed",
    "held",
)
STEP_COLUMNS = ("id", "state", "direction", "action", "title", "fields", "reason", "error")
COUNTERS = ("processed", "created", "updated", "deleted", "skipped", "merged", "conflicts", "failed", "held")
FIELDS = (*COUNTERS, "requests")

get = rows.get


@click.group()
def run() -> None:
    """List runs, look into one, retry, approve or discard."""


@run.command("list")
@click.option("--account", "account_id", type=options.ID, help="Only of this account.")
@click.option("--limit", type=options.Number(1, 1000), default=20, show_default=True)
@output.as_json
def list_runs(account_id: int | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = [facts(each) for each in recent.list_runs(session, account_id, limit)]
    output.show_list(found, COLUMNS, json_wanted=as_json, empty="Nothing has run yet: calsync sync")


@run.command()
@click.argument("run_id", metavar="ID", type=options.ID)
@output.as_json
def show(run_id: int, as_json: bool) -> None:
    """Show one run and what became of each record."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = details(session, run_id)
    if as_json:
        output.show_one(found, json_wanted=True)
        return
    listed = found.pop("steps")
    output.show_one(found, json_wanted=False)
    click.echo()
    output.show_list(listed, STEP_COLUMNS, json_wanted=False, empty="Nothing had to be done.")


@run.command()
@click.argument("run_id", metavar="ID", type=options.ID)
@output.as_json
@click.pass_context
def retry(ctx: click.Context, run_id: int, as_json: bool) -> None:
    """Try what failed in a run again, and nothing else."""
    from calsync.services import retry as service
    from webapp.cli import syncing

    rt = tools.runtime()
    with rt.reading() as session:
        account_id = rows.get(session, run_id).account_id
    with progress.of_account(rt, account_id, wanted=output.progress(json_wanted=as_json)):
        child = service.retry(rt, run_id, by=tools.cli_actor())
    with rt.reading() as session:
        found = facts(rows.get(session, child))
    output.show_list([found], COLUMNS, json_wanted=as_json, empty="")
    ctx.exit(syncing.exit_code([found]))


@run.command()
@click.argument("run_id", metavar="ID", type=options.ID)
def approve(run_id: int) -> None:
    """Let the held changes of a run be done by the account's next run."""
    from calsync.services import held

    count = held.approve(tools.runtime(), run_id, by=tools.cli_actor())
    output.say(f"{count} held changes are approved; the account's next run does them: calsync sync")


@run.command()
@click.argument("run_id", metavar="ID", type=options.ID)
def discard(run_id: int) -> None:
    """Leave both sides as they are."""
    from calsync.services import held

    count = held.discard(tools.runtime(), run_id, by=tools.cli_actor())
    output.say(f"{count} held changes are discarded; both sides stay as they are.")


def facts(found: t.Run) -> dict[str, Any]:
    """Return a run under the stable names of the JSON output."""
    return {
        "run": found.id,
        "public_id": found.public_id,
        "account": found.account_id,
        "parent": found.parent_id,
        "state": str(found.state),
        "trigger": str(found.trigger),
        "direction": str(found.direction),
        "full": found.is_full,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        **{name: getattr(found, name) for name in FIELDS},
        "error_class": found.error_class,
        "error": found.error,
    }


def step_facts(step: t.Step) -> dict[str, Any]:
    """Return a step under the stable names of the JSON output."""
    return {
        "id": step.id,
        "state": str(step.state),
        "direction": str(step.direction),
        "action": str(step.action),
        "activity": step.activity_id,
        "calendar": step.calendar_id,
        "title": step.title,
        "fields": list(step.fields),
        "before": step.before,
        "after": step.after,
        "losing": step.losing,
        "reason": str(step.reason),
        "attempts": step.attempts,
        "error_class": step.error_class,
        "error": step.error,
        "next_attempt_at": step.next_attempt_at,
    }


def details(session: Session, run_id: int) -> dict[str, Any]:
    """Return a run with its steps. Raises NotFound."""
    found = rows.get(session, run_id)
    return facts(found) | {"steps": [step_facts(step) for step in recent.list_steps(session, run_id)]}
