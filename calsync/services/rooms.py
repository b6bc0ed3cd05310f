"""Rooms of an organisation: which there are, and what those said that bookings invite.

A booking of a resource that is invited stands in the main calendar of the account behind it, with the room on it as a
resource and not as a guest. The room's mailbox answers by itself and by its own rules; its answer is read back.
"""

from __future__ import annotations

import contextlib
from typing import Any

from calsync.engine.vocabulary import RoomAnswer
from calsync.errors import Refused
from calsync.providers import oauth
from calsync.providers.rooms import Room, RoomDirectory
from calsync.runtime import Actor, Runtime
from calsync.services import clients, grants, resources
from calsync.store import accounts
from calsync.store import rooms as rows
from calsync.store import tables as t

_ANSWERS = {"accepted": RoomAnswer.ACCEPTED, "declined": RoomAnswer.DECLINED}


def can_list(rt: Runtime, account: t.Account) -> bool:
    """Return whether an account's provider lists rooms to whom it is, whether or not that was asked for yet."""
    return clients.provider_of(rt, account.provider).info.capabilities.invites_rooms and grants.offers(
        rt, account, oauth.ROOMS
    )


def may_list(rt: Runtime, account: t.Account) -> bool:
    """Return whether the permission to list rooms was given."""
    return grants.has_extra(rt, account, oauth.ROOMS)


def list_there(rt: Runtime, account_id: int, *, by: Actor) -> list[Room]:
    """Return the rooms of an account's organisation, by name.

    Raises NotFound, NotAllowed, ProviderError, and Refused (code `not_asked`) where the permission was not given.
    """
    resources.admin(by, "list the rooms of an organisation")
    with rt.reading() as session:
        account = accounts.get(session, account_id)
    if not may_list(rt, account):
        raise Refused("Listing rooms was not allowed yet. Ask for it first.", code="not_asked")
    with contextlib.closing(clients.open_reading(rt, account_id)) as client:
        if not isinstance(client, RoomDirectory):
            raise Refused("This account's provider lists no rooms.", code="cannot_list")
        return client.rooms()


def follow(rt: Runtime) -> int:
    """Bring what is known of invited rooms in line with their events; return how many said something new."""
    with rt.reading() as session:
        known = rows.standing(session, rt.now())
    found = [(each.taken_id, _said(each)) for each in known if _said(each) != each.answer]
    if found:
        with rt.writing() as session:
            for taken_id, answer in found:
                taken = session.get(t.Taken, taken_id)
                if taken is not None:
                    taken.room_answer = answer
        rt.enqueue("watch_notices")
    return len(found)


def _said(standing: rows.Standing) -> str:
    if standing.facts is None:
        return ""
    invited: list[Any] = standing.facts.get("rooms", [])
    answer = next((partstat for address, _, partstat in invited if address == standing.address), None)
    return RoomAnswer.OFF if answer is None else _ANSWERS.get(answer, RoomAnswer.WAITING)
