"""Conflicts: the queue of what a person has to decide, and one of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlmodel import Session
from wtforms import HiddenField

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import ConflictKind, Policy
from calsync.errors import NotAllowed, Refused
from calsync.services import accounts, conflicts, keep_both, settings
from calsync.store import conflict_list
from calsync.store import tables as t
from calsync.store.conflict_list import Around, Filters
from webapp import conflict_view, errors, moments, paging, words
from webapp.access import Role, actor, login_required, provider_info, readable_conflict, runtime, viewer_id
from webapp.fragments import page

bp = Blueprint("conflicts", __name__, url_prefix="/conflicts")

WEEK = timedelta(days=7)


class ChoiceForm(FlaskForm):
    """What was chosen, and on which values: "crm", "external", "both", "merged", "new" or an activity's id."""

    choice = HiddenField()
    local_fp = HiddenField()
    remote_fp = HiddenField()
    always = HiddenField()


@bp.get("/")
@login_required
def index() -> Any:
    wanted = Filters(
        viewer_id=viewer_id(),
        is_open=request.args.get("tab") != "decided",
        is_later=request.args.get("tab") == "later",
        account_id=request.args.get("account", type=int),
        kind=request.args.get("kind", ""),
    )
    with runtime().reading() as session:
        found = conflict_list.list_conflicts(session, wanted, paging.asked())
        settled = 0 if found.rows else conflict_list.count_decided(session, viewer_id(), moments.now() - WEEK)
    return page(
        "conflicts/index.html",
        lines=found.rows,
        pager=paging.pager(found, key=lambda line: (line.conflict.id,)),
        is_open=wanted.is_open,
        tab="later" if wanted.is_later else "open" if wanted.is_open else "decided",
        settled=settled,
        kinds=tuple(ConflictKind),
        asked=request.args,
        soon=moments.now() + timedelta(days=1),
    )


@bp.get("/<int:conflict_id>")
@login_required
def show(conflict_id: int) -> Any:
    readable_conflict(conflict_id)
    return _show(conflict_id, ChoiceForm(formdata=None))


@bp.post("/<int:conflict_id>")
@login_required
def resolve(conflict_id: int) -> Any:
    """Take the choice down and go on with the next conflict."""
    readable_conflict(conflict_id)
    if not may_decide():
        raise NotAllowed("conflict.resolve")
    form = ChoiceForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            said = _decide(conflict_id, form)
            _remember(conflict_id, form.choice.data or "", form.always.data or "")
            flash(said)
            return redirect(_next_url(conflict_id), 303)
    return _show(conflict_id, form)


@bp.post("/<int:conflict_id>/later")
@login_required
def later(conflict_id: int) -> Any:
    """Put it off for some hours and go on with the next; 0 hours puts it back into the queue."""
    readable_conflict(conflict_id)
    if not may_decide():
        raise NotAllowed("conflict.put_off")
    hours = request.form.get("hours", 0, type=int)
    until = moments.now() + timedelta(hours=hours) if hours > 0 else None
    conflicts.put_off(runtime(), conflict_id, until, by=actor())
    if until is None:
        flash("It waits for a decision again.", "info")
        return redirect(url_for("conflicts.show", conflict_id=conflict_id), 303)
    flash(f"You are reminded {moments.relative(until)}. Until then neither side of it is changed.")
    return redirect(_next_url(conflict_id), 303)


LATER = ((1, "In an hour"), (24, "Tomorrow"), (72, "In three days"), (168, "In a week"))


def may_decide() -> bool:
    """Return whether this person decides conflicts that they may see. A client's are decided by admins."""
    return current_user.role != Role.CLIENT


def _decide(conflict_id: int, form: ChoiceForm) -> str:
    """Carry the choice out and return what to say about it."""
    choice = form.choice.data or ""
    seen = {"local_fp": form.local_fp.data or None, "remote_fp": form.remote_fp.data or None}
    if choice == "both":
        copy = keep_both.keep_both(runtime(), conflict_id, **seen, by=actor())
        return f"Both are kept: the CRM's version goes on as “{words.title_for(current_user, copy)}”."
    conflicts.resolve(runtime(), conflict_id, _chosen(choice, request.form), **seen, by=actor())
    return "Decided. It is carried out by the next run, which begins in a moment."


def _chosen(choice: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the choice by field; "merged" takes it from the radio buttons, any other holds for the whole record."""
    if not choice:
        raise Refused("Choose which side to keep.", code="incomplete")
    if choice != "merged":
        return {"*": choice}
    return {name.removeprefix("field-"): side for name, side in given.items() if name.startswith("field-")}


def _remember(conflict_id: int, choice: str, scope: str) -> None:
    """Let the same side win from now on: in these fields, for the account, for the person, or for everybody."""
    conflict = readable_conflict(conflict_id)
    if scope == "field" and current_user.is_admin:
        _remember_fields(conflict_view.sides(conflict, _chosen(choice, request.form)))
    elif choice not in (Policy.CRM, Policy.EXTERNAL):
        return
    elif scope == "organisation" and current_user.is_admin:
        rules, version = settings.rules(runtime())
        settings.save_rules(runtime(), replace(rules, policy=Policy(choice)), version, by=actor())
    elif scope in ("account", "person"):
        for account_id in [conflict.account_id] if scope == "account" else _of_same_person(conflict):
            accounts.set_overrides(runtime(), account_id, {"policy": choice}, by=actor())


def _remember_fields(sides: Mapping[str, str]) -> None:
    rules, version = settings.rules(runtime())
    own = {**dict(rules.field_policies), **sides}
    settings.save_rules(runtime(), replace(rules, field_policies=tuple(own.items())), version, by=actor())


def _of_same_person(conflict: t.Conflict) -> list[int]:
    with runtime().reading() as session:
        return conflict_list.accounts_of_same_person(session, conflict.account_id)


def _show(conflict_id: int, form: ChoiceForm) -> Any:
    with runtime().reading() as session:
        found = conflict_list.around(session, conflict_id)
        rules, _ = settings.organisation_rules(session)
        waiting = conflict_list.count_open(session, viewer_id())
        is_match = found.conflict.kind == ConflictKind.DUPLICATE_MATCH
        always = _always(session, found, rules)
        alike = conflict_list.candidates(session, found.conflict.candidates) if is_match else []
    comparison = conflict_view.compare(found)
    info = provider_info(found.account.provider)
    return page(
        "conflicts/show.html",
        status=422 if form.errors else 200,
        conflict=found.conflict,
        around=found,
        comparison=comparison,
        info=info,
        form=form,
        asked=request.form,
        candidates=[conflict_view.candidate(activity) for activity in alike],
        mails=conflict_view.mails(found, comparison, rules, info.short),
        always=always,
        waiting=waiting,
        may_decide=may_decide(),
        later=LATER,
    )


def _always(session: Session, found: Around, rules: Rules) -> list[tuple[str, str]]:
    """Return for what else the choice may hold from now on."""
    if found.conflict.kind == ConflictKind.DUPLICATE_MATCH:
        return []
    scopes = []
    if "policy" in rules.account_overrides:
        scopes.append(("account", f"every conflict of {found.account.label}"))
        if len(conflict_list.accounts_of_same_person(session, found.conflict.account_id)) > 1:
            scopes.append(("person", f"every conflict of {found.owner.name or found.owner.email}, in all accounts"))
    if current_user.is_admin:
        fields = words.joined(words.field(name).lower() for name in found.conflict.fields)
        scopes += [("field", f"every conflict about {fields}")] if fields else []
        scopes.append(("organisation", "every conflict of everybody"))
    return scopes


def _next_url(conflict_id: int) -> str:
    with runtime().reading() as session:
        following = conflict_list.next_open(session, viewer_id(), conflict_id)
    if following is None:
        return url_for("conflicts.index")
    return url_for("conflicts.show", conflict_id=following)
