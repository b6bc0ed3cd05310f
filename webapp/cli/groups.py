"""Which command stands in which file. A file is imported when one of its commands is used."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "serve": ("server", "serve"),
    "demo": ("demo", "demo"),
    "doctor": ("doctor", "doctor"),
    "db": ("database", "db"),
    "secrets": ("secrets", "secrets"),
    "user": ("users", "user"),
    "account": ("accounts", "account"),
    "calendar": ("calendars", "calendar"),
    "settings": ("settings", "settings"),
    "activity": ("activities", "activity"),
    "resources": ("resources", "resources"),
    "meetings": ("meetings", "meetings"),
    "sync": ("syncing", "sync"),
    "run": ("runs", "run"),
    "conflict": ("conflicts", "conflict"),
    "webhooks": ("webhooks", "webhooks"),
}
"""Command -> file under webapp/cli and name in it."""


class Root(click.Group):
    """The command `calsync`."""

    def __init__(self) -> None:
        super().__init__(
            "calsync",
            help="Keep a CRM's activities and people's calendars in two-way sync.",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file, name = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"webapp.cli.{file}"), name)
        return found
