"""The list of accounts, and what is done to several of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for

from calsync.engine.status import State
from calsync.services import bulk, notices
from calsync.services.bulk import Done
from calsync.store import account_pages
from webapp import account_list, paging, words
from webapp.access import actor, readable_account, runtime, viewer_id, writable_account
from webapp.connecting import connects_required
from webapp.forms.fields import FREQUENCIES
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp

MOST_AT_ONCE = 500


@bp.get("/")
@connects_required
def index() -> Any:
    with runtime().reading() as session:
        found = account_list.find(session)
        owners = account_pages.owners(session) if viewer_id() is None else []
    return page(
        "accounts/index.html",
        "row",
        found=found,
        owners=owners,
        states=tuple(State),
        providers=[provider.info for provider in runtime().providers.values()],
        frequencies=FREQUENCIES,
        asked={name: value for name, value in request.args.items() if name not in ("after", "before")},
        invite_url=url_for("integrations.index", _external=True),
    )


@bp.get("/<int:account_id>/row")
@connects_required
def row(account_id: int) -> Any:
    """One row of the list, which follows its run until that ends. As a page it is the account's own."""
    readable_account(account_id)
    with runtime().reading() as session:
        found = account_list.row(session, account_id)
    if "HX-Request" not in request.headers:
        return redirect(url_for("accounts.show", account_id=account_id), 303)
    return page("accounts/index.html", "row", row=found)


@bp.post("/bulk")
@connects_required
def several() -> Any:
    """Do one thing to every account that was ticked."""
    ids = request.form.getlist("ids", type=int)[:MOST_AT_ONCE]
    for account_id in ids:
        writable_account(account_id)
    back = redirect(url_for("accounts.index", **_kept()), 303)
    if not ids:
        flash("Tick at least one account first.", "info")
        return back
    _told(_ACTIONS.get(request.form.get("do", ""), _nothing)(ids))
    return back


def _nothing(_ids: list[int]) -> tuple[str, Done]:
    return "Nothing was chosen for", Done(0, ())


def _sync(ids: list[int]) -> tuple[str, Done]:
    return "Asked for a sync of", bulk.sync_now(runtime(), ids, by=actor())


def _pause(ids: list[int]) -> tuple[str, Done]:
    return "Paused", bulk.pause(runtime(), ids, by=actor())


def _resume(ids: list[int]) -> tuple[str, Done]:
    return "Resumed", bulk.resume(runtime(), ids, by=actor())


def _ask(ids: list[int]) -> tuple[str, Done]:
    return "Asked the owners to reconnect", Done(notices.ask_to_reconnect(runtime(), ids, by=actor()), ())


def _frequency(ids: list[int]) -> tuple[str, Done]:
    wanted = request.form.get("frequency") or None
    return "Changed how often it syncs for", bulk.set_frequency(runtime(), ids, wanted, by=actor())


_ACTIONS: dict[str, Callable[[list[int]], tuple[str, Done]]] = {
    "sync": _sync,
    "pause": _pause,
    "resume": _resume,
    "ask": _ask,
    "frequency": _frequency,
}


def _told(outcome: tuple[str, Done]) -> None:
    verb, done = outcome
    flash(f"{verb} {words.count(done.count, 'account')}.", "message" if done.count else "info")
    for reason in done.refusals:
        flash(reason, "warning")


def _kept() -> dict[str, Any]:
    """Return the filters under which the list was shown."""
    return paging.kept("after", "before")
