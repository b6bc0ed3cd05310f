"""How an account that hosts meetings wants them: who may join when, muted or not, recorded or not."""

from __future__ import annotations

from sqlmodel import Session

from calsync.errors import NotFound, Refused
from calsync.providers.conference import RECORDINGS, ConferenceProvider, MeetingSettings
from calsync.runtime import Actor, Runtime
from calsync.services import conference_drafts as drafts
from calsync.store import accounts, audit, conference_hosts
from calsync.store import settings as store
from calsync.store import tables as t

__all__ = ["RECORDINGS", "MeetingSettings", "get", "hosts", "of", "save"]


def get(rt: Runtime, account_id: int) -> tuple[MeetingSettings, int]:
    """Return an account's settings and their version. Raises NotFound for one that hosts no meetings."""
    with rt.reading() as session:
        _hosting(rt, session, account_id)
        return of(session, account_id)


def of(session: Session, account_id: int) -> tuple[MeetingSettings, int]:
    """Return an account's settings and their version, inside a transaction; 0 while nobody has set them."""
    row = session.get(t.MeetingHost, account_id)
    return (drafts.from_json(row.settings), row.version) if row else (MeetingSettings(), 0)


def hosts(rt: Runtime, provider: str) -> bool:
    """Return whether accounts of a provider host meetings."""
    return isinstance(rt.providers.get(provider), ConferenceProvider)


def save(rt: Runtime, account_id: int, new: MeetingSettings, version: int, *, by: Actor) -> int:
    """Save them over `version` and return the new one. New meetings follow; others do when they change.

    Raises NotFound, Refused with the code `stale`, or with the field that cannot be.
    """
    _check(new)
    with rt.writing() as session:
        account = _hosting(rt, session, account_id)
        session.refresh(account, with_for_update=True)  # two savers take turns
        if not by.is_admin and account.user_id != by.user_id:
            raise NotFound("account", account_id)
        row = conference_hosts.host_row(session, account_id)
        if row.version != version:
            raise store.stale()
        before, after = audit.changes(drafts.to_json(drafts.from_json(row.settings)), drafts.to_json(new))
        row.settings, row.version = drafts.to_json(new), version + 1
        if after:
            audit.record(session, by, "account.meetings_changed", account, at=rt.now(), before=before, after=after)
        return row.version


def _check(new: MeetingSettings) -> None:
    if new.recording is not None and new.recording not in RECORDINGS:
        raise Refused(f"Choose one of {', '.join(RECORDINGS)}.", code="invalid", field="recording")
    if new.waiting_room and new.join_before_host:
        reason = "With a waiting room nobody joins before the host: switch one of the two off."
        raise Refused(reason, code="invalid", field="join_before_host")


def _hosting(rt: Runtime, session: Session, account_id: int) -> t.Account:
    account = accounts.get(session, account_id)
    if not hosts(rt, account.provider):
        raise NotFound("account", account_id)
    return account
