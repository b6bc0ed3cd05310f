"""`Idempotency-Key` on any POST: a request that is sent again gets the first one's answer, for 24 hours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from flask import Response, request

from calsync.runtime import Runtime
from calsync.services import idempotency
from calsync.services.idempotency import Kept
from calsync.services.tokens import Caller
from calsync.store import tables as t
from webapp.api import problems
from webapp.api.problems import Refusal

HEADER = "Idempotency-Key"
LONGEST = 200
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
REPEATED = "Idempotency-Replayed"


def once(rt: Runtime, who: Caller, work: Callable[[], Response]) -> Response:
    """Do the work, or return what it answered when this key came before.

    What failed on our side or must only wait is not kept: sending it again is what the key is for.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return work()
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise Refusal(422, "invalid", f"An {HEADER} has 1 to {LONGEST} printable characters.")
    begun = idempotency.begin(rt, t.pk(who.token), key, _digest())
    if isinstance(begun, Kept):
        return Response(begun.body, begun.status, headers={**begun.headers, REPEATED: "true"})
    response = _answered(work)
    if response.status_code >= 500 or response.status_code == 429:
        idempotency.give_up(rt, begun)
    else:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        idempotency.finish(rt, begun, Kept(response.status_code, headers, response.get_data()))
    return response


def _answered(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except Exception as error:
        return problems.answer(error)


def _digest() -> str:
    text = b"\n".join((request.method.encode(), request.full_path.encode(), request.get_data()))
    return hashlib.sha256(text).hexdigest()
