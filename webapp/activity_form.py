"""The activity form between the address and the services: what it starts with, what it asks, what it saves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import request, url_for
from flask_login import current_user

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.event import Moment
from calsync.engine.vocabulary import Role
from calsync.errors import NotFound
from calsync.runtime import Actor, Runtime
from calsync.services import activities
from calsync.services.series_edits import Scope
from calsync.store import account_pages
from calsync.store import tables as t
from webapp import activity_view, moments
from webapp.access import provider_info, runtime
from webapp.forms import activities as forms
from webapp.forms.activities import ActivityForm, values
from webapp.forms.fields import choices

__all__ = ["Asked", "for_edit", "for_new", "mend_url", "moment_of", "save", "values"]


@dataclass(frozen=True, slots=True)
class Asked:
    """An edit that somebody asked for. `initial` is the form as it was shown; `slot` the occurrence's, or None.

    `asks_scope` when the edit may mean this occurrence, the following ones or all.
    """

    row: t.Activity
    form: ActivityForm
    initial: ActivityForm
    slot: Moment | None = None
    asks_scope: bool = False

    @property
    def is_occurrence_alone(self) -> bool:
        """An occurrence whose series is not here cannot repeat."""
        return bool(self.row.recurrence_key) and not self.asks_scope


def for_new() -> ActivityForm:
    """Return an empty form, filled with what the address says: a span that was selected, a kind, a title."""
    form = _prepared(ActivityForm(data=_from_address()), moments.zone_name())
    return form


def for_edit(row: t.Activity, key: str) -> Asked:
    """Return the form of an activity, or of its occurrence in the slot `key`. Raises NotFound for a slot it lacks."""
    with runtime().reading() as session:
        family = activity_view.family(session, row)
    slot: Moment | None
    if row.recurrence_key:
        event, slot = mapping.event_of(row), moment_of(row.recurrence_key)
    elif key:
        event = activity_view.occurrence_of(row, key)
        slot = event.recurrence_id
    else:
        event, slot = mapping.event_of(row), None
    series = family.master or row
    data = forms.data_of(series, event, moments.zone_name()) | {"version": row.row_version, "occurrence": key}
    data["next"] = request.args.get("next", "")
    zone = event.tz or moments.zone_name()
    form = _prepared(ActivityForm(data=data), zone)
    initial = _prepared(ActivityForm(formdata=None, data=data), zone)
    return Asked(row, form, initial, slot, asks_scope=slot is not None and family.master is not None)


def save(rt: Runtime, asked: Asked, *, by: Actor) -> t.Activity:
    """Save what was changed and return the activity that shows it. Raises as the services do."""
    form = asked.form
    scope: Scope = form.scope.data if asked.asks_scope else "all"
    changes = forms.changes(form, asked.initial, scope)
    orphans = form.orphans.data or None
    if asked.asks_scope and asked.slot is not None:
        return activities.edit_occurrence(rt, t.pk(asked.row), asked.slot, scope, changes, by=by, orphans=orphans)
    return activities.edit(rt, t.pk(asked.row), changes, by=by, expected_version=form.version.data, orphans=orphans)


def moment_of(key: str) -> Moment:
    """Return the slot that an address names. Raises NotFound for one that nobody could have."""
    try:
        return events.parse_moment(key)
    except ValueError as error:
        raise NotFound("occurrence", key) from error


def mend_url(form: ActivityForm) -> str:
    """Return where that is opened which an edit was refused for, "" where nothing was or nobody here can."""
    refused = getattr(form, "refused", None)
    mend = getattr(refused, "mend", "")
    if refused is None or not mend:
        return ""
    if mend == "direction":
        return url_for("accounts.rules", account_id=refused.account_id)
    if provider_info(refused.provider).sign_in != "oauth":
        return ""
    return url_for("oauth.begin", provider=refused.provider, account=refused.account_id, access="write")


def _prepared(form: ActivityForm, zone: str) -> ActivityForm:
    """Give a form the choices that depend on who asks."""
    with runtime().reading() as session:
        people = activity_view.choosable_people(session) if current_user.role == Role.ADMIN else []
    named = [(t.pk(p), activity_view.name_of(p)) for p in people] or [(current_user.id, current_user.name)]
    form.owner.choices = choices(named)
    if form.owner.data is None:
        form.owner.data = current_user.id
    if zone not in moments.zone_names():
        form.tz.choices = [*(form.tz.choices or []), *choices([(zone, zone)])]
    kinds = sorted(_link_kinds() | {form.location_kind.data or ""} - {value for value, _ in forms.PLACES})
    form.location_kind.choices = choices([*forms.PLACES, *((kind, kind.title()) for kind in kinds)])
    return form


def _link_kinds() -> set[str]:
    """Return the kinds of video meetings that providers which can be used make links for."""
    with runtime().reading() as session:
        configured = account_pages.configured(session)
    infos = (provider.info for provider in runtime().providers.values())
    usable = (info for info in infos if not info.needs_credentials or info.name in configured)
    return {kind for info in usable for kind in info.capabilities.makes_links}


def _from_address() -> dict[str, Any]:
    args = request.args
    data: dict[str, Any] = {name: args[name] for name in ("title", "kind", "next") if args.get(name)}
    data["tz"] = moments.zone_name()
    data["all_day"] = args.get("all_day") == "1"
    data["owner"] = args.get("owner", type=int) or current_user.id
    data["reminders"] = [{"number": 15, "unit": 1, "method": "popup"}, {}]
    start, end = _wall(args.get("start")), _wall(args.get("end"))
    if start is None:
        start = _next_hour()
    if end is None or end < start:
        end = start if data["all_day"] else start + timedelta(hours=1)
    elif data["all_day"] and end > start:
        end -= timedelta(days=1)  # a selection of days ends before its last midnight
    times: dict[str, Any] = {"start": start.date(), "start_at": start.time(), "end": end.date(), "end_at": end.time()}
    is_span = bool(args.get("start"))
    return data | times | {"due": start.date(), "due_at": start.time(), "timing": "span" if is_span else "due"}


def _wall(text: str | None) -> datetime | None:
    """Read a day or a wall time from an address; None for anything else."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0) if text else None
    except ValueError:
        return None


def _next_hour() -> datetime:
    local = moments.now().astimezone(moments.zone()).replace(tzinfo=None)
    return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
