"""What a person's answer to "which of these is this event?" means."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session

from calsync.errors import Refused
from calsync.store import tables as t


def check(row: t.Conflict, choice: Mapping[str, str]) -> None:
    """Raises Refused (code `invalid`) unless the answer is "new" or one of the candidates."""
    answers = {"new", *(str(i) for i in row.candidates)}
    if set(choice) != {"*"} or choice["*"] not in answers:
        raise Refused("Choose one of the activities, or a new one.", code="invalid", field="*")


def settle(session: Session, row: t.Conflict) -> None:
    """Have the event and its candidates planned again; the answer, kept on the conflict, decides."""
    event = session.get(t.MirrorEvent, row.event_id) if row.event_id else None
    if event is None or event.is_deleted:
        raise Refused("The event is no longer in the calendar.", code="changed")
    event.excluded, event.considered = "", ""
    for activity_id in row.candidates:
        activity = session.get(t.Activity, activity_id)
        if activity is not None:
            activity.excluded, activity.considered = "", ""
