"""`calsync account`: connected logins at providers."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from calsync.engine.vocabulary import Direction
from calsync.errors import Refused
from calsync.store import accounts as rows
from calsync.store import tables as t
from webapp.cli import calendars, options, output, progress, tools

COLUMNS = ("id", "owner", "provider", "label", "status", "direction", "frequency", "last_success_at", "next_sync_at")


@click.group()
def account() -> None:
    """Connect, list, change and disconnect accounts."""


@account.command("connect-caldav")
@click.option("--user", "email", required=True, help="Whose account it is.")
@click.option("--url", required=True, help="The server's address, a domain, or the person's e-mail address.")
@click.option("--username", required=True)
@options.password_stdin
@click.option("--allow-private-network", is_flag=True, help="The server stands in your own network.")
@output.as_json
def connect_caldav(
    email: str, url: str, username: str, password_stdin: bool, allow_private_network: bool, as_json: bool
) -> None:
    """Connect a CalDAV account."""
    from calsync.services import connect

    rt = tools.runtime()
    person = tools.user_by_email(rt, email)
    password = options.read_password(password_stdin, prompt=f"Password of {username}")
    try:
        made = connect.connect_caldav(
            rt,
            person.id or 0,
            url=url,
            username=username,
            password=password,
            allow_private_network=allow_private_network,
            by=tools.cli_actor(),
        )
    except Refused as why:
        hint = " The option is --allow-private-network." if why.code == "private_network" else ""
        raise Refused(f"{why.reason}{hint}", code=why.code, field=why.field) from why
    with rt.reading() as session:
        found = details(session, made)
    if as_json:
        output.show_one(found, json_wanted=True)
        return
    click.echo(f"Connected {made.label} as account {made.id}. Its calendars:")
    output.show_list(found["calendars"], calendars.COLUMNS, json_wanted=False, empty="(none)")


@account.command("list")
@output.as_json
def list_accounts(as_json: bool) -> None:
    """List every account."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = [facts(session, each) for each in rows.list_accounts(session)]
    empty = "No account is connected yet: calsync account connect-caldav"
    output.show_list(found, COLUMNS, json_wanted=as_json, empty=empty)


@account.command()
@click.argument("account_id", metavar="ID", type=options.ID)
@output.as_json
def show(account_id: int, as_json: bool) -> None:
    """Show one account: its facts, its rules, its calendars."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = details(session, rows.get(session, account_id))
    if as_json:
        output.show_one(found, json_wanted=True)
        return
    listed = found.pop("calendars")
    output.show_one(found, json_wanted=False)
    click.echo()
    output.show_list(listed, calendars.COLUMNS, json_wanted=False, empty="It has no calendars.")


@account.command("set")
@click.argument("account_id", metavar="ID", type=options.ID)
@click.option("--direction", type=click.Choice([*(d.value for d in Direction), "default"]), help="Which way it syncs.")
@click.option("--frequency", metavar="[realtime|manual|MINUTES]", help="How often it syncs.")
def set_account(account_id: int, direction: str | None, frequency: str | None) -> None:
    """Give an account rules of its own; "default" goes back to the organisation's."""
    from calsync.services import accounts

    given: dict[str, Any] = {"direction": direction, "frequency": frequency and frequency.lower()}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("Say what to set: --direction or --frequency.")
    changes = {name: None if value == "default" else value for name, value in changes.items()}
    changed = accounts.set_overrides(tools.runtime(), account_id, changes, by=tools.cli_actor())
    output.say(f"Saved for account {changed.id}: {output.cell(changed.overrides)}")
    if changed.hold_next_plan:
        click.echo("Its next run will show what it would write and wait for your approval (calsync run approve).")


@account.command()
@click.argument("account_id", metavar="ID", type=options.ID)
def pause(account_id: int) -> None:
    """Stop syncing an account until it is resumed."""
    from calsync.services import accounts

    accounts.pause(tools.runtime(), account_id, by=tools.cli_actor())
    output.say(f"Account {account_id} is paused. Resume it: calsync account resume {account_id}")


@account.command()
@click.argument("account_id", metavar="ID", type=options.ID)
def resume(account_id: int) -> None:
    """Sync a paused account again."""
    from calsync.services import accounts

    accounts.resume(tools.runtime(), account_id, by=tools.cli_actor())
    output.say(f"Account {account_id} is active.")


@account.command()
@click.argument("account_id", metavar="ID", type=options.ID)
@click.option("--keep", "choice", flag_value="keep", help="Both sides stay as they are; also what happens without.")
@click.option("--delete-remote", "choice", flag_value="delete_remote", help="Delete there the events that we created.")
@click.option("--delete-local", "choice", flag_value="delete_local", help="Cancel here what came from its calendars.")
@click.option("--delete-both", "choice", flag_value="delete_both", help="Both of these.")
@click.pass_context
def disconnect(ctx: click.Context, account_id: int, choice: str | None) -> None:
    """Stop syncing an account for good and forget its password. Connecting it again finds everything."""
    from calsync.services import disconnect as service

    rt = tools.runtime()
    with progress.of_account(rt, account_id, wanted=output.progress(json_wanted=False)):
        done = service.disconnect(rt, account_id, choice or "keep", by=tools.cli_actor())
    output.say(f"Deleted {done.deleted_remote} events there, cancelled {done.cancelled_local} activities here.")
    if done.is_disconnected:
        output.say(f"Account {account_id} is disconnected.")
        return
    click.echo(
        f"Account {account_id} stays connected: {done.failed} deletions failed. "
        f"See why: calsync run show {done.run_id}. Then try again, or disconnect with --keep.",
        err=True,
    )
    ctx.exit(output.FAILURES)


def facts(session: Session, found: t.Account) -> dict[str, Any]:
    """Return an account under the stable names of the JSON output."""
    from calsync.services import settings

    owner = session.get(t.User, found.user_id)
    rules = settings.rules_of(session, found)
    return {
        "id": found.id,
        "public_id": found.public_id,
        "owner": owner.email if owner else "",
        "provider": found.provider,
        "label": found.label,
        "status": status(found),
        "direction": str(rules.direction),
        "frequency": rules.frequency,
        "writable": found.can_write,
        "authorised": found.grant_ok,
        "last_answer_at": found.last_answer_at,
        "in_sync_since": found.in_sync_since,
        "last_success_at": found.last_success_at,
        "next_sync_at": found.next_sync_at,
        "rate_limited_until": found.rate_limited_until,
        "paused_until": found.paused_until,
        "failed_runs": found.failed_runs,
        "last_error": found.last_error,
    }


def details(session: Session, found: t.Account) -> dict[str, Any]:
    """Return all that `show` prints about an account."""
    listed = rows.list_calendars(session, found.id or 0)
    more = {
        "server_url": found.server_url,
        "username": found.username,
        "overrides": dict(found.overrides),
        "calendars": [calendars.facts(each) for each in listed],
    }
    return facts(session, found) | more


def status(found: t.Account) -> str:
    """Return the stored state, or what the owner has to do about it."""
    return "reconnect" if found.state == "active" and not found.grant_ok else str(found.state)
