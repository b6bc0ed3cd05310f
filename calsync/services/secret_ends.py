"""When a secret of ours at a provider runs out: only an admin can tell us, who read it where the secret was made.

From thirty days before on, admins are told; how urgent it is comes in stages.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.registration import Expiring
from calsync.runtime import Actor, Runtime
from calsync.services import credentials
from calsync.store import audit
from calsync.store import credentials as rows
from calsync.store import tables as t

STAGES = (1, 7, 14, 30)
"""Days before the end on which admins are told, the most urgent first."""


def takes_any(rt: Runtime, provider: str) -> bool:
    """Return whether secrets of this provider run out."""
    return isinstance(credentials.registration_of(rt, provider), Expiring)


def days_left(ends_at: datetime, now: datetime) -> int:
    """Return the whole days until an end, rounded up: 1 on the day before it, 0 and less once it is over."""
    return -((now - ends_at) // timedelta(days=1))


def stage(ends_at: datetime, now: datetime) -> int | None:
    """Return the smallest number of STAGES that is not passed yet, 0 once it is over, None while there is time."""
    left = days_left(ends_at, now)
    if left <= 0:
        return 0
    return next((days for days in STAGES if left <= days), None)


def read(rt: Runtime, provider: str, ends_on: date | None) -> datetime | None:
    """Return the moment that a date means: its beginning in UTC, so that nobody is told too late.

    None where secrets do not run out, or no date was given. Raises Refused with the field `secret_ends_on`.
    """
    registration = credentials.registration_of(rt, provider)
    if ends_on is None or not isinstance(registration, Expiring):
        return None
    ends_at = datetime.combine(ends_on, time(), UTC)
    if ends_at <= rt.now():
        raise Refused("This day is over, and so is the secret: make a new one.", field="secret_ends_on")
    if ends_at > rt.now() + registration.longest_secret:
        reason = f"No secret there lasts longer than {registration.longest_secret.days // 30} months."
        raise Refused(reason, field="secret_ends_on")
    return ends_at


def change(rt: Runtime, provider: str, ends_on: date | None, *, by: Actor) -> t.ProviderCredential:
    """Correct when the secret in use runs out; None forgets it. Raises NotFound, NotAllowed, and as `read` does."""
    if not by.is_admin:
        raise NotAllowed("change a provider's credentials")
    ends_at = read(rt, provider, ends_on)
    with rt.writing() as session:
        row = rows.find(session, provider)
        if row is None:
            raise NotFound("credentials", provider)
        before = row.secret_expires_at
        row.secret_expires_at = ends_at
        if before != ends_at:
            told = ("credentials", str(row.id), row.provider)
            after = {"secret_expires_at": ends_at.isoformat() if ends_at else ""}
            audit.record(session, by, "credentials.end_changed", told, at=rt.now(), after=after)
    rt.enqueue("watch_notices")
    return row
