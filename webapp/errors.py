"""Errors as people read them: what happened, why, what to do next. The one edge where web errors become answers.

Pages get a page, htmx gets a toast, `/api` and callers that prefer JSON get JSON. Views raise and do not catch; a
refusal that belongs to a form is attached to it:

    if form.validate_on_submit():
        with errors.shown_on(form):
            people.invite(runtime(), form.email.data, by=actor())
            return redirect(url_for("people.index"), 303)
    return page("people/invite.html", status=422 if form.errors else 200, form=form)
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from calsync.errors import CalsyncError, NotAllowed, NotFound, ProviderError, RateLimited, Refused, SignInNeeded
from webapp.fragments import render_block, wants_fragment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One error for people. `code` is stable for programs; `action` is "home", "back", "login" or "" for no button."""

    status: int
    code: str
    title: str
    why: str
    action: str = "home"
    reference: str = ""


_BY_STATUS = {
    400: (
        "bad_request",
        "That request could not be read",
        "Something in the address or the form is not as it should be.",
        "back",
    ),
    401: ("unauthorised", "Please sign in", "This page needs a login.", "login"),
    403: (
        "not_allowed",
        "You may not do this",
        "Your role does not include it. An admin can do it or change your role.",
        "home",
    ),
    404: ("not_found", "There is nothing here", "The page does not exist, or it belongs to someone else.", "home"),
    405: (
        "method_not_allowed",
        "That does not work this way",
        "This address answers to a button, not to a link.",
        "back",
    ),
    413: ("too_large", "That file is too large", "Choose a smaller one.", "back"),
    429: ("too_many_requests", "Too many tries in a short time", "Wait a minute and try again.", "back"),
}


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(CalsyncError, _calsync_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


@contextlib.contextmanager
def shown_on(form: Any) -> Iterator[None]:
    """Attach a Refused raised inside to the form: to the field it names, or to the form as a whole.

    The statements after the `with` then run with `form.errors` filled, so that the view answers 422. The refusal itself
    is `form.refused`, for templates that offer what mends it.
    """
    try:
        yield
    except Refused as refused:
        form.refused = refused
        field = form._fields.get(refused.field) if refused.field else None
        if field is None:
            form.form_errors.append(refused.reason)
        else:
            field.errors = [*field.errors, refused.reason]


def trouble_of(error: Exception) -> Trouble:
    """Return the words for an error that we raise on purpose."""
    match error:
        case NotFound():
            return _standard(404)
        case NotAllowed():
            return _standard(403)
        case Refused():
            return Trouble(409, error.code, "That cannot be done now", error.reason, "back")
        case RateLimited():
            why = "The provider asked us to wait. It goes on by itself."
            return Trouble(503, "rate_limited", "Please wait a little", why, "back")
        case SignInNeeded():
            why = "The provider no longer accepts the sign-in of this account. Reconnect it."
            return Trouble(409, "sign_in_needed", "This account must be reconnected", why, "back")
        case ProviderError():
            why = "The calendar provider did not answer as expected. Try again in a moment."
            return Trouble(502, "provider_error", "The provider did not answer", why, "back")
    return _fault("")


def _calsync_error(error: CalsyncError) -> Response:
    return _answer(trouble_of(error))


def _csrf_error(_error: CSRFError) -> Any:
    if wants_fragment() and not current_user.is_authenticated:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    why = (
        "The form was open for too long, or you signed in again meanwhile. Go back, reload the page and send it again."
    )
    return _answer(Trouble(400, "form_expired", "This form is no longer valid", why, "back"))


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    response = _answer(_standard(error.code))
    for name, value in error.get_headers():
        if name.lower() in ("retry-after", "allow"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    return _answer(unexpected(error))


def unexpected(error: Exception) -> Trouble:
    """Write an error that nobody planned for into the log and return the words for it, with a reference to find it."""
    reference = uuid.uuid4().hex[:12]
    log.error("unexpected error %s on %s %s", reference, request.method, request.path, exc_info=error)
    return _fault(reference)


def _standard(status: int) -> Trouble:
    code, title, why, action = _BY_STATUS.get(status, _BY_STATUS[400])
    return Trouble(status, code, title, why, action)


def _fault(reference: str) -> Trouble:
    why = "Nobody planned for this. Nothing more was changed. Try once more; if it happens again, tell your admin."
    return Trouble(500, "fault", "Something went wrong on our side", why, "back", reference)


RENDERERS: dict[str, Callable[[Trouble], Response]] = {}
"""How errors are told below an address that has a manner of its own: its beginning, and who renders them."""


def _answer(trouble: Trouble) -> Response:
    for beginning, render in RENDERERS.items():
        if request.path.startswith(beginning):
            return render(trouble)
    if _wants_json():
        body: Any = jsonify(error=trouble.code, title=trouble.title, detail=trouble.why, reference=trouble.reference)
    elif wants_fragment():
        body = render_block("late.html", "trouble", trouble=trouble)
    else:
        body = render_template("errors/trouble.html", trouble=trouble)
    response = make_response(body, trouble.status)
    response.vary.add("HX-Request")
    if wants_fragment():
        response.headers["X-Toast"] = "1"
    return response


def _wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return request.path.startswith("/api/") or (best == "application/json" and not wants_fragment())
