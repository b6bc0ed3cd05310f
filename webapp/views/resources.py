"""Resources: rooms, equipment and people that can be booked, their calendars, their hours, and groups of them.

Admins set them up; staff see them.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.services import asked_busy, groups, mappable, resources, rooms, working_hours
from calsync.services.working_hours import Owner
from calsync.store import accounts as account_rows
from calsync.store import people, resource_pages
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.keyset import Cut
from webapp import errors, hours_view, moments, resource_view
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.resources import AskForm, GroupForm, MapForm, ResourceForm, RoomForm
from webapp.fragments import page

bp = Blueprint("resources", __name__, url_prefix="/resources")

TEAM = (Role.ADMIN, Role.STAFF)
MOST_PEOPLE = 1000
MOST_ROOMS = 200
INVITED = "Bookings invite this room from now on. Its answer stands on each booking."


@bp.get("/")
@role_required(*TEAM)
def index() -> Any:
    with runtime().reading() as session:
        listed = resource_view.rows_of(session, rows.list_resources(session))
    return page("resources/index.html", listed=listed, tabs=_tabs(), tab="resources")


@bp.route("/new", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def new() -> Any:
    form = _named(ResourceForm(data={"tz": moments.zone_name(), "when_unreachable": "fail_closed"}))
    if form.validate_on_submit():
        with errors.shown_on(form):
            made = resources.create(runtime(), form.values(), by=actor())
            flash(f"{made.name} is there. Give it a calendar next.")
            return redirect(url_for("resources.show", resource_id=made.id), 303)
    return page("resources/form.html", status=422 if form.errors else 200, form=form, resource=None)


@bp.get("/<int:resource_id>")
@role_required(*TEAM)
def show(resource_id: int) -> Any:
    return _show(resource_id, MapForm(formdata=None))


@bp.route("/<int:resource_id>/edit", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def edit(resource_id: int) -> Any:
    row = resources.get(runtime(), resource_id)
    form = _named(ResourceForm(obj=row, data={"version": row.row_version}))
    if form.validate_on_submit():
        with errors.shown_on(form):
            version = form.version.data or 0
            resources.edit(runtime(), resource_id, form.values(), version=version, by=actor())
            flash("Saved.")
            return redirect(url_for("resources.show", resource_id=resource_id), 303)
    return page("resources/form.html", status=422 if form.errors else 200, form=form, resource=row)


@bp.post("/<int:resource_id>/calendar")
@role_required(Role.ADMIN)
def map_calendar(resource_id: int) -> Any:
    form = MapForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            resources.map_calendar(runtime(), resource_id, form.calendar.data, by=actor())
            flash("Bookings are written to this calendar from now on.")
            return redirect(url_for("resources.show", resource_id=resource_id), 303)
    return _show(resource_id, form)


@bp.post("/<int:resource_id>/calendar/remove")
@role_required(Role.ADMIN)
def unmap(resource_id: int) -> Any:
    resources.unmap(runtime(), resource_id, by=actor())
    flash("It has no calendar now. What was written there stays.", "warning")
    return redirect(url_for("resources.show", resource_id=resource_id), 303)


@bp.post("/<int:resource_id>/asked")
@role_required(Role.ADMIN)
def ask(resource_id: int) -> Any:
    """Have its busy time asked for at a provider."""
    resources.get(runtime(), resource_id)
    form = AskForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            address = form.address.data or ""
            invites = bool(form.is_invited.data)
            asked_busy.set_address(runtime(), resource_id, form.account.data, address, is_invited=invites, by=actor())
            flash(
                INVITED if invites else "The provider is asked every few minutes from now on, and before each booking."
            )
            return redirect(url_for("resources.show", resource_id=resource_id), 303)
    return _show(resource_id, MapForm(formdata=None), form)


@bp.get("/<int:resource_id>/rooms/<int:account_id>")
@role_required(Role.ADMIN)
def room_list(resource_id: int, account_id: int) -> Any:
    """Choose a room of the organisation behind an account."""
    return _rooms(resource_id, account_id, RoomForm(formdata=None))


@bp.post("/<int:resource_id>/rooms/<int:account_id>")
@role_required(Role.ADMIN)
def choose_room(resource_id: int, account_id: int) -> Any:
    form = RoomForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            address = form.address.data or ""
            asked_busy.set_address(runtime(), resource_id, account_id, address, is_invited=True, by=actor())
            flash(INVITED)
            return redirect(url_for("resources.show", resource_id=resource_id), 303)
    return _rooms(resource_id, account_id, form)


@bp.post("/<int:resource_id>/asked/remove")
@role_required(Role.ADMIN)
def stop_asking(resource_id: int) -> Any:
    asked_busy.drop(runtime(), resource_id, by=actor())
    flash("The provider is asked no more about it.", "warning")
    return redirect(url_for("resources.show", resource_id=resource_id), 303)


@bp.post("/<int:resource_id>/disable")
@role_required(Role.ADMIN)
def disable(resource_id: int) -> Any:
    row = resources.set_active(runtime(), resource_id, False, by=actor())
    flash(f"{row.name} can no longer be booked. Bookings that stand go on.", "warning")
    return redirect(url_for("resources.show", resource_id=resource_id), 303)


@bp.post("/<int:resource_id>/enable")
@role_required(Role.ADMIN)
def enable(resource_id: int) -> Any:
    row = resources.set_active(runtime(), resource_id, True, by=actor())
    flash(f"{row.name} can be booked again.")
    return redirect(url_for("resources.show", resource_id=resource_id), 303)


@bp.route("/<int:resource_id>/hours", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def hours(resource_id: int) -> Any:
    row, owner = resources.get(runtime(), resource_id), Owner(resource_id=resource_id)
    done_url = url_for("resources.show", resource_id=resource_id)
    return hours_view.answer(
        owner, "resources/hours.html", working_hours.above(runtime(), owner), done_url, resource=row
    )


# --- groups


@bp.get("/groups/")
@role_required(*TEAM)
def group_list() -> Any:
    with runtime().reading() as session:
        found = rows.list_groups(session)
        members = resource_pages.members_of(session, [t.pk(group) for group in found])
        has_resources = bool(found) or bool(rows.list_resources(session))
    shown = [(group, members[t.pk(group)]) for group in found]
    return page("resources/groups.html", listed=shown, has_resources=has_resources, tabs=_tabs(), tab="groups")


@bp.route("/groups/new", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def new_group() -> Any:
    form = _with_members(GroupForm(data={"mode": "any_of", "is_active": True}))
    if form.validate_on_submit():
        with errors.shown_on(form):
            made = groups.create(runtime(), form.values(), by=actor())
            flash(f"{made.name} is there.")
            return redirect(url_for("resources.group_list"), 303)
    return page("resources/group.html", status=422 if form.errors else 200, form=form, group=None)


@bp.route("/groups/<int:group_id>", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def group(group_id: int) -> Any:
    row, members = groups.get(runtime(), group_id)
    stored = {"resource_ids": [t.pk(member) for member in members], "version": row.row_version}
    form = _with_members(GroupForm(obj=row, data=stored))
    if form.validate_on_submit():
        with errors.shown_on(form):
            groups.edit(runtime(), group_id, form.values(), version=form.version.data or 0, by=actor())
            flash("Saved.")
            return redirect(url_for("resources.group_list"), 303)
    return page("resources/group.html", status=422 if form.errors else 200, form=form, group=row)


# --- parts


def _tabs() -> list[tuple[str, str, str]]:
    return [
        ("Resources", url_for("resources.index"), "resources"),
        ("Groups", url_for("resources.group_list"), "groups"),
    ]


def _show(resource_id: int, form: MapForm, ask: AskForm | None = None) -> Any:
    ask = ask or AskForm(formdata=None)
    may_ask: list[t.Account] = []
    with runtime().reading() as session:
        detail = resource_view.detail(session, resource_id)
        found = mappable.calendars_for(session, detail.row.resource) if actor().is_admin else []
        is_unmapped = actor().is_admin and detail.row.mapped is None
        if is_unmapped:
            may_ask = asked_busy.list_accounts(runtime(), session)
        ask.name_accounts(may_ask)
    form.name_calendars(found)
    if not form.is_submitted():
        form.calendar.data = detail.row.resource.calendar_id
    if not ask.is_submitted():
        ask.is_invited.data = detail.row.resource.is_invited
    status = 422 if form.errors or ask.errors else 200
    sources = resource_view.room_sources(detail.row.resource, may_ask)
    return page(
        "resources/show.html", status=status, detail=detail, row=detail.row, form=form, ask=ask, sources=sources
    )


def _rooms(resource_id: int, account_id: int, form: RoomForm) -> Any:
    resource, wanted = resources.get(runtime(), resource_id), request.args.get("q", "").strip()
    found = rooms.list_there(runtime(), account_id, by=actor())
    with runtime().reading() as session:
        account = account_rows.get(session, account_id)
    matching = [room for room in found if wanted.lower() in f"{room.name} {room.building} {room.address}".lower()]
    return page(
        "resources/rooms.html",
        status=422 if form.is_submitted() else 200,
        refused=getattr(form, "refused", None),
        resource=resource,
        account=account,
        listed=matching[:MOST_ROOMS],
        more=max(len(matching) - MOST_ROOMS, 0),
        count=len(found),
        asked=wanted,
    )


def _named(form: ResourceForm) -> ResourceForm:
    with runtime().reading() as session:
        form.name_people(people.list_users(session, cut=Cut(MOST_PEOPLE), with_disabled=False).rows)
    return form


def _with_members(form: GroupForm) -> GroupForm:
    form.name_resources(resources.list_resources(runtime()))
    return form
