"""`calsync sync`: run accounts now, in this process."""

from __future__ import annotations

from typing import Any

import click

from calsync.engine.vocabulary import AccountState, RunState, Trigger
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.store import accounts as rows
from webapp.cli import failures, options, output, progress, runs, tools

COLUMNS = ("account", "run", "state", "created", "updated", "deleted", "conflicts", "failed", "held", "error")


@click.command()
@click.option("--account", "account_id", type=options.ID, help="Only this account.")
@click.option("--all", "everything", is_flag=True, help="Every active account; this is also what happens without.")
@click.option("--full", is_flag=True, help="Read everything anew instead of what changed.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@output.as_json
@click.pass_context
def sync(
    ctx: click.Context, account_id: int | None, everything: bool, full: bool, dry_run: bool, as_json: bool
) -> None:
    """Sync accounts now and wait until they are done."""
    if account_id is not None and everything:
        raise click.UsageError("Say either --account ID or --all.")
    rt = tools.runtime()
    ids = _active(rt) if account_id is None else [account_id]
    done = [_run(rt, each, full=full, dry=dry_run, json_wanted=as_json, alone=account_id is not None) for each in ids]
    empty = "No account is active. Connect one: calsync account connect-caldav"
    output.show_list(done, COLUMNS, json_wanted=as_json, empty=empty)
    if dry_run and not as_json:
        for row in done:
            _show_plan(row)
    ctx.exit(exit_code(done))


def exit_code(done: list[dict[str, Any]]) -> int:
    """Return 3 when a person is needed, else 1 when something failed, else 0."""
    if any(row["held"] or row["conflicts"] or row["error_class"] == "auth" for row in done):
        return output.NEEDS_PERSON
    bad = (RunState.FAILED, RunState.PARTIAL, "busy")
    return output.FAILURES if any(row["state"] in bad or row["failed"] for row in done) else output.DONE


def _active(rt: Runtime) -> list[int]:
    with rt.reading() as session:
        found = rows.list_accounts(session, with_disconnected=False)
    return [a.id for a in found if a.id is not None and a.state == AccountState.ACTIVE]


def _run(rt: Runtime, account_id: int, *, full: bool, dry: bool, json_wanted: bool, alone: bool) -> dict[str, Any]:
    from calsync.services import sync as service

    try:
        with progress.of_account(rt, account_id, wanted=output.progress(json_wanted=json_wanted)):
            run_id = service.run(rt, account_id, trigger=Trigger.MANUAL, full=full, dry=dry, by=tools.cli_actor())
    except Refused as why:
        if alone:
            raise
        return _left_out(account_id, why.code, why.reason)
    except Exception as error:
        if alone:
            raise
        return _left_out(account_id, str(RunState.FAILED), failures.fault(error))  # the other accounts go on
    with rt.reading() as session:
        return runs.details(session, run_id) if dry else runs.facts(runs.get(session, run_id))


def _left_out(account_id: int, state: str, why: str) -> dict[str, Any]:
    """Return the row of an account that somebody else is running, that was paused meanwhile, or that met a fault."""
    blank: dict[str, Any] = dict.fromkeys(runs.FIELDS, 0)
    return blank | {"account": account_id, "run": None, "state": state, "error": why, "error_class": ""}


def _show_plan(row: dict[str, Any]) -> None:
    click.echo(f"\nAccount {row['account']} would do:")
    output.show_list(row.get("steps", ()), runs.STEP_COLUMNS, json_wanted=False, empty="nothing")
