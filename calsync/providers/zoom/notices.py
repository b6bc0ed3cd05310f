"""Zoom's webhooks: whether they are genuine, and what they mean (contract section 22). Nothing is looked up here.

{"event": "meeting.deleted", "event_ts": 1796083200123, "payload": {"account_id": "...", "object": {"id": 988...}}}
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from calsync.providers.conference import Told, ToldKind

Json = dict[str, Any]

MOST_AGE = timedelta(minutes=5)
"""How old a notice may be, in either direction (section 22.2)."""

_CHANGED = ("meeting.updated", "meeting.recovered")
_DELETED = ("meeting.deleted", "meeting.permanently_deleted")


def read(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> Told | None:
    """Return what a request says; None for one that is not Zoom's, too old, or cannot be read.

    A request to prove that we know the secret is answered only if it is signed like all others.
    """
    if not secret or not is_genuine(headers, body, secret, now):
        return None
    try:
        said = json.loads(body)
        return _told(said, secret)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_genuine(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Return whether the raw body was signed with our secret a moment ago."""
    known = {name.lower(): value for name, value in headers.items()}
    stamp, sent = known.get("x-zm-request-timestamp", ""), known.get("x-zm-signature", "")
    if not stamp.isdecimal() or len(stamp) > 12 or abs(now.timestamp() - int(stamp)) > MOST_AGE.total_seconds():
        return False
    return hmac.compare_digest(signature(secret, stamp, body).encode(), sent.encode())


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return the signature of a raw body (section 22.2)."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def proof(secret: str, plain: str) -> Json:
    """Return the answer to a request for a proof that we know the secret (section 22.3)."""
    return {
        "plainToken": plain,
        "encryptedToken": hmac.new(secret.encode(), plain.encode(), hashlib.sha256).hexdigest(),
    }


def _told(said: Json, secret: str) -> Told | None:
    event, payload = said["event"], said["payload"]
    if event == "endpoint.url_validation":
        return Told(ToldKind.PROVE, answer=proof(secret, str(payload["plainToken"])))
    if event == "app_deauthorized":
        return Told(ToldKind.LEFT, subject=str(payload["user_id"]), client_id=str(payload.get("client_id", "")))
    if event in _CHANGED or event in _DELETED:
        # The id has been seen as a number and as text (section 22.4).
        return Told(ToldKind.CHANGED, remote_id=str(int(payload["object"]["id"])))
    return None
