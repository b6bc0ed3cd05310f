"""Who signed in: Google's id_token, checked against its published keys (OpenID Connect Core section 3.1.3.7)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from calsync.errors import Refused, Unavailable
from calsync.providers.google.endpoints import Endpoints
from calsync.providers.http import Http
from calsync.providers.oauth import Identity

LEEWAY_S = 60


def verify(http: Http, endpoints: Endpoints, token: str | None, client_id: str, nonce: str, now: datetime) -> Identity:
    """Return who a token is about.

    `now` is Google's time. Raises Refused (`no_identity`) when the token is missing, not Google's, not for us, not
    for this attempt, or not valid at this time.
    """
    if not token:
        raise Refused(
            "Google did not say who signed in. Tick the box for your address and try again.", code="no_identity"
        )
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "values": list(endpoints.issuers)},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, _keys(http, endpoints), algorithms=["RS256"]).claims
        registry.validate(claims)
    except (JoseError, ValueError) as error:
        raise Refused("Google's proof of who signed in is not valid. Try again.", code="no_identity") from error
    return _identity(claims)


def _keys(http: Http, endpoints: Endpoints) -> KeySet:
    answer = http.request("GET", endpoints.keys)
    try:
        return KeySet.import_key_set(json.loads(answer.text))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unavailable("Google's keys cannot be read") from error


def _identity(claims: dict[str, Any]) -> Identity:
    return Identity(
        subject=str(claims["sub"]),
        address=str(claims.get("email", "")).lower(),
        name=str(claims.get("name", "")),
        domain=str(claims.get("hd", "")),
    )
