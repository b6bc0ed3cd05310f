"""Meetings at providers that host them: what should be there, and who brings it about.

The rows are the truth, as with syncs: a tick compares activities with conferences, and what is to be done stands on
the row with its time. No request is made inside a transaction, and an edit of an activity waits for none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.engine.event import Content
from calsync.providers.conference import ConferenceProvider, MeetingDraft
from calsync.runtime import SYSTEM, Runtime
from calsync.services import activity_access as access
from calsync.services import conference_drafts as drafts
from calsync.services import meeting_settings
from calsync.store import activities, conference_hosts
from calsync.store import conferences as rows
from calsync.store import tables as t

BATCH = 200
SETTLE = timedelta(seconds=10)
"""How long a change waits for the next one: providers count how often a meeting changes in a day."""

COMPARED_EVERY = timedelta(days=1)
"""How often an account's whole list is compared with ours: notices get lost."""

NO_HOST = "no_host"
"""Why a conference waits that nobody can host: the person has no account there."""


def keep(rt: Runtime) -> list[int]:
    """Bring conferences in line with their activities; return the accounts for which something is to be done."""
    kinds = drafts.providers(rt)
    if not kinds:
        return []
    woken: list[int] = []
    while _differs(rt, kinds):
        with rt.writing() as session:
            _plan(rt, session, kinds, woken)
    access.hint(rt, woken)
    with rt.reading() as session:
        return rows.due_accounts(session, rt.now())


def list_uncompared(rt: Runtime) -> list[int]:
    """Return the accounts whose list of meetings nobody has compared with ours for a day."""
    names = [entry.info.name for entry in drafts.providers(rt).values()]
    if not names:
        return []
    with rt.reading() as session:
        return conference_hosts.uncompared(session, names, rt.now() - COMPARED_EVERY)


def hurry(rt: Runtime, *kinds: str) -> None:
    """Hint the queue after an activity changed whose place was or is one of these kinds."""
    if set(kinds) & drafts.providers(rt).keys():
        rt.enqueue("keep_conferences")


# --- what should be


def _differs(rt: Runtime, kinds: dict[str, ConferenceProvider]) -> bool:
    """Return whether there is anything to plan. Mostly there is not, and nothing is locked to find that out."""
    with rt.reading() as session:
        return bool(
            rows.unplanned(session, kinds, rt.now(), 1)
            or rows.changed(session, 1)
            or rows.homeless(session, 1)
            or rows.abandoned(session)
        )


def _plan(rt: Runtime, session: Session, kinds: dict[str, ConferenceProvider], woken: list[int]) -> None:
    """Look at one batch of everything that differs."""
    now = rt.now()
    for activity in rows.unplanned(session, kinds, now, BATCH):
        _begin(rt, session, activity, kinds[activity.location_kind])
    for conference, activity in rows.changed(session, BATCH):
        for row in (conference, activity):  # somebody may be working on the one or editing the other
            session.refresh(row, with_for_update=True)
        _follow(rt, session, conference, activity, kinds, woken)
        conference.seen_version, conference.updated_at = activity.row_version, now
    for conference, activity in rows.homeless(session, BATCH):
        _house(rt, session, conference, activity)
    for conference in rows.abandoned(session):
        _drop(conference, now)


def _begin(rt: Runtime, session: Session, activity: t.Activity, entry: ConferenceProvider) -> None:
    now = rt.now()
    conference = t.Conference(
        activity_id=t.pk(activity),
        mark=drafts.new_mark(rt),
        seen_version=activity.row_version,
        created_at=now,
        updated_at=now,
    )
    session.add(conference)
    if rows.is_known_link(session, _link(activity)):
        # A part split off a series, or a copy: the link it brought is the other one's, and goes when that goes.
        conference.join_url = _link(activity)
        _want(rt, session, conference, activity, entry)
    elif _link(activity):
        conference.kind, conference.provider, conference.state = entry.kind, entry.info.name, "given"
    else:
        _want(rt, session, conference, activity, entry)


def _want(
    rt: Runtime, session: Session, conference: t.Conference, activity: t.Activity, entry: ConferenceProvider
) -> None:
    """Ask for a meeting, from the beginning."""
    conference.kind, conference.provider, conference.state = entry.kind, entry.info.name, "wanted"
    conference.account_id, conference.asked_at, conference.agreed, conference.remote_id = None, None, "", ""
    conference.tries, conference.error, conference.error_class, conference.drift = 0, NO_HOST, "", {}
    _house(rt, session, conference, activity)


def _house(rt: Runtime, session: Session, conference: t.Conference, activity: t.Activity) -> None:
    """Find who hosts a conference: whom the event type names, else whoever the activity belongs to."""
    account = conference_hosts.host_of(session, activity, conference.provider)
    if account is not None:
        conference.account_id, conference.error, conference.next_try_at = account.id, "", rt.now()


def _follow(
    rt: Runtime,
    session: Session,
    conference: t.Conference,
    activity: t.Activity,
    kinds: dict[str, ConferenceProvider],
    woken: list[int],
) -> None:
    """Bring a conference in line with its activity, which was edited."""
    entry = kinds.get(activity.location_kind) if _meets(activity) else None
    link = _link(activity)
    is_own = bool(link) and link != conference.join_url
    if entry is None or is_own or (entry.kind != conference.kind and conference.state in rows.LIVE):
        _drop(conference, rt.now())
        if entry is None and activity.status != "cancelled":
            _take_link(session, activity, conference, rt.now(), woken)
        if entry is not None and is_own and conference.state == "deleted":
            conference.kind, conference.provider, conference.state = entry.kind, entry.info.name, "given"
        return
    match conference.state:
        case "deleted" | "given" if activity.span_end > rt.now():
            conference.mark = drafts.new_mark(rt)
            _want(rt, session, conference, activity, entry)
        case "to_delete":
            _keep_after_all(rt, session, conference, activity, woken)
        case "made":
            put_link(session, activity, conference, rt.now(), woken)
            _note_change(rt, session, conference, activity)
        case "failed":
            _try_again(rt, session, conference, activity)


def _meets(activity: t.Activity) -> bool:
    return activity.status != "cancelled" and not activity.is_dissolved and not activity.recurrence_key


def _keep_after_all(
    rt: Runtime, session: Session, conference: t.Conference, activity: t.Activity, woken: list[int]
) -> None:
    """Take back a deletion that has not been made; whether it is still there is asked first."""
    conference.state = "made" if conference.remote_id else "wanted"
    conference.wants_look, conference.next_try_at, conference.tries = bool(conference.remote_id), rt.now(), 0
    if conference.remote_id:
        put_link(session, activity, conference, rt.now(), woken)


def _note_change(rt: Runtime, session: Session, conference: t.Conference, activity: t.Activity) -> None:
    if wanted_digest(session, conference, activity) != conference.agreed:
        conference.tries, conference.next_try_at = 0, max(conference.next_try_at or rt.now(), rt.now() + SETTLE)


def _try_again(rt: Runtime, session: Session, conference: t.Conference, activity: t.Activity) -> None:
    """What was refused as it was may be taken as it is now."""
    if wanted_digest(session, conference, activity) != conference.agreed:
        conference.state = "made" if conference.remote_id else "wanted"
        conference.tries, conference.next_try_at = 0, rt.now()


def wanted_digest(session: Session, conference: t.Conference, activity: t.Activity) -> str:
    """Return what the meeting's digest would be if it were written now."""
    return drafts.digest(wanted(session, conference, activity))


def wanted(session: Session, conference: t.Conference, activity: t.Activity) -> MeetingDraft:
    """Return the meeting that an activity wants, as its host likes them."""
    liked, _ = meeting_settings.of(session, conference.account_id or 0)
    return drafts.draft(activity, conference.mark, liked)


def _drop(conference: t.Conference, now: datetime) -> None:
    """Let a conference go that nobody needs. One that was never asked for leaves nothing behind."""
    if conference.state not in rows.LIVE:
        return
    if conference.state != "gone" and (conference.remote_id or conference.asked_at is not None):
        conference.state, conference.next_try_at, conference.tries = "to_delete", now, 0
    else:
        conference.state, conference.next_try_at = "deleted", None
    conference.error = conference.error_class = ""


# --- the link on the activity


def _link(activity: t.Activity) -> str:
    return str(activity.content.get("conference") or "")


def _locked(session: Session, activity: t.Activity) -> list[t.Activity]:
    """Return an activity and the changed occurrences of its series, locked: somebody may be editing them."""
    family = sorted((activity, *activities.overrides_of(session, [activity])), key=t.pk)
    for row in family:
        session.refresh(row, with_for_update=True)
    return family


def _take_link(
    session: Session, activity: t.Activity, conference: t.Conference, now: datetime, woken: list[int]
) -> None:
    """Take the link of a meeting that will be no more off an activity that takes place elsewhere."""
    for row in _locked(session, activity):
        if conference.join_url and _link(row) == conference.join_url:
            activities.set_content(row, {**row.content, "conference": None}, now=now)
            woken += access.wake(session, row, SYSTEM, now)


def put_link(
    session: Session,
    activity: t.Activity,
    conference: t.Conference,
    now: datetime,
    woken: list[int],
    *,
    replacing: str = "",
) -> None:
    """Write the join link on an activity and the changed occurrences of its series, where no other link stands.

    `replacing` is a link of ours that leads nowhere any more. Accounts that push at once are added to `woken`.
    """
    for row in _locked(session, activity):
        if _link(row) in ("", replacing) and conference.join_url and row.status != "cancelled":
            content: Content = {**row.content, "conference": conference.join_url}
            activities.set_content(row, content, now=now)
            woken += access.wake(session, row, SYSTEM, now)
