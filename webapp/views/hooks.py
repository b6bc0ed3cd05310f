"""For providers: where they tell that something has changed. A notice is proven by its own secret, not by a session."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, request

from calsync.services import told, told_meetings
from calsync.services.told import Posted
from webapp import security
from webapp.access import runtime

bp = Blueprint("hooks", __name__)

LARGEST = 256 * 1024
"""Bytes of a notice at most. They name what changed and do not carry it."""


@bp.post("/hooks/<provider>")
@bp.post("/push/<provider>")
@security.csrf.exempt
@security.limit("1200 per minute")
def take(provider: str) -> Any:
    """Answer 204 whatever came: a provider would only send it again, and strangers shall learn nothing.

    A provider may ask first whether we are there. One that signs its requests may ask for a proof that we know its
    secret, and sends again what we could not heed. What is longer than any notice is not read.
    """
    if (request.content_length or 0) > LARGEST:
        abort(413)
    posted = Posted(dict(request.headers), request.args.to_dict(), request.get_data())
    greeting = told.greeting(runtime(), provider, posted)
    if greeting is not None:
        return Response(greeting, 200, content_type="text/plain; charset=utf-8")
    reply = told_meetings.take(runtime(), provider, posted.headers, posted.body)
    if reply is not None:
        return (dict(reply.body), reply.status) if reply.body else ("", reply.status)
    told.notified(runtime(), provider, posted)
    return "", 204
