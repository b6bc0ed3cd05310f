"""Options and arguments that several commands share."""

from __future__ import annotations

import sys
from typing import Any

import click

password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)
"""Passwords never stand on the command line: other users of the machine could read them."""


def read_password(from_stdin: bool, *, confirm: bool = False, prompt: str = "Password") -> str:
    """Return the password from standard input (its first line) or from a prompt."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("There is no password on standard input.")
        return password
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password. Give it with --password-stdin.")
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm)
    return answer


ID = click.IntRange(1, 2**31 - 1)
"""The number of something in the database, as far as its columns reach."""


class OnOff(click.ParamType):
    """`on` or `off`, as a boolean."""

    name = "on|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        if isinstance(value, bool):
            return value
        words = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
        if str(value).lower() not in words:
            self.fail(f"{value!r} is neither on nor off.", param, ctx)
        return words[str(value).lower()]
