"""`calsync secrets`: the key that passwords and tokens are encrypted with."""

from __future__ import annotations

import click

from webapp.cli import output, tools


@click.group()
def secrets() -> None:
    """Look after the encryption key."""


@secrets.command()
@click.option("--drop-old", is_flag=True, help="Forget older keys; backups made with them can no longer be restored.")
@click.pass_context
def rotate(ctx: click.Context, drop_old: bool) -> None:
    """Encrypt every stored password and token anew with the newest key."""
    from calsync.services import rotate as service

    done = service.rotate(tools.runtime(), drop_old=drop_old, by=tools.cli_actor())
    made = "Made a new key. " if done.made_key else ""
    kept = f" {done.older_keys} older keys are kept for older backups." if done.older_keys else ""
    output.say(f"{made}Encrypted {done.secrets} secrets anew.{kept}")
    if done.unreadable:
        click.echo(
            f"{done.unreadable} secrets could not be opened with any key and stay as they were: "
            "their accounts have to be connected anew. Which they are: calsync doctor",
            err=True,
        )
        ctx.exit(output.FAILURES)
