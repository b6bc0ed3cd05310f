"""Taking slots: what booking and moving a booking share. Locks, the second look, asking providers, whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from calsync.engine import openings
from calsync.engine.openings import Slot
from calsync.engine.vocabulary import GroupMode, Trigger
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import asked_busy, availability, claims, sync
from calsync.services.availability import Case
from calsync.services.believing import Source
from calsync.store import scheduling as rows
from calsync.store import tables as t

HOLD = timedelta(minutes=3)
"""How long a slot is kept while its calendars are asked."""

FRESH = timedelta(seconds=60)
"""A calendar that was read longer ago is asked before a booking."""

NEXT, LOOK_AHEAD = 5, timedelta(days=14)
"""How many free slots whoever comes too late is offered, and how far off they may lie."""

MINUTE = timedelta(minutes=1)


class Question(NamedTuple):
    """What is to be asked before a booking: the calendars of an account, or through it when others are busy."""

    account_id: int
    is_about_others: bool = False


class SlotTaken(Refused):
    """The slot is not free, or no longer. `slots` are the next ones that are."""

    def __init__(self, slots: Sequence[Slot] = ()) -> None:
        self.slots = slots
        super().__init__("This time is no longer free. Choose another one.", code="taken", field="starts_at")


def locked_case(session: Session, event_type: t.EventType) -> Case:
    """Return what booking an event type is about, its resources locked. Raises Refused where nothing can be booked."""
    case = availability.case_of(session, event_type)
    if case.is_closed:
        raise Refused("This cannot be booked at the moment.", code="closed")
    rows.lock_resources(session, [t.pk(resource) for resource in case.resources])
    return case


def slot_at(
    session: Session, case: Case, starts_at: datetime, now: datetime, moving: Sequence[t.Booking] = ()
) -> tuple[Slot, Mapping[int, list[Source]]]:
    """Return the free slot at that moment and the calendars that were asked. Raises SlotTaken when there is none."""
    answer = availability.offered(session, case, (starts_at, starts_at + MINUTE), now, moving)
    slot = next((slot for slot in answer.slots if slot.starts_at == starts_at), None)
    if slot is None:
        raise SlotTaken
    return slot, answer.sources


def chosen(session: Session, case: Case, slot: Slot, now: datetime) -> tuple[int, ...]:
    """Return which resources a booking takes: all of the slot's, or whose turn it is."""
    if case.mode is GroupMode.ALL_OF:
        return slot.resource_ids
    picked_at = {member.resource_id: member.picked_at for member in case.members}
    return (openings.pick(slot.resource_ids, case.pick, picked_at, rows.ahead(session, slot.resource_ids, now)),)


def stale(resource_ids: Iterable[int], sources: Mapping[int, list[Source]], now: datetime) -> list[Question]:
    """Return what is to be asked before these resources are booked."""
    asked = (source for resource_id in resource_ids for source in sources.get(resource_id, ()))
    can_be_asked = ("", "late", "failing", "never_read")
    return sorted(
        {
            Question(source.account_id, source.is_about_others)
            for source in asked
            if source.why in can_be_asked
            and not source.is_switched_off
            and (source.read_at is None or now - source.read_at > FRESH)
        }
    )


def ask(rt: Runtime, questions: Iterable[Question]) -> None:
    """Ask the providers what has changed. What goes wrong stands on the account, and counts as was chosen there.

    One that is being run by somebody else at this moment is being asked already.
    """
    for question in questions:
        if question.is_about_others:
            asked_busy.ask(rt, question.account_id)
            continue
        try:
            sync.run(rt, question.account_id, trigger=Trigger.EDIT)
        except (Refused, claims.LeaseLost):
            continue


def next_free(rt: Runtime, event_type_id: int, around: datetime) -> list[Slot]:
    """Return the next free slots from a moment on."""
    start = max(around, rt.now())
    return availability.slots(rt, event_type_id, start, start + LOOK_AHEAD).slots[:NEXT]
