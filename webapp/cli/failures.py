"""Errors as one line for people: what is wrong, why, what to do; and the exit code that goes with each."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from calsync.errors import (
    CalsyncError,
    ConfigError,
    NotAllowed,
    NotFound,
    ProviderError,
    RateLimited,
    Refused,
    Rejected,
    SignInNeeded,
    Unavailable,
)
from webapp.cli import output

WHERE = {
    "account": "calsync account list",
    "calendar": "calsync calendar list --account ID",
    "user": "calsync user list",
    "activity": "calsync activity list",
    "run": "calsync run list",
    "conflict": "calsync conflict list",
}
"""Kind of thing -> the command that lists those there are."""


@contextlib.contextmanager
def as_one_line() -> Iterator[None]:
    """Turn the errors that we raise on purpose into a line on stderr and an exit code."""
    try:
        yield
    except CalsyncError as error:
        click.echo(f"Error: {sentence(error)}", err=True)
        sys.exit(code(error))


def code(error: CalsyncError) -> int:
    """Return the exit code for an error that ended a command."""
    return output.USAGE


def sentence(error: CalsyncError) -> str:
    """Return what happened, why, and what to do, without line breaks."""
    return " ".join(_words(error).split())


def _words(error: CalsyncError) -> str:
    match error:
        case NotFound():
            hint = f" See which there are: {WHERE[error.kind]}" if error.kind in WHERE else ""
            return f"There is no {error.kind} {error.id}.{hint}"
        case Refused():
            return error.reason
        case NotAllowed():
            return f"It is not allowed to {error.action}. An admin can change that in the settings."
        case ConfigError():
            return str(error)
        case ProviderError():
            return _provider_words(error)
        case _:
            return str(error)


def _provider_words(error: ProviderError) -> str:
    match error:
        case SignInNeeded():
            return f"The server refused the login ({error.why}). Check user name and password. {error.detail}"
        case RateLimited():
            return f"The server asks to wait until {output.cell(error.until)}. Try again then."
        case Unavailable():
            return f"The server cannot be reached: {error.detail}. Check the address, or try again later."
        case Rejected():
            return f"The server refused: {error.detail} ({error.code})."
        case _:
            return f"The server's answer cannot be used: {error}."
