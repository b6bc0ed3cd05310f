"""The calendar: month, week, day and agenda; the events that its widget asks for; and moving by drag."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from flask import Blueprint, abort, jsonify, request, url_for
from flask_login import current_user

from calsync.engine import mapping
from calsync.engine.event import Floating, Moment
from calsync.errors import Refused
from calsync.services import activities, agenda
from calsync.services.series_edits import Scope
from calsync.store import tables as t
from webapp import activity_form, activity_view, calendar_view, moments, paging
from webapp.access import actor, login_required, runtime, writable_activity
from webapp.fragments import page

bp = Blueprint("calendar", __name__, url_prefix="/calendar")


@bp.get("/")
@login_required
def index() -> Any:
    asked = calendar_view.asked()
    with runtime().reading() as session:
        people = activity_view.choosable_people(session)
        shelves = agenda.list_calendars(session, asked.owner_ids) if asked.view != "agenda" else []
    names = {t.pk(p): activity_view.name_of(p) for p in people}
    first, after = asked.span
    shown: list[calendar_view.Shown] = []
    found = None
    if asked.view == "agenda":
        window = (calendar_view.begins(first), calendar_view.begins(after))
        shown, found = calendar_view.entries(runtime(), asked, *window, names)
    calendars = list(found.calendars.values()) if found else [calendar for calendar, _ in shelves]
    return page(
        "calendar/index.html",
        asked=asked,
        chosen_view=request.args.get("view", ""),
        tabs=[(label, _url(view=key), key) for key, label in calendar_view.VIEWS],
        previous_url=_url(date=asked.moved(-1).isoformat(), view=asked.view),
        next_url=_url(date=asked.moved(1).isoformat(), view=asked.view),
        today_url=_url(date=None, view=asked.view),
        agenda_url=_url(view="agenda"),
        people=people if len(people) > 1 else [],
        person_name=calendar_view.person_name(people, asked.person),
        calendars=[(each, calendar_view.color_of(each)) for each in calendars],
        no_calendar=calendar_view.NO_CALENDAR,
        days=calendar_view.by_day(shown, first),
        is_cut=bool(found and found.is_cut),
        today=moments.now().astimezone(moments.zone()),
        feed_url=url_for("calendar.feed", person=asked.person, calendar=asked.calendar_id),
        is_own=asked.person == str(current_user.id),
    )


def _url(**changed: Any) -> str:
    return url_for("calendar.index", **(paging.kept(*changed) | changed))


@bp.get("/events.json")
@login_required
def feed() -> Any:
    """Return the entries between the wall times `start` and `end` of the viewer."""
    asked = calendar_view.asked()
    start, end = _wall(request.args.get("start", "")), _wall(request.args.get("end", ""))
    if not start < end <= start + calendar_view.LONGEST_WINDOW:
        abort(400)
    with runtime().reading() as session:
        several = asked.person == calendar_view.EVERYONE
        people = activity_view.choosable_people(session) if several else []
    names = {t.pk(p): activity_view.name_of(p) for p in people}
    window = (calendar_view.instant(start), calendar_view.instant(end))
    shown, found = calendar_view.entries(runtime(), asked, *window, names)
    return jsonify(events=calendar_view.as_json(shown), is_cut=found.is_cut)


@bp.post("/move/<int:activity_id>")
@login_required
def move(activity_id: int) -> Any:
    """Move an activity, or one of its occurrences, to where it was dragged. Refusals say why, as JSON."""
    form = request.form
    row = writable_activity(activity_id)
    changes = _new_times(row, form)
    orphans = form.get("orphans") or None
    key, scope = form.get("occurrence", ""), form.get("scope", "this")
    if key:
        if scope not in ("this", "following", "all"):
            abort(400)
        moment = activity_form.moment_of(key)
        moved = activities.edit_occurrence(
            runtime(), t.pk(row), moment, cast(Scope, scope), changes, by=actor(), orphans=orphans
        )
    else:
        version = form.get("version", type=int)
        moved = activities.edit(runtime(), t.pk(row), changes, by=actor(), expected_version=version, orphans=orphans)
    return jsonify(activity=moved.id, version=moved.row_version)


def _new_times(row: t.Activity, form: Any) -> dict[str, Any]:
    """Return start and end as services take them, from wall times of the viewer; a floating one stays floating."""
    start, end = _wall(form.get("start", "")), _wall(form.get("end", ""))
    if end < start:
        raise Refused("The end must be after the start.", code="invalid", field="end")
    if form.get("all_day") == "1":
        return {"start": start.date(), "end": max(end.date(), start.date() + timedelta(days=1))}
    is_floating = isinstance(mapping.event_of(row).start, Floating)
    times: dict[str, Any] = {"start": _moment(start, is_floating), "end": _moment(end, is_floating)}
    if row.is_all_day:
        times["tz"] = moments.zone_name()
    return times


def _moment(wall: datetime, is_floating: bool) -> Moment:
    return Floating(wall) if is_floating else calendar_view.instant(wall)


def _wall(text: str) -> datetime:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        abort(400)
    if wall.tzinfo is not None or not 1900 < wall.year < 9990:
        abort(400)
    return wall
