"""The picture that stands for the organisation; `logo` of the organisation's settings is its digest."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, dataclass, field, replace

from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import settings
from calsync.store import audit
from calsync.store import settings as store

LARGEST = 512 * 1024
_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Logo:
    data: bytes = field(repr=False)
    media_type: str
    digest: str


def get(rt: Runtime) -> Logo | None:
    """Return the logo, None without one."""
    with rt.reading() as session:
        found = store.find(session, "logo")
    if found is None or not found[0].get("data"):
        return None
    value = found[0]
    return Logo(base64.b64decode(value["data"]), value["media_type"], value["digest"])


def save(rt: Runtime, data: bytes | None, *, by: Actor) -> None:
    """Replace the logo, or remove it (None). Takes PNG, JPEG, GIF and WebP: an SVG may carry scripts."""
    if not by.is_admin:
        raise NotAllowed("change the logo")
    media_type = "" if data is None else _picture_type(data)
    digest = "" if data is None else hashlib.sha256(data).hexdigest()[:16]
    value = {"data": base64.b64encode(data or b"").decode(), "media_type": media_type, "digest": digest}
    with rt.writing() as session:
        org, version = settings.organisation_of(session)
        known = store.find(session, "logo")
        store.put(session, "logo", value, known[1] if known else 0, by_id=by.user_id, at=rt.now())
        saved = asdict(replace(org, logo=digest))
        store.put(session, "organisation", saved, version, by_id=by.user_id, at=rt.now())
        thing = ("setting", "logo", "logo")
        facts = {"before": {"logo": org.logo}, "after": {"logo": digest}}
        audit.record(session, by, "settings.changed", thing, at=rt.now(), **facts)


def _picture_type(data: bytes) -> str:
    if len(data) > LARGEST:
        raise Refused("The picture is larger than 512 KB. Make it smaller and try again.", field="logo")
    for beginning, media_type in _TYPES.items():
        if data.startswith(beginning):
            return media_type
    raise Refused("The logo must be a PNG, JPEG, GIF or WebP picture.", field="logo")
