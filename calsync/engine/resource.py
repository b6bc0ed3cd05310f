"""Resource: what a provider stores under one handle and one version, and the events in it."""

from __future__ import annotations

from dataclasses import dataclass

from calsync.engine.event import Event


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing at the provider with one handle and one version, and the events in it.

    `version` is opaque (ETag, changeKey); None means that the provider gives none. `body` is the raw answer, kept so
    that a later write can preserve what we do not model. A resource that cannot be read has no events and says why in
    `fault`: it exists, it is not deleted, and nothing is ever written to it. `is_adopted` is True when a create found
    its key already there: the content is then whatever the resource holds, not what this write carried.
    """

    handle: str
    version: str | None
    body: str
    events: tuple[Event, ...] = ()
    fault: str | None = None
    is_adopted: bool = False
