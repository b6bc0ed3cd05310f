"""`calsync webhooks`: addresses of programs that are told of what happens, and what became of the messages."""

from __future__ import annotations

from typing import Any

import click

from calsync.engine.webhooks import Happening
from calsync.store import tables as t
from calsync.store import webhooks as rows
from calsync.store.keyset import Cut
from webapp.cli import options, output, times, tools
from webapp.cli.options import OnOff

COLUMNS = ("id", "url", "state", "success_percent", "p95_ms", "failing_since", "secret_ends")
MESSAGE_COLUMNS = ("id", "type", "state", "status", "error", "happened_at", "next_try_at")

events = click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([each.value for each in Happening]),
    help="What it is told of; may be given several times. Without it: everything.",
)
webhook_id = click.argument("webhook_id", metavar="ID", type=options.ID)


@click.group()
def webhooks() -> None:
    """Tell programs what happens: add, test, switch and list webhooks."""


@webhooks.command()
@click.argument("url")
@events
@click.option("--description", default="", help="What it is for.")
@output.as_json
def add(url: str, events: tuple[str, ...], description: str, as_json: bool) -> None:
    """Add a webhook, which is on at once. `secret` shows what its messages are signed with."""
    from calsync.services import webhooks as service

    chosen = events or tuple(each.value for each in Happening)
    made, _ = service.create(tools.runtime(), url, chosen, description=description, by=tools.cli_actor())
    text = f"Added webhook {made.id}. Its secret: calsync webhooks secret {made.id}"
    output.say(text, json_wanted=as_json, **facts(made))


@webhooks.command("list")
@output.as_json
def list_webhooks(as_json: bool) -> None:
    """List every webhook and how it does."""
    rt = tools.runtime()
    with rt.reading() as session:
        found = [facts(row) for row in rows.list_webhooks(session)]
    output.show_list(found, COLUMNS, json_wanted=as_json, empty="There are no webhooks: calsync webhooks add URL")


@webhooks.command()
@webhook_id
@click.argument("on", type=OnOff())
def switch(webhook_id: int, on: bool) -> None:
    """Switch a webhook on or off. What waited while it failed leaves as it is switched on."""
    from calsync.services import webhooks as service

    made = service.switch(tools.runtime(), webhook_id, on=on, by=tools.cli_actor())
    output.say(f"Webhook {made.id} is {made.state}.")


@webhooks.command()
@webhook_id
@output.as_json
def secret(webhook_id: int, as_json: bool) -> None:
    """Show what messages are signed with. That it was shown is in the audit log."""
    from calsync.services import webhooks as service

    shown = service.secret(tools.runtime(), webhook_id, by=tools.cli_actor())
    output.say(shown, json_wanted=as_json, secret=shown)


@webhooks.command()
@webhook_id
@output.as_json
def rotate(webhook_id: int, as_json: bool) -> None:
    """Make a new secret and show it; for 24 hours the old one signs as well."""
    from calsync.services import webhooks as service

    shown = service.rotate(tools.runtime(), webhook_id, by=tools.cli_actor())
    output.say(shown, json_wanted=as_json, secret=shown)


@webhooks.command()
@webhook_id
@click.argument("event", type=click.Choice([each.value for each in Happening]))
@output.as_json
def test(webhook_id: int, event: str, as_json: bool) -> None:
    """Send a test message now, and say what was answered."""
    from calsync.services import webhook_delivery
    from calsync.services import webhooks as service

    rt = tools.runtime()
    sent = service.send_test(rt, webhook_id, event, by=tools.cli_actor())
    webhook_delivery.deliver(rt, webhook_id)
    with rt.reading() as session:
        delivery = rows.get_delivery(session, t.pk(sent))
    answer = delivery.error or delivery.status or "it is under way"
    output.say(f"{delivery.public_id}: {delivery.state} ({answer})", json_wanted=as_json, **message_facts(delivery))


@webhooks.command()
@webhook_id
@click.option("--state", type=click.Choice(rows.STATES), help="Only those in this state.")
@click.option("--limit", type=options.Number(1, 1000), default=50, show_default=True)
@output.as_json
def messages(webhook_id: int, state: str | None, limit: int, as_json: bool) -> None:
    """List the messages to a webhook, newest first."""
    rt = tools.runtime()
    with rt.reading() as session:
        rows.get(session, webhook_id)
        found = rows.list_deliveries(session, webhook_id, state or "", Cut(limit)).rows
    listed = [message_facts(row) for row in found]
    output.show_list(listed, MESSAGE_COLUMNS, json_wanted=as_json, empty="There are no such messages.")


@webhooks.command("resend-failed")
@webhook_id
@click.argument("since", metavar="ISO")
@output.as_json
def resend_failed(webhook_id: int, since: str, as_json: bool) -> None:
    """Send everything again that was given up and happened since then; without an offset the time is in UTC."""
    from calsync.services import webhooks as service

    moment = times.instant(since, "UTC", "ISO")
    count = service.resend_failed(tools.runtime(), webhook_id, moment, by=tools.cli_actor())
    output.say(f"{count} messages are sent again.", json_wanted=as_json, messages=count)


@webhooks.command()
@webhook_id
def remove(webhook_id: int) -> None:
    """Remove a webhook with its log and everything that waits for it."""
    from calsync.services import webhooks as service

    service.remove(tools.runtime(), webhook_id, by=tools.cli_actor())
    output.say(f"Removed webhook {webhook_id}.")


def facts(row: t.Webhook) -> dict[str, Any]:
    """Return a webhook with the names that programs rely on (docs/cli.md)."""
    from webapp import webhook_view

    line = webhook_view.line(row, None, tools.runtime().now())
    return {
        "id": row.id,
        "public_id": row.public_id,
        "url": row.url,
        "description": row.description,
        "events": row.events,
        "state": row.state,
        "success_percent": line.success,
        "p95_ms": line.p95_ms,
        "failing_since": row.failing_since,
        "secret_ends": row.secret_hint,
    }


def message_facts(row: t.Delivery) -> dict[str, Any]:
    """Return a message with the names that programs rely on (docs/cli.md)."""
    return {
        "id": row.public_id,
        "type": row.type,
        "state": row.state,
        "status": row.status,
        "error": row.error or None,
        "happened_at": row.at,
        "next_try_at": row.next_try_at,
        "is_test": row.is_test,
    }
