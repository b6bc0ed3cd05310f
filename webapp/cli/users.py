"""`calsync user`: who may sign in."""

from __future__ import annotations

from typing import Any

import click

from calsync.engine.vocabulary import Role
from calsync.store import tables as t
from webapp.cli import options, output, tools


@click.group()
def user() -> None:
    """Add, list and disable people."""


@user.command()
@click.argument("email")
@click.option("--role", type=click.Choice([r.value for r in Role]), required=True, help="What they may do.")
@click.option("--name", default="", help="How they are called.")
@options.password_stdin
@output.as_json
def add(email: str, role: str, name: str, password_stdin: bool, as_json: bool) -> None:
    """Add a person. Asks for the password; people invited from the pages set their own."""
    from calsync.services import people

    rt = tools.runtime()
    password = options.read_password(password_stdin, confirm=True)
    made = people.create_user(rt, email, role, name=name, password=password, by=tools.cli_actor())
    output.say(f"Added {made.email} as {made.role}.", json_wanted=as_json, **facts(made))


@user.command("list")
@output.as_json
def list_users(as_json: bool) -> None:
    """List everybody."""
    from calsync.store import people
    from calsync.store.keyset import Cut

    rt = tools.runtime()
    with rt.reading() as session:
        found = [facts(each) for each in people.list_users(session, cut=Cut(limit=100_000)).rows]
    columns = ("email", "name", "role", "disabled", "last_seen_at")
    output.show_list(found, columns, json_wanted=as_json, empty="There is nobody yet: calsync user add")


@user.command()
@click.argument("email")
def disable(email: str) -> None:
    """End a person's sessions and refuse new ones. Nothing of theirs is deleted."""
    from calsync.services import people

    rt = tools.runtime()
    person = tools.user_by_email(rt, email)
    people.disable(rt, person.id or 0, by=tools.cli_actor())
    output.say(f"{person.email} can no longer sign in.")


def facts(person: t.User) -> dict[str, Any]:
    """Return a person under the stable names of the JSON output."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "role": str(person.role),
        "disabled": person.is_disabled,
        "created_at": person.created_at,
        "last_seen_at": person.last_seen_at,
    }
