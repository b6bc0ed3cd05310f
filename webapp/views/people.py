"""People, for admins: who may be here and in which role, invitations, leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.services import hand_over, logins, people, second_factor, settings, working_hours
from calsync.services.working_hours import Owner
from calsync.store import accounts as account_rows
from calsync.store import counters
from calsync.store import people as rows
from calsync.store import tables as t
from calsync.store.keyset import Cut
from webapp import errors, hours_view, paging
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.fields import choices
from webapp.forms.people import HandOverForm, InviteForm, RoleForm, SwitchesForm
from webapp.fragments import page

bp = Blueprint("people", __name__, url_prefix="/people")

MOST_RECEIVERS = 1000


@bp.get("/")
@role_required(Role.ADMIN)
def index() -> Any:
    known, version = settings.switches(runtime())
    return _show_list(SwitchesForm(formdata=None, obj=known, data={"version": version}))


@bp.post("/switches")
@role_required(Role.ADMIN)
def switches() -> Any:
    form = SwitchesForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            known, _ = settings.switches(runtime())
            new = replace(
                known,
                staff_may_connect=form.staff_may_connect.data,
                clients_may_connect=form.clients_may_connect.data,
            )
            settings.save_switches(runtime(), new, form.version.data or 0, by=actor())
            flash("Saved.")
            return redirect(url_for("people.index"), 303)
    return _show_list(form)


@bp.route("/invite", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def invite() -> Any:
    form = InviteForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            email, role, name = form.email.data, form.role.data, form.name.data or ""
            made = people.invite(runtime(), email, role, name=name, by=actor())
            return _show_link(made)
    return page("people/invite.html", status=422 if form.errors else 200, form=form)


@bp.get("/<int:user_id>")
@role_required(Role.ADMIN)
def show(user_id: int) -> Any:
    user = _get(user_id)
    return _show_person(user, RoleForm(formdata=None, obj=user), _hand_over_form(user))


@bp.route("/<int:user_id>/hours", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def hours(user_id: int) -> Any:
    user, owner = _get(user_id), Owner(user_id=user_id)
    above, done_url = working_hours.above(runtime(), owner), url_for("people.show", user_id=user_id)
    return hours_view.answer(owner, "people/hours.html", above, done_url, user=user)


@bp.post("/<int:user_id>/role")
@role_required(Role.ADMIN)
def role(user_id: int) -> Any:
    user, form = _get(user_id), RoleForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            people.set_role(runtime(), user_id, form.role.data, by=actor())
            flash("Saved.")
            return redirect(url_for("people.show", user_id=user_id), 303)
    return _show_person(user, form, _hand_over_form(user))


@bp.post("/<int:user_id>/link")
@role_required(Role.ADMIN)
def link(user_id: int) -> Any:
    return _show_link(people.renew_invite(runtime(), user_id, by=actor()))


@bp.post("/<int:user_id>/disable")
@role_required(Role.ADMIN)
def disable(user_id: int) -> Any:
    user = people.disable(runtime(), user_id, by=actor())
    flash(f"{user.email} can no longer sign in.", "warning")
    return redirect(url_for("people.show", user_id=user_id), 303)


@bp.post("/<int:user_id>/enable")
@role_required(Role.ADMIN)
def enable(user_id: int) -> Any:
    user = people.enable(runtime(), user_id, by=actor())
    flash(f"{user.email} can sign in again.")
    return redirect(url_for("people.show", user_id=user_id), 303)


@bp.post("/<int:user_id>/log-out")
@role_required(Role.ADMIN)
def log_out(user_id: int) -> Any:
    logins.end_all(runtime(), _get(user_id).id or 0, by=actor())
    flash("Signed out everywhere.")
    return redirect(url_for("people.show", user_id=user_id), 303)


@bp.post("/<int:user_id>/remove-second-factor")
@role_required(Role.ADMIN)
def remove_factor(user_id: int) -> Any:
    second_factor.remove(runtime(), user_id, by=actor())
    flash("The second factor is off. They can set up a new one on their Profile page.", "warning")
    return redirect(url_for("people.show", user_id=user_id), 303)


@bp.post("/<int:user_id>/hand-over")
@role_required(Role.ADMIN)
def give(user_id: int) -> Any:
    """First shows what would go over; the second post, which carries what was shown, does it."""
    user = _get(user_id)
    form = _hand_over_form(user, request.form)
    if form.validate_on_submit():
        with errors.shown_on(form):
            if request.form.get("confirmed"):
                return _hand_over(user_id, form.to.data)
            preview = hand_over.preview(runtime(), user_id, form.to.data, by=actor())
            return page("people/hand_over.html", user=user, to=_get(form.to.data), preview=preview)
    return _show_person(user, RoleForm(formdata=None, obj=user), form)


def _hand_over(user_id: int, to_id: int) -> Any:
    done = hand_over.hand_over(runtime(), user_id, to_id, by=actor())
    flash(f"Handed over: accounts {len(done.accounts)}, activities {done.activities}.")
    return redirect(url_for("people.show", user_id=user_id), 303)


def _get(user_id: int) -> t.User:
    with runtime().reading() as db:
        return rows.get(db, user_id)


def _show_list(form: SwitchesForm) -> Any:
    search, role_name = request.args.get("q", "").strip(), request.args.get("role", "")
    with runtime().reading() as db:
        found = rows.list_users(db, cut=paging.asked(), role=role_name, search=search)
        owned = counters.accounts_by_owner(db, [user.id for user in found.rows])
    return page(
        "people/index.html",
        status=422 if form.errors else 200,
        people=found.rows,
        owned=owned,
        pager=paging.pager(found, key=lambda user: (user.email.lower(), user.id)),
        search=search,
        role_name=role_name,
        form=form,
        has_factor=second_factor.is_on,
    )


def _show_person(user: t.User, role_form: RoleForm, hand_over_form: HandOverForm) -> Any:
    with runtime().reading() as db:
        accounts = account_rows.list_accounts(db, user_id=user.id)
    return page(
        "people/show.html",
        status=422 if role_form.errors or hand_over_form.errors else 200,
        user=user,
        accounts=accounts,
        role_form=role_form,
        hand_over_form=hand_over_form,
        has_factor=second_factor.is_on(user),
    )


def _show_link(made: people.Invited) -> Any:
    """Show the link once: it stands on this answer only and is stored nowhere."""
    url = url_for("login.invite", key=made.key, _external=True)
    public = settings.public_url(runtime())
    if public:
        url = public + url_for("login.invite", key=made.key)
    return page("people/link.html", user=made.user, url=url)


def _hand_over_form(user: t.User, data: Any = None) -> HandOverForm:
    form = HandOverForm(formdata=data)
    with runtime().reading() as db:
        others = rows.list_users(db, cut=Cut(MOST_RECEIVERS), with_disabled=False).rows
    form.to.choices = choices((other.id, other.name or other.email) for other in others if other.id != user.id)
    return form
