"""Activities: the list, one activity, the form, and what may be done with one click."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.vocabulary import Kind
from calsync.errors import NotAllowed, NotFound
from calsync.services import activities, conference_repairs
from calsync.store import activity_list, booking_list, whereabouts
from calsync.store import tables as t
from calsync.store.activity_list import Filters
from webapp import activity_form, activity_view, booking_view, errors, meeting_list, moments, paging, values
from webapp.access import Role, actor, login_required, readable_activity, runtime, safe_next, writable_activity
from webapp.fragments import page

bp = Blueprint("activities", __name__, url_prefix="/activities")

WHEN = (("", "All"), ("upcoming", "Upcoming"), ("past", "Past"))
SYNC = (
    ("on", "On a calendar"),
    ("off", "On no calendar"),
    ("conflict", "In conflict"),
    ("failed", "Failed"),
    ("held", "Held"),
)
STATUSES = (("confirmed", "Confirmed"), ("tentative", "Tentative"), ("cancelled", "Cancelled"))


@bp.get("/")
@login_required
def index() -> Any:
    upcoming = request.args.get("when") == "upcoming"
    with runtime().reading() as session:
        people = activity_view.choosable_people(session)
        found = activity_list.list_activities(session, _filters(), paging.asked(), newest_first=not upcoming)
        shown = activity_view.rows(session, found.rows, {t.pk(p): activity_view.name_of(p) for p in people})
    return page(
        "activities/index.html",
        "listed",
        listed=shown,
        pager=paging.pager(found, key=lambda row: (row.span_start, row.id)),
        tabs=[(label, _tab_url(key), key) for key, label in WHEN],
        tab=request.args.get("when", ""),
        is_filtered=any(request.args.get(name) for name in ("q", "kind", "owner", "status", "sync", "when")),
        people=people if len(people) > 1 else [],
        kinds=tuple(Kind),
        statuses=STATUSES,
        sync_states=SYNC,
        asked=request.args,
    )


def _filters() -> Filters:
    args, now = request.args, moments.now()
    owner_id = current_user.id if current_user.role == Role.CLIENT else args.get("owner", type=int)
    when = args.get("when", "")
    return Filters(
        owner_id=owner_id,
        kind=_one_of("kind", tuple(Kind)),
        status=_one_of("status", tuple(value for value, _ in STATUSES)),
        sync=_one_of("sync", tuple(value for value, _ in SYNC)),
        search=args.get("q", ""),
        start=now if when == "upcoming" else None,
        end=now if when == "past" else None,
        viewer_id=current_user.id,
    )


def _one_of(name: str, allowed: tuple[str, ...]) -> str:
    """Return a parameter of the address if it is one of the known values; "" leaves the filter out."""
    value = request.args.get(name, "")
    return value if value in allowed else ""


def _tab_url(key: str) -> str:
    kept = paging.kept("when", "after", "before")
    return url_for("activities.index", **(kept | ({"when": key} if key else {})))


@bp.get("/<int:activity_id>")
@login_required
def show(activity_id: int) -> Any:
    row = readable_activity(activity_id)
    key = request.args.get("occurrence", "")
    with runtime().reading() as session:
        where = whereabouts.of(session, [row])[activity_id]
        steps = whereabouts.latest_steps(session, activity_id)
        family = activity_view.family(session, row)
        owner = session.get_one(t.User, row.owner_id)
        meeting = conference_repairs.of_activity(session, family.master or row) if row.location_kind else None
        booking = booking_list.of_activity(session, activity_id) if row.kind == Kind.BOOKING else None
    event = activity_view.occurrence_of(row, key) if key else mapping.event_of(row)
    return page(
        "activities/show.html",
        activity=row,
        title=activity_view.title(row),
        hides=activity_view.hides(row),
        event=event,
        when=activity_view.when(event),
        due=mapping.due_of(event, row.due_is) if row.due_is and row.kind == Kind.TASK else None,
        owner=owner,
        meeting=meeting_list.row(meeting) if meeting else None,
        booking=booking_view.row(booking) if booking and booking_view.may_see(booking) else None,
        family=family,
        coming=activity_view.coming(family),
        occurrence=key or row.recurrence_key if family.master else "",
        told=activity_view.told(row, where),
        steps=steps,
        icon=activity_view.KIND_ICONS.get(row.kind, "calendar"),
        may_edit=_may_edit(row),
        may_write=_may_write(row),
        values=values,
        own_response=_own_response(row, event, where),
    )


# --- the form


@bp.route("/new", methods=["GET", "POST"])
@login_required
def new() -> Any:
    form = activity_form.for_new()
    if form.validate_on_submit():
        with errors.shown_on(form):
            made = activities.create(runtime(), form.owner.data, activity_form.values(form), by=actor())
            flash(f"{made.title} is planned.")
            return _onwards(form, made)
    return _form_page(form, None)


@bp.route("/<int:activity_id>/edit", methods=["GET", "POST"])
@login_required
def edit(activity_id: int) -> Any:
    row = writable_activity(activity_id)
    if not _may_edit(row):
        raise NotAllowed("activity.edit_private")
    asked = activity_form.for_edit(row, request.values.get("occurrence", ""))
    if asked.form.validate_on_submit():
        with errors.shown_on(asked.form):
            changed = activity_form.save(runtime(), asked, by=actor())
            flash(f"{changed.title} is saved.")
            return _onwards(asked.form, changed)
    return _form_page(asked.form, row, asked)


def _form_page(form: Any, row: t.Activity | None, asked: Any = None) -> Any:
    return page(
        "activities/form.html",
        status=422 if form.errors else 200,
        form=form,
        mend_url=activity_form.mend_url(form),
        activity=row,
        asks_scope=bool(asked and asked.asks_scope),
        shows_repeats=not (asked and asked.is_occurrence_alone),
        back_url=_back_url(form, row),
        tasks=Kind.TASK,
    )


def _onwards(form: Any, row: t.Activity) -> Any:
    return redirect(_back_url(form, row), 303)


def _back_url(form: Any, row: t.Activity | None) -> str:
    if form.next.data:
        return safe_next(form.next.data)
    return url_for("activities.show", activity_id=row.id) if row else url_for("activities.index")


# --- one click


@bp.post("/<int:activity_id>/cancel")
@login_required
def cancel(activity_id: int) -> Any:
    """Cancel an activity; of a series what `scope` says: this, following or all."""
    row = writable_activity(activity_id)
    key, scope = request.form.get("occurrence", ""), request.form.get("scope", "all")
    if key and scope in ("this", "following", "all"):
        moment = activity_form.moment_of(key)
        row = activities.cancel_occurrence(runtime(), activity_id, moment, scope, by=actor())  # type: ignore[arg-type]
    else:
        row = activities.cancel(runtime(), activity_id, by=actor())
    flash(f"{activity_view.title(row)}: cancelled. Calendars follow with their next run.", "info")
    return redirect(url_for("activities.show", activity_id=row.id), 303)


@bp.post("/<int:activity_id>/revive")
@login_required
def revive(activity_id: int) -> Any:
    row = activities.revive(runtime(), t.pk(writable_activity(activity_id)), by=actor())
    flash(f"{activity_view.title(row)} is back.")
    return redirect(url_for("activities.show", activity_id=activity_id), 303)


@bp.post("/<int:activity_id>/done")
@login_required
def done(activity_id: int) -> Any:
    """Tick a task off, or take the tick back. A fact of the CRM alone: no calendar hears of it."""
    row = writable_activity(activity_id)
    is_done = request.form.get("is_done") == "1"
    activities.edit(runtime(), t.pk(row), {"is_done": is_done}, by=actor())
    flash("Done." if is_done else "Open again.")
    return redirect(url_for("activities.show", activity_id=activity_id), 303)


@bp.post("/<int:activity_id>/answer")
@login_required
def answer(activity_id: int) -> Any:
    """Answer an invitation: accepted, tentative or declined."""
    row = writable_activity(activity_id)
    with runtime().reading() as session:
        where = whereabouts.of(session, [row])[activity_id]
    address, _ = _own_response(row, mapping.event_of(row), where) or ("", "")
    if not address:
        raise NotFound("invitation", activity_id)
    changes = {"responses": {address: request.form.get("response", "")}}
    activities.edit(runtime(), activity_id, changes, by=actor())
    flash("Your answer goes out with the next run.")
    return redirect(url_for("activities.show", activity_id=activity_id), 303)


def _may_write(row: t.Activity) -> bool:
    return not row.is_dissolved and (current_user.role == Role.ADMIN or row.owner_id == current_user.id)


def _may_edit(row: t.Activity) -> bool:
    """Return whether the form may be shown: it would give away what is private."""
    return _may_write(row) and not activity_view.hides(row)


def _own_response(row: t.Activity, event: events.Event, where: whereabouts.Whereabouts) -> tuple[str, str] | None:
    """Return the address under which the viewer is a guest of somebody else's event, and their answer; else None."""
    if row.owner_id != current_user.id or not any(p.link.is_guest_copy for p in where.places):
        return None
    own = {current_user.email.lower(), *(p.account.label.lower() for p in where.places)}
    own |= {p.account.username.lower() for p in where.places}
    return next(((a.address, a.partstat) for a in event.attendees if a.address in own), None)
