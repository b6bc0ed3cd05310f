"""Rules for the events of bookings, where they differ from the account's: an event type's own mail settings, silence
where the guest hears of it from us, and one event for the guests.

A booking may stand on several calendars. Its guests, and the meeting online that is made with an event, belong to the
main one; on the others it is there to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import rules as engine_rules
from calsync.engine.event import Person
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind, MailRule
from calsync.runtime import Runtime
from calsync.services import guest_mail
from calsync.services.context import Context
from calsync.store import rooms as room_rows
from calsync.store import tables as t

MAIL = ("mail_new", "mail_changed", "mail_cancelled")


@dataclass(frozen=True, slots=True)
class Terms:
    """`mail` are the rules that the event type sets, `main_id` the calendar of the guests, None: wherever it stands.

    `rooms` are those to be invited, by the calendar from which they are.
    """

    mail: dict[str, Any] = field(default_factory=dict)
    main_id: int | None = None
    rooms: dict[int, tuple[Person, ...]] = field(default_factory=dict)


NONE = Terms()


def rules_of(ctx: Context, activity: t.Activity, calendar_id: int) -> Rules:
    """Return the rules in force for an activity's event on a calendar."""
    terms = _terms(ctx, activity)
    rules = engine_rules.overlay(ctx.rules, terms.mail, MAIL)
    return rules if terms.main_id in (None, calendar_id) else replace(rules, show_attendees=False)


def is_main(ctx: Context, activity: t.Activity, calendar_id: int) -> bool:
    """Return whether guests and the meeting online belong to the activity's event on this calendar."""
    return _terms(ctx, activity).main_id in (None, calendar_id)


def rooms(ctx: Context, activity: t.Activity, calendar_id: int) -> tuple[Person, ...] | None:
    """Return the rooms that an activity's event on a calendar is to invite; None where that is not ours to say."""
    if activity.kind != Kind.BOOKING or not ctx.capabilities.invites_rooms:
        return None
    return _terms(ctx, activity).rooms.get(calendar_id, ())


def _terms(ctx: Context, activity: t.Activity) -> Terms:
    if activity.kind != Kind.BOOKING:
        return NONE
    known = ctx.booked.get(t.pk(activity))
    if known is None:
        with ctx.rt.reading() as session:
            known = ctx.booked[t.pk(activity)] = _read(session, ctx.rt, t.pk(activity))
    return known


def _read(session: Session, rt: Runtime, activity_id: int) -> Terms:
    booked = (
        sa.select(col(t.EventType.mail), col(t.Booking.guest_email))
        .select_from(t.Booking)
        .outerjoin(t.EventType, col(t.Booking.event_type_id) == col(t.EventType.id))
        .where(col(t.Booking.activity_id) == activity_id)
    )
    main = sa.select(col(t.Placement.calendar_id)).where(col(t.Placement.activity_id) == activity_id)
    of_type, guest_email = next(iter(session.execute(booked)), (None, ""))
    is_ours = guest_mail.is_ours(session, rt, guest_email)
    mail = dict.fromkeys(MAIL, MailRule.NEVER.value) if is_ours else of_type or {}
    invited = {
        calendar_id: tuple(Person(room.asked_address, room.name) for room in found)
        for calendar_id, found in room_rows.invited(session, activity_id).items()
    }
    return Terms(mail, session.scalars(main.order_by(col(t.Placement.id))).first(), invited)
