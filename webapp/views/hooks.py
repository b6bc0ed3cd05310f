"""For providers: where they tell that something has changed. A notice is proven by its own secret, not by a session."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from calsync.services import told
from webapp import security
from webapp.access import runtime

bp = Blueprint("hooks", __name__, url_prefix="/hooks")


@bp.post("/<provider>")
@security.csrf.exempt
@security.limit("1200 per minute")
def take(provider: str) -> Any:
    """Answer 204 whatever came: a provider would only send it again, and strangers shall learn nothing."""
    told.notified(runtime(), provider, dict(request.headers))
    return "", 204
