"""Options and arguments that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)
"""Passwords never stand on the command line: other users of the machine could read them."""


def read_password(from_stdin: bool, *, confirm: bool = False, prompt: str = "Password") -> str:
    """Return the password from standard input (its first line) or from a prompt."""
    if from_stdin:
        return _first_line()
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password. Give it with --password-stdin.")
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm)
    return answer


def _first_line() -> str:
    try:
        password = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        password = UNREADABLE
    if not password:
        raise click.UsageError("There is no password on standard input.")
    if not _is_text(password):
        raise click.UsageError("The password on standard input is no UTF-8 text. Save its file as UTF-8.")
    return password


UNREADABLE = "\udcff"
"""What stands for a byte that is no text, as in the arguments that Python hands over."""


def check_readable(args: Sequence[str]) -> None:
    """Refuse arguments that hold bytes which are no text: no database and no server could keep them."""
    for number, each in enumerate(args, 1):
        if not _is_text(each):
            shown = each.encode("utf-8", "replace").decode()[:60]
            raise click.UsageError(f"Argument {number} ({shown}) is no UTF-8 text. Is the terminal set to UTF-8?")


def _is_text(given: str) -> bool:
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


class Number(click.IntRange):
    """A whole number in a range, named in words that a person understands."""

    name = "whole number"


ID = Number(1, 2**31 - 1)
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
