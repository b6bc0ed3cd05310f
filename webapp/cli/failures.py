"""Errors as one line for people: what is wrong, why, what to do; and the exit code that goes with each."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn

import click
import sqlalchemy

from calsync import log
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

_UNUSABLE = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
"""Errors that no statement of ours causes; SQLite says of a damaged file no more than DatabaseError."""

WHERE = {
    "account": "calsync account list",
    "calendar": "calsync calendar list --account ID",
    "user": "calsync user list",
    "activity": "calsync activity list",
    "run": "calsync run list",
    "conflict": "calsync conflict list",
    "resource": "calsync resources list",
    "conference": "calsync meetings list",
}
"""Kind of thing -> the command that lists those there are."""


@contextlib.contextmanager
def as_one_line(args: Sequence[str] = ()) -> Iterator[None]:
    """Turn every error into a line on stderr and an exit code. `args` tell which options were given."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(output.USAGE)
    except click.UsageError as error:
        _end(f"{error.format_message()} See: {_help(error)}", output.USAGE)
    except click.ClickException as error:
        _end(error.format_message(), output.USAGE)
    except CalsyncError as error:
        code = output.NEEDS_PERSON if isinstance(error, SignInNeeded) else output.USAGE
        _end(_option(error, args) + sentence(error), code)
    except (click.Abort, KeyboardInterrupt):
        _end("Stopped before it was done.", output.FAILURES)
    except sqlalchemy.exc.DBAPIError as error:
        said = log.clean_text(" ".join(str(error.orig).split()))
        if not isinstance(error, _UNUSABLE) and type(error) is not sqlalchemy.exc.DatabaseError:
            _end(fault(error), output.FAILURES)
        _end(f"The database cannot be used: {said}. What is wrong with it says: calsync doctor", output.USAGE)
    except BrokenPipeError:
        # Whoever read the output has seen enough; without this Python complains while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(output.FAILURES)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _end(f"Something on this machine is in the way: {error.strerror or error}{place}.", output.FAILURES)
    except Exception as error:
        logging.getLogger(__name__).debug("a fault of the program", exc_info=error)
        _end(fault(error), output.FAILURES)


def fault(error: Exception) -> str:
    """Return what to say of an error that nobody expected: what it is, where, and how to learn more."""
    ours = [each for each in traceback.extract_tb(error.__traceback__) if _OURS.search(each.filename)]
    where = f" in {_OURS.search(ours[-1].filename)[0]}, line {ours[-1].lineno}" if ours else ""  # type: ignore[index]
    said = log.clean_text(" ".join(str(error).split()))[:300]
    return (
        f"A fault of Calsync{where}: {type(error).__name__}: {said}. "
        "Please report it; CALSYNC_LOG_LEVEL=debug prints all of it."
    )


_OURS = re.compile(r"(calsync|webapp|jobs)/[\w/]+\.py$|wsgi\.py$")
"""Files of the program, from the folder that everybody has."""


def _option(error: CalsyncError, args: Sequence[str]) -> str:
    """Return the option that a refusal is about, where it was given: most sentences were written for a form."""
    name = f"--{error.field}".replace("_", "-") if isinstance(error, Refused) and error.field else ""
    is_given = name and any(each.partition("=")[0] == name for each in args)
    return f"{name}: " if is_given else ""


def _end(text: str, code: int) -> NoReturn:
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    sys.exit(code)


def _help(error: click.UsageError) -> str:
    return f"{error.ctx.command_path if error.ctx else 'calsync'} --help"


def sentence(error: CalsyncError) -> str:
    """Return what happened, why, and what to do."""
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
