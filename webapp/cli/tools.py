"""What wsgi hands to the commands, and how a command gets at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import click

from calsync.config import Settings
from calsync.runtime import Actor, Runtime
from calsync.store import people
from calsync.store import tables as t


class Serve(Protocol):
    """Serve pages and run jobs until the process is asked to stop."""

    def __call__(self, rt: Runtime, host: str, port: int, greeting: str = "") -> None: ...


class LoadSettings(Protocol):
    """Read the settings of this process, or those that `environ` alone gives."""

    def __call__(self, environ: Mapping[str, str] | None = None) -> Settings: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts that only wsgi can put together; each is made when a command asks for it."""

    load_settings: LoadSettings
    runtime: Callable[[Settings], Runtime]
    serve: Serve


def tools() -> Tools:
    """Return the tools of the running command."""
    found = click.get_current_context().find_object(Tools)
    if found is None:
        raise RuntimeError("wsgi has not handed the tools over")
    return found


def bare_runtime() -> Runtime:
    """Return a runtime whatever state its database is in; closed when the command ends."""
    rt = tools().runtime(tools().load_settings())
    click.get_current_context().call_on_close(rt.db.close)
    return rt


def runtime() -> Runtime:
    """Return a runtime whose database is of this version and fits the key. Raises UnknownSchema or WrongKey."""
    from calsync.services import start

    rt = bare_runtime()
    start.ready(rt)
    return rt


def cli_actor() -> Actor:
    """Return who acts: whoever may start this program on this machine."""
    from calsync.runtime import CLI

    return CLI


def user_by_email(rt: Runtime, email: str) -> t.User:
    """Return a person by address. Raises NotFound."""
    with rt.reading() as session:
        return people.get_by_email(session, email)
