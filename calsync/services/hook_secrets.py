"""The secrets with which providers sign what they send us, one for each provider that signs. Admins only.

A secret is sealed and never comes out again; only a hint does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.conference import TellingProvider
from calsync.runtime import Actor, Runtime
from calsync.services import channels, credentials
from calsync.store import audit
from calsync.store import credentials as rows
from calsync.store import settings as store

LONGEST = 200


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What may be shown of a provider's secret: `hint` is "" while there is none. `heard_at` is the last time that
    something came which was signed with it.
    """

    hint: str = ""
    saved_at: datetime | None = None
    heard_at: datetime | None = None


def takes_one(rt: Runtime, provider: str) -> bool:
    """Return whether a provider signs what it sends with a secret of ours."""
    return isinstance(rt.providers.get(provider), TellingProvider)


def address(rt: Runtime, provider: str) -> str:
    """Return where a provider sends what it tells; "" while people do not reach us by https."""
    return channels.address(rt, provider)


def standing(session: Session, provider: str) -> tuple[HookSecret, int]:
    """Return what is known of a provider's secret, and its version."""
    found = store.find(session, _name(provider))
    if found is None:
        return HookSecret(), 0
    value, version = found
    return HookSecret(value.get("hint", ""), _moment(value.get("saved_at")), _moment(value.get("heard_at"))), version


def save(rt: Runtime, provider: str, secret: str, version: int, *, by: Actor) -> int:
    """Save a provider's secret, "" to forget it, over `version`; return the new one.

    Raises NotAllowed, NotFound for a provider that signs nothing, and Refused (`stale`, or with the field `secret`).
    """
    if not by.is_admin:
        raise NotAllowed("change a provider's credentials")
    if not takes_one(rt, provider):
        raise NotFound("provider", provider)
    secret = secret.strip()
    if len(secret) > LONGEST or any(each.isspace() for each in secret):
        raise Refused("A secret token is one word.", code="invalid", field="secret")
    with rt.writing() as session:
        hint = credentials.hint_of(secret) if secret else ""
        sealed = {"sealed": rt.secrets.seal(secret).decode()} if secret else None
        value = {"secret": sealed, "hint": hint, "saved_at": rt.now().isoformat()}
        saved = store.put(session, _name(provider), value, version, by_id=by.user_id, at=rt.now())
        thing = ("provider", provider, provider)
        audit.record(session, by, "provider.hook_secret_saved", thing, at=rt.now(), after={"hint": hint})
    return saved


def of(rt: Runtime, session: Session, provider: str) -> str:
    """Return a provider's secret, "" without one."""
    found = store.find(session, _name(provider))
    sealed = ((found[0].get("secret") or {}) if found else {}).get("sealed", "")
    return rt.secrets.unseal(sealed.encode()) if sealed else ""


def note_heard(rt: Runtime, session: Session, provider: str) -> None:
    """Note that something signed came, once an hour at most."""
    found = store.find(session, _name(provider))
    if found is None:
        return
    value, version = found
    last = _moment(value.get("heard_at"))
    if last is None or (rt.now() - last).total_seconds() > 3600:
        current = rows.find(session, provider)
        if current is not None:
            current.extra = {**current.extra, "heard_at": rt.now().isoformat()}
        store.put(
            session, _name(provider), {**value, "heard_at": rt.now().isoformat()}, version, by_id=None, at=rt.now()
        )


def _name(provider: str) -> str:
    return f"hooks:{provider}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
