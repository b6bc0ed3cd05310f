"""Explain: why is this activity or event, or why is it not, synced."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_login import current_user

from calsync.engine import event as events
from calsync.services import explain
from calsync.store import tables as t
from calsync.store import whereabouts
from webapp import activity_view, explain_view, values, words
from webapp.access import login_required, readable_activity, readable_event, runtime
from webapp.fragments import page

bp = Blueprint("explain", __name__)


@bp.get("/activities/<int:activity_id>/explain")
@login_required
def activity(activity_id: int) -> Any:
    row = readable_activity(activity_id)
    answers = explain_view.shown(explain.activity(runtime(), activity_id, row))
    return page(
        "explain/activity.html",
        activity=row,
        title=activity_view.title(row),
        answers=answers,
        line=None if answers else _why_nowhere(row),
    )


def _why_nowhere(row: t.Activity) -> str:
    with runtime().reading() as session:
        return activity_view.told(row, whereabouts.of(session, [row])[t.pk(row)])[0].line.text


@bp.get("/events/<int:event_id>")
@login_required
def event(event_id: int) -> Any:
    """Show a mirrored event that no activity stands for, and why."""
    found = readable_event(event_id)
    row, _, _, account, _, _ = found
    answer = explain.event_read(runtime(), found)
    value = events.from_json(row.facts)
    hides = value.classification != "public" and account.user_id != current_user.id
    with runtime().reading() as session:
        steps = whereabouts.latest_steps_of_event(session, event_id)
    return page(
        "explain/event.html",
        event=row,
        value=value,
        hides=hides,
        title=words.PRIVATE_TITLE if hides else row.title or "(no title)",
        when=activity_view.when(value),
        answers=explain_view.shown([answer] if answer else []),
        activity_id=answer.link.activity_id if answer and answer.link else None,
        steps=steps,
        values=values,
    )
