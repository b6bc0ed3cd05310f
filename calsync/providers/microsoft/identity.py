"""Who signed in: Microsoft's id_token, checked against its published keys (contract section A1.8).

A person is their tenant and their object id there. Addresses change hands and prove nothing.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from calsync.errors import Refused, Unavailable
from calsync.providers.http import Http
from calsync.providers.microsoft.endpoints import PERSONAL, Endpoints
from calsync.providers.oauth import Identity

LEEWAY_S = 60


def verify(
    http: Http, endpoints: Endpoints, tenant: str, token: str | None, client_id: str, nonce: str, now: datetime
) -> Identity:
    """Return who a token is about.

    `now` is Microsoft's time. Raises Refused (`no_identity`) when the token is missing, not Microsoft's, not for us,
    not for this attempt, or not valid at this time.
    """
    if not token:
        raise Refused("Microsoft did not say who signed in. Try again.", code="no_identity")
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True},
        aud={"essential": True, "value": client_id},
        tid={"essential": True},
        oid={"essential": True},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, _keys(http, endpoints, tenant), algorithms=["RS256"]).claims
        registry.validate(claims)
    except (JoseError, ValueError) as error:
        raise _refused() from error
    if claims["iss"] != endpoints.issuer_of(str(claims["tid"])):
        raise _refused()
    return _identity(claims)


def _refused() -> Refused:
    return Refused("Microsoft’s proof of who signed in is not valid. Try again.", code="no_identity")


def _keys(http: Http, endpoints: Endpoints, tenant: str) -> KeySet:
    answer = http.request("GET", endpoints.keys(tenant))
    try:
        return KeySet.import_key_set(json.loads(answer.text))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unavailable("Microsoft's keys cannot be read") from error


def _identity(claims: dict[str, Any]) -> Identity:
    address = str(claims.get("preferred_username") or claims.get("email") or "").lower()
    is_personal = claims["tid"] == PERSONAL
    return Identity(
        subject=f"{claims['tid']}.{claims['oid']}".lower(),
        address=address if "@" in address else "",
        name=str(claims.get("name", "")),
        domain="" if is_personal else address.partition("@")[2],
    )
