"""Where each kind of notice leads: the page on which a person does what it asks for, and the reason it gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, url_for

from calsync.services import letters
from calsync.store import tables as t
from webapp import moments


@dataclass(frozen=True, slots=True)
class Goal:
    """A page and the words of the link to it. `url` is "" where this installation has no such page."""

    url: str
    label: str


_GOALS = {
    "reconnect": ("accounts.show", "Open and reconnect"),
    "ending": ("accounts.show", "Open and reconnect"),
    "credentials": ("integrations.credentials", "Mend them"),
    "secret": ("integrations.credentials", "Give a new one"),
    "held": ("history.index", "Look and approve"),
    "failing": ("accounts.show", "See what fails"),
    "conflict": ("conflicts.index", "Decide"),
    "meeting": ("meetings.index", "See the meeting"),
    "room": ("bookings.show", "See the booking"),
    "webhook": ("webhooks.show", "See why"),
    "disconnected": ("accounts.index", "Open Accounts"),
    "recovered": ("accounts.show", "Open account"),
}


def goal(notice: t.Notice) -> Goal:
    """Return where a notice leads; a link that says where to look is better than none."""
    endpoint, label = _GOALS.get(notice.kind, ("overview.index", "Open overview"))
    if endpoint == "accounts.show" and notice.account_id is None:
        endpoint, label = "integrations.index", "Open Integrations"
    if endpoint not in current_app.view_functions:
        return Goal("", label)
    return Goal(url_for(endpoint, **_values(endpoint, notice)), label)


def why(notice: t.Notice) -> str:
    """Return the reason in words, "" where the kind says it all."""
    if notice.facts.get("ends_at"):
        return f"It ends on {moments.absolute(datetime.fromisoformat(notice.facts['ends_at']))}."
    text = str(notice.facts.get("why", "")) if notice.kind in ("failing", "reconnect", "credentials") else ""
    return letters.REASONS.get(text, text)


def _values(endpoint: str, notice: t.Notice) -> dict[str, Any]:
    if endpoint == "accounts.show":
        return {"account_id": notice.account_id or 0}
    if endpoint == "bookings.show":
        return {"booking_id": notice.facts.get("booking", 0)}
    if endpoint == "webhooks.show":
        return {"webhook_id": notice.facts.get("webhook", 0)}
    if endpoint == "integrations.credentials":
        return {"provider": notice.facts.get("provider", "")}
    if endpoint == "history.index":
        return {"state": "held"}
    return {}
