"""What people do about meetings that are not as they should be, and the list that shows them.

A link that comes with its event (where the calendar's provider makes it) stands in the same list: who looks for a
missing link need not know how it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from calsync.engine.vocabulary import AccountState
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import conference_drafts as drafts
from calsync.store import audit, conference_list
from calsync.store import conferences as rows
from calsync.store import tables as t

MOST = 200


class Standing(StrEnum):
    """How a meeting stands, as people see it."""

    READY = "ready"
    WAITING = "waiting"
    LIMITED = "limited"  # its provider makes no more until `until`
    NO_HOST = "no_host"
    HOST_GONE = "host_gone"
    FAILED = "failed"
    MISSING = "missing"  # it was deleted there
    CHANGED = "changed"  # somebody changed it there
    ENDING = "ending"
    ORPHAN = "orphan"


TROUBLE = (Standing.NO_HOST, Standing.HOST_GONE, Standing.FAILED, Standing.MISSING, Standing.CHANGED, Standing.ORPHAN)
REPAIRABLE = (Standing.FAILED, Standing.MISSING, Standing.CHANGED, Standing.ORPHAN)
SHOWN = ("wanted", "pending", "made", "failed", "gone", "to_delete", "orphan")


@dataclass(frozen=True, slots=True)
class Entry:
    """One meeting in the list. `id` is None for a link that comes with its event. `until` is when it is tried again."""

    id: int | None
    standing: Standing
    provider: str
    kind: str
    activity: t.Activity | None
    account: t.Account | None
    join_url: str = ""
    remote_id: str = ""
    host: str = ""
    error: str = ""
    until: datetime | None = None
    drift: dict[str, object] | None = None

    @property
    def is_trouble(self) -> bool:
        return self.standing in TROUBLE

    @property
    def is_repairable(self) -> bool:
        return self.standing in REPAIRABLE and self.id is not None


def ledger(rt: Runtime, session: Session, *, by: Actor, account_id: int | None = None) -> list[Entry]:
    """Return the meetings that `by` may see, those in trouble first, then the newest; past links of events are left
    out. Admins see all.
    """
    owner_id = None if by.is_admin else by.user_id
    found = conference_list.lines(session, states=SHOWN, owner_id=owner_id, account_id=account_id, limit=MOST)
    entries = [entry_of(line) for line in found]
    if account_id is None:
        entries += _with_events(rt, session, owner_id)
    return sorted(entries, key=lambda entry: not entry.is_trouble)


def of_activity(session: Session, activity: t.Activity) -> Entry | None:
    """Return how the meeting of an activity stands; None where none is made for it."""
    row = rows.of_activity(session, t.pk(activity))
    if row is None or row.state not in SHOWN:
        return None
    account = session.get(t.Account, row.account_id) if row.account_id else None
    return entry_of(conference_list.Line(row, activity, account))


def repair(rt: Runtime, conference_id: int, *, by: Actor) -> None:
    """Have a meeting made anew, written again, or, where it belongs to nothing, deleted. It is done by the next tick.

    Raises NotFound, and Refused (code `nothing_to_repair`) where nothing is wrong.
    """
    with rt.writing() as session:
        row = _visible(session, conference_id, by)
        match row.state:
            case "gone":
                row.mark, row.state, row.remote_id, row.agreed = drafts.new_mark(rt), "wanted", "", ""
            case "failed":
                row.state, row.agreed = "made" if row.remote_id else "wanted", ""
            case "made" if row.drift:
                row.agreed = ""
            case "orphan":
                row.state = "to_delete"
            case _:
                raise Refused("There is nothing to repair about this meeting.", code="nothing_to_repair")
        row.tries, row.error, row.error_class, row.next_try_at = 0, "", "", rt.now()
        row.updated_at = rt.now()
        audit.record(session, by, "conference.repaired", ("conference", str(row.id), row.kind), at=rt.now())
    rt.enqueue("keep_conferences")


def _visible(session: Session, conference_id: int, by: Actor) -> t.Conference:
    row = rows.get(session, conference_id, lock=True)
    activity = session.get(t.Activity, row.activity_id) if row.activity_id else None
    account = session.get(t.Account, row.account_id) if row.account_id else None
    owners = {activity.owner_id if activity else None, account.user_id if account else None}
    if not by.is_admin and by.user_id not in owners:
        raise NotFound("conference", conference_id)
    return row


# --- how they stand


def entry_of(line: conference_list.Line) -> Entry:
    """Return a conference as people see it."""
    row = line.conference
    standing = _standing(row, line.account)
    return Entry(
        id=t.pk(row),
        standing=standing,
        provider=row.provider,
        kind=row.kind,
        activity=line.activity,
        account=line.account,
        join_url=row.join_url if row.state in ("made", "orphan") else "",
        remote_id=row.remote_id,
        host=row.host,
        error=row.error if standing in (Standing.FAILED, Standing.WAITING, Standing.ENDING) else "",
        until=row.next_try_at if standing in (Standing.LIMITED, Standing.WAITING, Standing.ENDING) else None,
        drift=row.drift or None,
    )


def _standing(row: t.Conference, account: t.Account | None) -> Standing:
    is_hosted = account is not None and account.state == AccountState.ACTIVE and account.grant_ok
    match row.state:
        case "orphan":
            return Standing.ORPHAN
        case "gone":
            return Standing.MISSING
        case "failed":
            return Standing.FAILED
        case "wanted" if account is None:
            return Standing.NO_HOST
        case "made":
            return Standing.CHANGED if row.drift else Standing.READY
        case _ if not is_hosted:
            return Standing.HOST_GONE
        case "to_delete":
            return Standing.ENDING
    return Standing.LIMITED if row.error_class == "rate_limit" else Standing.WAITING


def _with_events(rt: Runtime, session: Session, owner_id: int | None) -> list[Entry]:
    """Return the links that providers of calendars make together with their events."""
    hosted = drafts.providers(rt).keys()
    every = {kind for entry in rt.providers.values() for kind in entry.info.capabilities.makes_links}
    kinds = sorted(every - hosted)
    if not kinds:
        return []
    found = conference_list.made_with_events(session, kinds, rt.now(), owner_id=owner_id, limit=MOST)
    return [_of_event(activity, account) for activity, account in found]


def _of_event(activity: t.Activity, account: t.Account) -> Entry:
    link = str(activity.content.get("conference") or "")
    return Entry(
        id=None,
        standing=Standing.READY if link else Standing.WAITING,
        provider=account.provider,
        kind=activity.location_kind,
        activity=activity,
        account=account,
        join_url=link,
        host=account.label,
    )
