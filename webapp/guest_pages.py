"""What the pages of guests share: those of an event type, for whoever books it, and those of one booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request, url_for

from calsync.engine import booking_form
from calsync.engine.openings import Slot
from calsync.errors import Refused
from calsync.runtime import Actor
from calsync.services import other_times, settings, taking
from calsync.services.bookings import Request
from calsync.services.taking import SlotTaken
from calsync.store import tables as t
from webapp import moments, slot_picker
from webapp.access import runtime
from webapp.forms.bookings import BookingForm
from webapp.fragments import page
from webapp.slot_picker import Find

ROLE = "guest"


def guest(address: str) -> Actor:
    """Return a guest as services and the audit log know them."""
    return Actor(None, address or ROLE, ROLE, request.remote_addr or "")


def horizon(event_type: t.EventType) -> datetime:
    """Return until when an event type can be booked."""
    return moments.now() + timedelta(days=event_type.horizon_days)


def finding(event_type: t.EventType) -> other_times.Search:
    """Return what finds the free slots of an event type."""
    return other_times.Search(runtime(), event_type)


def instead(find: Find, at: datetime, zone: str) -> list[tuple[str, str]] | None:
    """Return None where something can begin at that moment, else the next free times, as values and labels."""
    start = max(at, moments.now())
    found = list(find(start, start + taking.LOOK_AHEAD))
    return None if any(slot.starts_at == at for slot in found) else choices(found, zone)


def offered(refused: Refused | None, zone: str) -> list[tuple[str, str]] | None:
    """Return the free times that came with a refusal, as values and labels; None where the slot was not the reason."""
    return choices(refused.slots, zone) if isinstance(refused, SlotTaken) else None


def request_of(event_type: t.EventType, form: BookingForm, at: datetime, zone: str) -> Request:
    """Return what a form that was filled in asks for."""
    answers = form.answers(booking_form.from_json(event_type.questions))
    return Request(t.pk(event_type), at, form.name.data or "", form.email.data or "", zone, answers, form.own_key)


def form_page(
    template: str, event_type: t.EventType, form: BookingForm, others: list[tuple[str, str]] | None, **more: Any
) -> Any:
    """Show the form that asks who comes; `others` are the times to choose instead where the one asked for is gone."""
    is_taken = others is not None
    if form.refused is not None:
        form.renew_key()
    status = 409 if is_taken and form.errors else 422 if form.errors else 200
    about: dict[str, Any] = {"event_type": event_type, "form": form, "others": others or [], "is_taken": is_taken}
    return page(template, status=status, **about, **more)


def choices(slots: Sequence[Slot], zone: str) -> list[tuple[str, str]]:
    """Return the first of these slots, as values and labels."""
    return [(slot_picker.text(s.starts_at), slot_picker.when(s.starts_at, zone)) for s in slots[: taking.NEXT]]


def address(endpoint: str, **values: Any) -> str:
    """Return an address to hand to others: at the public URL where one is set."""
    public = settings.public_url(runtime())
    return public + url_for(endpoint, **values) if public else url_for(endpoint, **values, _external=True)
