"""`calsync doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import dataclasses

import click

from webapp.cli import output, tools

MARKS = {"ok": "ok     ", "note": "note   ", "warning": "WARNING", "error": "ERROR  "}


@click.command()
@output.as_json
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Examine keys, database, clock, scheduler, public address and every account."""
    from calsync.services import doctor as service
    from calsync.services import findings

    found = service.examine(tools.bare_runtime())
    if as_json:
        output.show_list([_facts(each) for each in found], (), json_wanted=True, empty="")
    for each in [] if as_json else found:
        _print(each)
    ctx.exit(output.NEEDS_PERSON if findings.worst(found) is findings.Level.ERROR else output.DONE)


def _print(found: object) -> None:
    facts = _facts(found)
    click.echo(f"{MARKS[facts['level']]}  {facts['what']}")
    for name in ("why", "todo"):
        if facts[name]:
            click.echo(f"         {facts[name]}")


def _facts(found: object) -> dict[str, str]:
    """Return a finding under the stable names of the JSON output."""
    facts = dataclasses.asdict(found)  # type: ignore[call-overload]
    return facts | {"level": str(facts["level"])}
