"""The note on how changes travel, which a person sees once: after connecting the first account."""

from __future__ import annotations

from calsync.errors import NotFound
from calsync.runtime import Actor, Runtime
from calsync.store import tables as t


def seen(rt: Runtime, *, by: Actor) -> None:
    """Remember that this person has read the note. Repeating it is fine. Raises NotFound for the system."""
    with rt.writing() as session:
        user = None if by.user_id is None else session.get(t.User, by.user_id)
        if user is None:
            raise NotFound("user", by.user_id)
        user.seen_travel_note = True
