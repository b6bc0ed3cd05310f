"""What people are told before they sign in with a password: the well-known services of a provider, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from calsync.runtime import Runtime
from calsync.services import clients


class Service(Protocol):
    """A choice on the connect page. `url` is filled in, "" when people must type it; `password_page` is where the
    password is made, "" where there is no such page."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def password_page(self) -> str: ...


@runtime_checkable
class KnowsServices(Protocol):
    """A provider that stands for many services."""

    @property
    def presets(self) -> Sequence[Service]: ...


def services(rt: Runtime, provider: str) -> tuple[Service, ...]:
    """Return the services that a provider knows of, in the order to show them. Raises NotFound."""
    found = clients.provider_of(rt, provider)
    return tuple(found.presets) if isinstance(found, KnowsServices) else ()
