"""The tokens of an account as they stand sealed on its row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calsync.providers.oauth import Tokens
from calsync.runtime import Runtime
from calsync.store import tables as t

SAME_END = timedelta(minutes=5)
"""How far apart two ends of a grant may be and be the same one."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands sealed in Account.secret. `claimed_by` refreshes at the moment, until `claimed_until`."""

    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime | None = None
    grant_ends_at: datetime | None = None
    used_at: datetime | None = None
    claimed_by: str = ""
    claimed_until: datetime | None = None
    api_url: str = ""


def write(rt: Runtime, account: t.Account, stored: Stored) -> None:
    """Seal tokens on an account's row, which has another version then."""
    values = {
        "access": stored.access,
        "refresh": stored.refresh,
        "expires_at": _text(stored.expires_at),
        "grant_ends_at": _text(stored.grant_ends_at),
        "used_at": _text(stored.used_at),
        "claimed_by": stored.claimed_by,
        "claimed_until": _text(stored.claimed_until),
        "api_url": stored.api_url,
    }
    account.secret, account.secret_version = rt.secrets.seal(json.dumps(values)), account.secret_version + 1
    account.grant_ends_at = stored.grant_ends_at


def read(rt: Runtime, sealed: bytes | None) -> Stored:
    """Return what is sealed there; nothing of anything for None. Raises WrongKey."""
    values = json.loads(rt.secrets.unseal(sealed)) if sealed else {}
    return Stored(
        access=values.get("access", ""),
        refresh=values.get("refresh", ""),
        expires_at=_moment(values.get("expires_at")),
        grant_ends_at=_moment(values.get("grant_ends_at")),
        used_at=_moment(values.get("used_at")),
        claimed_by=values.get("claimed_by", ""),
        claimed_until=_moment(values.get("claimed_until")),
        api_url=values.get("api_url", ""),
    )


def renewed(before: Stored, tokens: Tokens, now: datetime) -> Stored:
    """Return what is stored after new tokens came."""
    ends = tokens.grant_ends_at if tokens.refresh or tokens.grant_ends_at else before.grant_ends_at
    if ends and before.grant_ends_at and abs(ends - before.grant_ends_at) < SAME_END:
        ends = before.grant_ends_at  # counted in seconds from each answer, it is never quite the same moment
    where = tokens.api_url or before.api_url
    return Stored(tokens.access, tokens.refresh or before.refresh, tokens.expires_at, ends, now, api_url=where)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
