"""What the pages of guests share: those of an event type and those of one booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request, url_for

from calsync.engine.openings import Slot
from calsync.errors import Refused
from calsync.runtime import Actor
from calsync.services import other_times, settings, taking
from calsync.services.taking import SlotTaken
from calsync.store import tables as t
from webapp import moments, slot_picker
from webapp.access import runtime
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


def choices(slots: Sequence[Slot], zone: str) -> list[tuple[str, str]]:
    """Return the first of these slots, as values and labels."""
    return [(slot_picker.text(s.starts_at), slot_picker.when(s.starts_at, zone)) for s in slots[: taking.NEXT]]


def address(endpoint: str, **values: Any) -> str:
    """Return an address to hand to others: at the public URL where one is set."""
    public = settings.public_url(runtime())
    return public + url_for(endpoint, **values) if public else url_for(endpoint, **values, _external=True)
