"""Sync Settings, for admins: six tabs, and the preview that stands between what was entered and what counts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for

from calsync.engine import presets
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind, RunState
from calsync.errors import Refused
from calsync.services import rule_preview, settings
from calsync.services.rule_preview import Proposal
from calsync.store import previews
from calsync.store.run_records import Record
from webapp import errors, run_list, run_view, words
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.rule_tab import RulesTab
from webapp.forms.rules import TABS
from webapp.fragments import page, wants_fragment

bp = Blueprint("settings", __name__, url_prefix="/settings")

ORDER = ("create", "update", "cancel", "delete", "link", "unlink")
DONE = (RunState.PREVIEW,)


@bp.get("/")
@role_required(Role.ADMIN)
def index() -> Any:
    return redirect(url_for("settings.edit", tab="general"), 303)


@bp.route("/<tab>", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def edit(tab: str) -> Any:
    """Show one tab; what is sent is tried on every account first, unless it cannot change anything."""
    _, form_class = TABS.get(tab) or abort(404)
    rules, version = settings.rules(runtime())
    form: RulesTab = form_class(data={"version": version})
    form.offer(rules)
    if request.method == "GET":
        form.fill(rules)
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _propose(_wanted(form, rules), form.version.data or 0, tab)
    sentence = words.rules_sentence(rules)
    return _show(tab, form, sentence, presets.in_force(rules))


@bp.post("/<tab>/sentence")
@role_required(Role.ADMIN)
def sentence(tab: str) -> Any:
    """Answer what the settings would do with what is entered now; nothing is saved."""
    _, form_class = TABS.get(tab) or abort(404)
    rules, _ = settings.rules(runtime())
    form: RulesTab = form_class()
    form.offer(rules)
    said = words.rules_sentence(form.applied(rules) if form.validate() else rules)
    if not wants_fragment():
        return redirect(url_for("settings.edit", tab=tab), 303)
    return page("settings/edit.html", "sentence", sentence=said)


@bp.post("/presets/<name>")
@role_required(Role.ADMIN)
def preset(name: str) -> Any:
    """Try the rules of a preset, as if they had been entered."""
    if name not in presets.PRESETS:
        abort(404)
    rules, version = settings.rules(runtime())
    return _propose(presets.applied(rules, name), version, "general")


@bp.get("/preview")
@role_required(Role.ADMIN)
def preview() -> Any:
    proposal = rule_preview.find(runtime(), by=actor())
    if proposal is None:
        flash("There is no change that waits for you.", "info")
        return redirect(url_for("settings.index"), 303)
    return page("settings/preview.html", "found", found=_found(proposal))


@bp.post("/preview/apply")
@role_required(Role.ADMIN)
def apply() -> Any:
    rule_preview.accept(runtime(), by=actor())
    flash("Saved. Every account follows with its next run.")
    return redirect(url_for("settings.index"), 303)


@bp.post("/preview/stages")
@role_required(Role.ADMIN)
def apply_in_stages() -> Any:
    count = rule_preview.accept(runtime(), in_stages=True, by=actor())
    flash(f"Saved. What changes by it waits for your yes: {words.count(count, 'account')}, one by one.")
    return redirect(url_for("history.index", tab="held"), 303)


@bp.post("/preview/drop")
@role_required(Role.ADMIN)
def drop() -> Any:
    rule_preview.drop(runtime(), by=actor())
    flash("Nothing was changed.", "info")
    return redirect(url_for("settings.index"), 303)


def _wanted(form: RulesTab, rules: Rules) -> Rules:
    if "all_kinds" in request.form and "kinds_out" in form:
        form.kinds_out.data = [kind.value for kind in Kind]
    return form.applied(rules)


def _propose(wanted: Rules, version: int, tab: str) -> Any:
    try:
        is_tried = rule_preview.propose(runtime(), wanted, version, by=actor())
    except Refused as refused:
        if refused.code != "unchanged":
            raise
        flash("Nothing was changed.", "info")
        return redirect(url_for("settings.edit", tab=tab), 303)
    if is_tried:
        return redirect(url_for("settings.preview"), 303)
    flash("Saved.")
    return redirect(url_for("settings.edit", tab=tab), 303)


def _show(tab: str, form: RulesTab, sentence: str, in_force: list[str]) -> Any:
    proposal = rule_preview.find(runtime(), by=actor())
    return page(
        "settings/edit.html",
        status=422 if form.errors else 200,
        tab=tab,
        tabs=[(label, url_for("settings.edit", tab=key), key) for key, (label, _) in TABS.items()],
        form=form,
        sentence=sentence,
        proposal=proposal,
        has_mail_server=tab == "mail" and settings.mail_server(runtime())[0].is_set,
        presets=[(name, *words.preset(name), name in in_force) for name in presets.PRESETS],
    )


def _found(proposal: Proposal) -> dict[str, Any]:
    """Return everything the preview shows: what differs in the settings, and what that would do."""
    with runtime().reading() as session:
        runs = previews.list_previews(session, proposal.run_ids)
        sums = previews.sums(session, proposal.run_ids)
        samples = previews.samples(session, proposal.run_ids)
    waiting = [each for each in runs if each.run.state in run_list.ACTIVE]
    return {
        "proposal": proposal,
        "changes": [
            (words.rule_name(name), words.rule_value(name, old), words.rule_value(name, new))
            for name, (old, new) in proposal.changes.items()
        ],
        "runs": runs,
        "done": len(runs) - len(waiting),
        "is_active": bool(waiting),
        "unread": [each for each in runs if each.run.state not in (*run_list.ACTIVE, *DONE)],
        "sums": [sums[action] for action in ORDER if action in sums],
        "people_mailed": sum(each.people_mailed for each in sums.values()),
        "samples": {
            action: [run_view.shown(Record(s.step, s.calendar), s.owner_id) for s in samples if s.step.action == action]
            for action in ORDER
        },
        "sentence": words.rules_sentence(proposal.rules),
    }
