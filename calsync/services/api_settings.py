"""What an admin decides about programs: to which addresses of theirs a sign-in may come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.store import audit
from calsync.store import settings as store

NAME = "api"
MOST = 50


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`redirect_uris` are whole addresses; nothing but exactly these is ever sent to."""

    redirect_uris: tuple[str, ...] = ()


def get(rt: Runtime) -> tuple[ApiSettings, int]:
    """Return the settings and their version."""
    with rt.reading() as session:
        return _of(session)


def save(rt: Runtime, new: ApiSettings, version: int, *, by: Actor) -> int:
    """Save them over `version` and return the new one. Raises NotAllowed, and Refused naming the field, or `stale`."""
    if not by.is_admin:
        raise NotAllowed("decide about programs")
    _check(new)
    with rt.writing() as session:
        old, _ = _of(session)
        saved = store.put(session, NAME, asdict(new), version, by_id=by.user_id, at=rt.now())
        before, after = audit.changes(asdict(old), asdict(new))
        if after:
            thing = ("settings", NAME, "API")
            audit.record(session, by, "settings.api_changed", thing, at=rt.now(), before=before, after=after)
    return saved


def check_redirect(rt: Runtime, address: str) -> None:
    """Return when a sign-in may come back to an address. Raises Refused."""
    if address not in get(rt)[0].redirect_uris:
        reason = "An admin has not allowed this address. Compare it letter by letter with People, Service tokens."
        raise Refused(reason, code="redirect_not_allowed", field="redirect_uri")


def _check(new: ApiSettings) -> None:
    if len(new.redirect_uris) > MOST:
        raise _refused(f"These are {len(new.redirect_uris)} addresses. Give at most {MOST}.")
    for address in new.redirect_uris:
        if not _is_address(address):
            wanted = "Give a whole address that begins with https://, or with http:// on this machine, without a #."
            raise _refused(f"“{address[:100]}” cannot be used. {wanted}")


def _refused(reason: str) -> Refused:
    return Refused(reason, code="invalid", field="redirect_uris")


def _of(session: Session) -> tuple[ApiSettings, int]:
    found = store.find(session, NAME)
    return (ApiSettings(), 0) if found is None else (_read(found[0]), found[1])


def _read(value: Mapping[str, Any]) -> ApiSettings:
    return ApiSettings(tuple(value.get("redirect_uris", ())))


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False
    is_plain = text.isprintable() and " " not in text and not parts.fragment and len(text) <= 400
    return is_plain and bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and is_here))
