"""`calsync conflict`: records that changed on both sides and wait for a choice."""

from __future__ import annotations

from typing import Any

import click

from calsync.engine.vocabulary import ConflictKind
from calsync.runtime import Runtime
from calsync.store import conflicts as rows
from calsync.store import recent
from calsync.store import tables as t
from webapp.cli import options, output, tools

COLUMNS = ("id", "account", "kind", "title", "fields", "opened_at")
SIDES = click.Choice(["crm", "external"])


@click.group()
def conflict() -> None:
    """List conflicts, look into one, decide it."""


@conflict.command("list")
@output.as_json
def list_conflicts(as_json: bool) -> None:
    """List the conflicts that wait for a decision."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = [facts(each) | {"fields": sorted(each.fields)} for each in recent.list_conflicts(session)]
    output.show_list(found, COLUMNS, json_wanted=as_json, empty="Nothing to decide.")


@conflict.command()
@click.argument("conflict_id", metavar="ID", type=options.ID)
@output.as_json
def show(conflict_id: int, as_json: bool) -> None:
    """Show what was last agreed, and what each side says now."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = facts(rows.get(session, conflict_id))
    if as_json:
        output.show_one(found, json_wanted=True)
        return
    clashes = [{"field": name} | dict(values) for name, values in found.pop("fields").items()]
    output.show_one(found, json_wanted=False)
    click.echo()
    output.show_list(clashes, ("field", "agreed", "local", "remote"), json_wanted=False, empty="")


@conflict.command()
@click.argument("conflict_id", metavar="ID", type=options.ID)
@click.option("--keep", type=SIDES, help="Which side stands, for all fields without a --field of their own.")
@click.option("--field", "fields", multiple=True, metavar="NAME=crm|external", help="Which side stands for one field.")
@click.option("--match", metavar="ACTIVITY|new", help="Which candidate the event is, where that is the question.")
def resolve(conflict_id: int, keep: str | None, fields: tuple[str, ...], match: str | None) -> None:
    """Decide a conflict; the account's next run carries it out."""
    from calsync.services import conflicts

    if match and (keep or fields):
        raise click.UsageError("--match answers another question than --keep and --field: give it alone.")
    whole = keep or match
    choice = ({"*": whole} if whole else {}) | _sides(fields)
    if not choice:
        raise click.UsageError(
            "Say which side stands: --keep crm, --keep external, or --field NAME=crm; or which activity it is: --match."
        )
    rt = tools.runtime()
    _check_answers(rt, conflict_id, is_match=bool(match))
    conflicts.resolve(rt, conflict_id, choice, by=tools.cli_actor())
    output.say(f"Conflict {conflict_id} is decided; the account's next run carries it out: calsync sync")


def _check_answers(rt: Runtime, conflict_id: int, *, is_match: bool) -> None:
    """Refuse an answer to the question that this conflict does not ask."""
    with rt.reading() as session:
        asks_which = rows.get(session, conflict_id).kind == ConflictKind.DUPLICATE_MATCH
    if asks_which is not is_match:
        wanted = "which activity it is: --match" if asks_which else "which side stands: --keep or --field"
        raise click.UsageError(f"Conflict {conflict_id} asks {wanted}.")


def _sides(fields: tuple[str, ...]) -> dict[str, str]:
    pairs = [_pair(each) for each in fields]
    twice = next((name for name, side in pairs if dict(pairs)[name] != side), None)
    if twice is not None:
        raise click.BadParameter(f"{twice} stands for both sides. Give each field once.", param_hint="--field")
    return dict(pairs)


def _pair(text: str) -> tuple[str, str]:
    name, found, side = text.partition("=")
    if not found or side not in ("crm", "external"):
        raise click.BadParameter(f"{text!r} is not NAME=crm or NAME=external.", param_hint="--field")
    return name, side


def facts(found: t.Conflict) -> dict[str, Any]:
    """Return a conflict under the stable names of the JSON output."""
    return {
        "id": found.id,
        "account": found.account_id,
        "activity": found.activity_id,
        "run": found.run_id,
        "kind": str(found.kind),
        "title": found.title,
        "state": found.state,
        "fields": dict(found.fields),
        "candidates": list(found.candidates),
        "choice": found.choice,
        "opened_at": found.opened_at,
        "closed_at": found.closed_at,
    }
