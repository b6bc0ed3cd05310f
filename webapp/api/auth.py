"""Who sends a request: `Authorization: Bearer`, a token's scope, and nothing else. Cookies mean nothing here."""

from __future__ import annotations

from flask import request

from calsync.engine.vocabulary import Role, Scope
from calsync.services import tokens
from calsync.services.tokens import Caller
from webapp.access import runtime
from webapp.api import limits
from webapp.api.problems import Refusal

LEVELS = tuple(Scope)


def caller() -> Caller:
    """Return who sends the request. Raises Refusal 401, and 429 for an address that tries many tokens."""
    address = request.remote_addr or ""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        detail = "Send the header Authorization: Bearer, with a token from your Profile page."
        raise Refusal(401, "unauthorised", detail)
    limits.check_guesses(address)
    found = tokens.find(runtime(), secret.strip())
    if found is None:
        limits.count_guess(address)
        raise Refusal(401, "unauthorised", "This token is unknown, expired or revoked. Make a new one.")
    return found


def check_team(who: Caller) -> None:
    """Return unless the token is of somebody who is only a client here. Raises Refusal 403."""
    if who.user is not None and who.user.role == Role.CLIENT:
        raise Refusal(403, "not_allowed", "This is for the team.")


def check_scope(who: Caller, needed: Scope) -> None:
    """Return when the token's scope is wide enough, and its person still has the rights for it. Raises Refusal 403."""
    if LEVELS.index(who.scope) < LEVELS.index(needed):
        raise Refusal(403, "scope", f"This needs a token with the scope {needed}; this one has {who.scope}.")
    if needed is Scope.ADMIN and who.user is not None and who.user.role != Role.ADMIN:
        raise Refusal(403, "not_allowed", "Only admins may do this.")
