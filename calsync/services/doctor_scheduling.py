"""What can be booked and where people meet, as findings: calendars of resources, meetings, busy blocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlmodel import Session

from calsync.engine.vocabulary import RoomAnswer
from calsync.runtime import Runtime
from calsync.services import link_hosts, mappable
from calsync.services.findings import Finding, Level, fine
from calsync.store import busy_blocks, conference_list, rooms, scheduling
from calsync.store import tables as t

SOON = timedelta(days=2)


def examine(session: Session, rt: Runtime) -> list[Finding]:
    """Return what is wrong with what can be booked; one line where all is well and there is something."""
    resources = scheduling.list_resources(session, with_disabled=False)
    found = [*_resources(session, rt, resources), *_rooms(session, rt), *_links(session, rt)]
    found += [*_meetings(session, rt), *_blocks(session)]
    if resources and not found:
        count = len(resources)
        return [fine("scheduling", f"{count} resource{'' if count == 1 else 's'} can be booked.")]
    return found


def _resources(session: Session, rt: Runtime, resources: list[t.Resource]) -> Iterator[Finding]:
    mapped = mappable.of_resources(rt, session, resources)
    for resource in resources:
        known = mapped.get(t.pk(resource))
        if known is not None and known.trouble:
            yield _switched_off(resource, known)
        elif known is not None and known.source.closes:
            yield _closed(resource, known.source.why, known.calendar.name or "its calendar", known.account.id)
        asked = mappable.asked_of(rt, session, resource)
        if asked is not None and asked[1].closes:
            yield _closed(resource, asked[1].why, asked[0].address, asked[0].account_id)


def _switched_off(resource: t.Resource, known: mappable.Mapped) -> Finding:
    return Finding(
        "resource",
        Level.WARNING,
        f"{resource.name} (resource {resource.id}): {known.trouble}",
        "Its bookings are not written there, and soon nothing of it is offered.",
        f"Do what the sentence says, or give it another calendar: calsync resources map {resource.id} CALENDAR.",
        known.account.id,
    )


def _closed(resource: t.Resource, why: str, name: str, account_id: int | None) -> Finding:
    return Finding(
        "resource",
        Level.WARNING,
        f"{resource.name} (resource {resource.id}): {name} cannot be believed now ({why.replace('_', ' ')}).",
        "As chosen for it, nothing of it is offered until then.",
        "See what is wrong with its account, or choose otherwise on the page of the resource.",
        account_id,
    )


def _rooms(session: Session, rt: Runtime) -> Iterator[Finding]:
    for refusal in rooms.declined(session, rt.now()):
        is_off = refusal.resource.is_invited and refusal.answer == RoomAnswer.OFF
        said = "was taken off the event in the calendar" if is_off else "declined the booking"
        yield Finding(
            "room",
            Level.WARNING,
            f"{refusal.resource.name} {said} on {refusal.booking.starts_at:%Y-%m-%d %H:%M} UTC.",
            "The booking stands, without the room.",
            f"Move it or book another room: /bookings/{refusal.booking.id}.",
            refusal.resource.asked_account_id,
        )


def _links(session: Session, rt: Runtime) -> Iterator[Finding]:
    for event_type in scheduling.list_event_types(session):
        linkless = [each for each in link_hosts.of(rt, session, event_type) if each.why_not]
        if linkless and event_type.is_active:
            who = ", ".join(name for each in linkless for name in each.who)
            yield Finding(
                "event type",
                Level.WARNING,
                f"{event_type.name}: bookings of {who} get no link to join ({linkless[0].why_not.replace('_', ' ')}).",
                "Its meetings are made with events by the account in whose calendar a booking stands.",
                f"See who hosts on its page (event type {event_type.id}), or let it take place elsewhere.",
            )


def _meetings(session: Session, rt: Runtime) -> Iterator[Finding]:
    troubled = conference_list.troubled(session, rt.now(), rt.now() + SOON)
    if troubled:
        yield Finding(
            "meetings",
            Level.WARNING,
            f"{len(troubled)} meeting{'' if len(troubled) == 1 else 's'} ahead without a link that works.",
            "Refused by the provider, deleted there, or without an account that hosts.",
            "calsync meetings list shows them; calsync meetings repair ID mends one.",
        )
    left_over = conference_list.count_left_over(session)
    if left_over:
        yield Finding(
            "meetings",
            Level.NOTE,
            f"{left_over} meeting{'' if left_over == 1 else 's'} of ours at a provider that no activity has.",
            "Nobody needs them, and they count against the provider's limits.",
            "Delete them: calsync meetings list, then calsync meetings repair ID.",
        )


def _blocks(session: Session) -> Iterator[Finding]:
    targets = {t.pk(calendar): (calendar, account) for calendar, account in busy_blocks.targets(session)}
    for calendar_id, known in busy_blocks.sums(session, list(targets)).items():
        calendar, account = targets[calendar_id]
        if known.failed:
            yield Finding(
                "busy blocks",
                Level.WARNING,
                f"{account.label}: {known.failed} of {known.blocks} busy blocks in {calendar.name} are not written.",
                f"{known.error} Who books there does not see that the person is busy elsewhere.",
                "It is tried again by itself; see the account's page if it stays.",
                account.id,
            )
