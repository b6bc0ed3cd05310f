"""`calsync activity`: the CRM's own records with a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from calsync.engine.vocabulary import Kind
from calsync.runtime import Runtime
from calsync.store import tables as t
from webapp.cli import options, output, times, tools

COLUMNS = ("id", "kind", "title", "start", "end", "status", "owner")
MOST = 100_000
F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def activity() -> None:
    """Add, list, edit and cancel activities."""


def described(command: F) -> F:
    """Add the options that say what an activity is like."""
    for option in reversed(
        (
            click.option("--title"),
            click.option("--start", metavar="ISO", help="2030-01-07T09:00, with an offset or in the zone of --tz."),
            click.option("--end", metavar="ISO", help="Exclusive; for days the day after the last one."),
            click.option("--due", metavar="ISO", help="When a task is due, instead of start and end."),
            click.option("--tz", metavar="ZONE", help="Such as Europe/Berlin; without it the owner's."),
            click.option("--all-day", is_flag=True, help="Start and end are days."),
            click.option("--rrule", metavar="RULE", help="Such as FREQ=WEEKLY;COUNT=10; empty ends the series."),
            click.option(
                "--attendee", "attendees", multiple=True, metavar="ADDRESS", help="May be given several times."
            ),
            click.option("--description"),
            click.option("--location"),
        )
    ):
        command = option(command)
    return command


@activity.command()
@click.option("--owner", required=True, metavar="EMAIL")
@click.option("--kind", type=click.Choice([k.value for k in Kind]), default=Kind.MEETING.value, show_default=True)
@described
@output.as_json
def add(owner: str, kind: str, as_json: bool, **options: Any) -> None:
    """Add an activity."""
    from calsync.services import activities

    rt = tools.runtime()
    person = tools.user_by_email(rt, owner)
    _check_due(kind, options)
    values = {"kind": kind} | _values(options, person.tz)
    made = activities.create(rt, person.id or 0, values, by=tools.cli_actor())
    output.say(f"Added {made.kind} {made.id}: {made.title}", json_wanted=as_json, **facts(made, owner))


@activity.command("list")
@click.option("--owner", metavar="EMAIL")
@click.option("--from", "start", metavar="ISO", help="Only what ends later.")
@click.option("--to", "end", metavar="ISO", help="Only what begins earlier.")
@output.as_json
def list_activities(owner: str | None, start: str | None, end: str | None, as_json: bool) -> None:
    """List activities by their start."""
    from calsync.services import activities
    from calsync.store.activity_list import Filters
    from calsync.store.keyset import Cut

    rt = tools.runtime()
    person = tools.user_by_email(rt, owner) if owner else None
    tz = person.tz if person else "UTC"
    wanted = Filters(
        owner_id=person.id if person else None,
        start=times.instant(start, tz, "--from") if start else None,
        end=times.instant(end, tz, "--to") if end else None,
    )
    cut = Cut(limit=MOST)
    found = activities.list_activities(rt, wanted, cut, by=tools.cli_actor(), newest_first=False).rows
    names = _owners(rt)
    rows = [facts(each, names.get(each.owner_id, "")) for each in found]
    output.show_list(rows, COLUMNS, json_wanted=as_json, empty="There are no activities here.")


@activity.command()
@click.argument("activity_id", metavar="ID", type=options.ID)
@output.as_json
def show(activity_id: int, as_json: bool) -> None:
    """Show one activity."""
    rt = tools.runtime()
    found = _get(rt, activity_id)
    output.show_one(_details(rt, found), json_wanted=as_json)


@activity.command()
@click.argument("activity_id", metavar="ID", type=options.ID)
@click.option("--kind", type=click.Choice([k.value for k in Kind]))
@described
@output.as_json
def edit(activity_id: int, kind: str | None, as_json: bool, **options: Any) -> None:
    """Change what is named; of a series, all of it."""
    from calsync.services import activities

    rt = tools.runtime()
    found = _get(rt, activity_id)
    _check_due(kind or found.kind, options)
    values = ({"kind": kind} if kind else {}) | _values(options, found.content["time"]["tz"] or _home(rt, found))
    if not values:
        raise click.UsageError("Say what to change, for example --title.")
    changed = activities.edit(rt, activity_id, values, by=tools.cli_actor())
    output.say(f"Changed {changed.kind} {changed.id}.", json_wanted=as_json, **_details(rt, changed))


@activity.command()
@click.argument("activity_id", metavar="ID", type=options.ID)
def cancel(activity_id: int) -> None:
    """Cancel an activity; of a series, all of it. Nothing is erased."""
    from calsync.services import activities

    changed = activities.cancel(tools.runtime(), activity_id, by=tools.cli_actor())
    output.say(f"{changed.title or 'The activity'} is cancelled.")


def _check_due(kind: str, options: dict[str, Any]) -> None:
    if options["due"] is not None and kind != Kind.TASK:
        raise click.UsageError(f"Only a task is due; a {kind} has --start and --end.")


def _values(options: dict[str, Any], home: str) -> dict[str, Any]:
    """Return the options that were given as the fields that services know."""
    tz = options["tz"] or home
    values = {
        name: options[name] for name in ("title", "tz", "rrule", "description", "location") if options[name] is not None
    }
    if options["attendees"]:
        values["attendees"] = list(options["attendees"])
    for name in ("start", "end", "due"):
        if options[name] is not None:
            values[name] = times.moment(options[name], tz, f"--{name}", all_day=options["all_day"])
    if "due" in values and {"start", "end"} & set(values):
        raise click.UsageError("--due stands in place of --start and --end: give either.")
    if options["all_day"] and "start" not in values:
        raise click.UsageError("--all-day goes with --start and --end as days.")
    return values


def _get(rt: Runtime, activity_id: int) -> t.Activity:
    from calsync.services import activities

    return activities.get(rt, activity_id, by=tools.cli_actor())


def _owners(rt: Runtime) -> dict[int, str]:
    from calsync.store import people
    from calsync.store.keyset import Cut

    with rt.reading() as session:
        return {user.id: user.email for user in people.list_users(session, cut=Cut(limit=MOST)).rows}


def _home(rt: Runtime, found: t.Activity) -> str:
    with rt.reading() as session:
        return session.get_one(t.User, found.owner_id).tz


def facts(found: t.Activity, owner: str) -> dict[str, Any]:
    """Return an activity under the stable names of the JSON output."""
    time = found.content["time"]
    return {
        "id": found.id,
        "public_id": found.public_id,
        "external_id": found.external_id,
        "owner": owner,
        "kind": str(found.kind),
        "title": found.title,
        "status": found.status,
        "start": time["start"],
        "end": time["end"],
        "tz": time["tz"],
        "all_day": found.is_all_day,
        "rrule": time["rrule"],
        "recurrence_id": found.recurrence_key or None,
        "source": found.source,
        "updated_at": found.updated_at,
    }


def _details(rt: Runtime, found: t.Activity) -> dict[str, Any]:
    with rt.reading() as session:
        owner = session.get_one(t.User, found.owner_id).email
    names = ("description", "location", "attendees", "responses", "reminders", "exdates", "conference", "url")
    return facts(found, owner) | {name: found.content[name] for name in names}
