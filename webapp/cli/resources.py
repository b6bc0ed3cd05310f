"""`calsync resources`: rooms, equipment and people that can be booked, and the calendar that each has for itself."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from calsync.engine.vocabulary import ResourceKind, Unreachable
from calsync.store import accounts, people
from calsync.store import tables as t
from webapp.cli import options, output, tools

COLUMNS = ("id", "name", "kind", "tz", "user", "calendar", "active", "when_unreachable")


@click.group()
def resources() -> None:
    """Create, map, disable and list what can be booked."""


@resources.command()
@click.argument("name")
@click.option("--kind", type=click.Choice([k.value for k in ResourceKind]), default="room", show_default=True)
@click.option("--tz", metavar="ZONE", help="Such as Europe/Berlin; without it the person's, else UTC.")
@click.option("--user", "email", metavar="EMAIL", help="Whom a person's resource stands for.")
@click.option(
    "--when-unreachable",
    type=click.Choice([u.value for u in Unreachable]),
    default=Unreachable.FAIL_CLOSED.value,
    show_default=True,
    help="What a calendar that cannot be read counts for.",
)
@click.option("--last-known-minutes", type=int, default=60, show_default=True, help="How old last_known may be.")
@click.option("--capacity", type=int, help="People it has room for.")
@click.option("--description", default="")
@output.as_json
def create(name: str, tz: str | None, email: str | None, as_json: bool, **values: Any) -> None:
    """Create a resource without a calendar."""
    from calsync.services import resources as service

    rt = tools.runtime()
    person = tools.user_by_email(rt, email) if email else None
    if person is not None:
        values |= {"kind": ResourceKind.PERSON, "user_id": person.id, "tz": tz or person.tz}
    given = service.ResourceValues(name, **{"tz": tz or "UTC", **values})
    made = service.create(rt, given, by=tools.cli_actor())
    text = f"Created {made.kind} {made.id}: {made.name}. Map its calendar: calsync resources map {made.id} CALENDAR"
    with rt.reading() as session:
        output.say(text, json_wanted=as_json, **facts(session, made))


@resources.command("map")
@click.argument("resource_id", metavar="ID", type=options.ID)
@click.argument("calendar_id", metavar="CALENDAR", type=options.ID)
def map_calendar(resource_id: int, calendar_id: int) -> None:
    """Give a resource its calendar (calsync calendar list): bookings go there, and what stands there blocks it."""
    from calsync.services import resources as service

    made = service.map_calendar(tools.runtime(), resource_id, calendar_id, by=tools.cli_actor())
    output.say(f"Calendar {calendar_id} is now the calendar of {made.name}.")


@resources.command()
@click.argument("resource_id", metavar="ID", type=options.ID)
def unmap(resource_id: int) -> None:
    """Take the calendar off a resource; what was written there stays."""
    from calsync.services import resources as service

    made = service.unmap(tools.runtime(), resource_id, by=tools.cli_actor())
    output.say(f"{made.name} has no calendar of its own now.")


@resources.command()
@click.argument("resource_id", metavar="ID", type=options.ID)
@click.argument("account_id", metavar="ACCOUNT", type=options.ID, required=False)
@click.argument("address", required=False)
@click.option("--invite", is_flag=True, help="Bookings invite it, from the account's main calendar; a room's alone.")
def ask(resource_id: int, account_id: int | None, address: str | None, invite: bool) -> None:
    """Have a provider asked when ADDRESS is busy, through ACCOUNT; without both, ask no more."""
    from calsync.services import asked_busy

    rt, by = tools.runtime(), tools.cli_actor()
    if account_id is None or address is None:
        made = asked_busy.drop(rt, resource_id, by=by)
        output.say(f"Nobody is asked about {made.name} any more.")
        return
    made = asked_busy.set_address(rt, resource_id, account_id, address, is_invited=invite, by=by)
    asked_busy.ask(rt, account_id)
    output.say(f"{made.name} is busy when {made.asked_address} is, as its provider tells.")


@resources.command()
@click.argument("resource_id", metavar="ID", type=options.ID)
def disable(resource_id: int) -> None:
    """Take no more bookings of a resource; those that stand go on."""
    from calsync.services import resources as service

    made = service.set_active(tools.runtime(), resource_id, False, by=tools.cli_actor())
    output.say(f"{made.name} takes no more bookings. Enable it again: calsync resources enable {resource_id}")


@resources.command()
@click.argument("resource_id", metavar="ID", type=options.ID)
def enable(resource_id: int) -> None:
    """Take bookings of a disabled resource again."""
    from calsync.services import resources as service

    made = service.set_active(tools.runtime(), resource_id, True, by=tools.cli_actor())
    output.say(f"{made.name} takes bookings again.")


@resources.command("list")
@output.as_json
def list_resources(as_json: bool) -> None:
    """List every resource, with its calendar."""
    from calsync.services import resources as service

    rt = tools.runtime()
    listed = service.list_resources(rt)
    with rt.reading() as session:
        found = [facts(session, each) for each in listed]
    empty = "Nothing can be booked yet: calsync resources create NAME"
    output.show_list(found, COLUMNS, json_wanted=as_json, empty=empty)


def facts(session: Session, resource: t.Resource) -> dict[str, Any]:
    """Return a resource with the names that programs rely on (docs/cli.md)."""
    user = None if resource.user_id is None else people.get(session, resource.user_id)
    calendar = None if resource.calendar_id is None else accounts.get_calendar(session, resource.calendar_id)
    return {
        "id": resource.id,
        "public_id": resource.public_id,
        "name": resource.name,
        "kind": resource.kind,
        "tz": resource.tz,
        "user": user.email if user else None,
        "calendar_id": resource.calendar_id,
        "calendar": calendar.name if calendar else None,
        "asked_address": resource.asked_address or None,
        "is_invited": resource.is_invited,
        "active": resource.is_active,
        "when_unreachable": resource.when_unreachable,
        "last_known_minutes": resource.last_known_minutes,
        "capacity": resource.capacity,
        "description": resource.description,
    }
