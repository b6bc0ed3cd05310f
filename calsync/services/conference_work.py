"""Doing at the provider what conferences need: making, changing, looking, deleting. One meeting after the other.

A meeting's making has no key that makes a second one harmless. So the row says that it was asked for before it is; and
whoever finds that, with no answer written, looks for the meeting's mark before asking again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from calsync.engine.backoff import DAILY, Backoff
from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable
from calsync.providers.conference import ConferenceClient, ConferenceProvider, Meeting, MeetingDraft
from calsync.providers.oauth import ClientRefused
from calsync.runtime import Runtime
from calsync.services import activity_access as access
from calsync.services import clients, conferences, facts, failures, settings
from calsync.services import conference_drafts as drafts
from calsync.store import accounts
from calsync.store import conferences as rows
from calsync.store import tables as t

CLAIM = timedelta(minutes=5)
"""How long one piece of work may take before another process takes it over: longer than all its requests."""

AGAIN = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=6), tries=12)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One conference that is ours to work on, as it was claimed. `was_asked`: its making may have happened already."""

    conference: t.Conference
    draft: MeetingDraft | None
    was_asked: bool

    @property
    def id(self) -> int:
        return t.pk(self.conference)


def work(rt: Runtime, account_id: int) -> int:
    """Do everything that is due for an account's conferences and return how much was done. Raises no ProviderError:
    what went wrong stands on the rows, and on the account where it concerns all of them.
    """
    done = 0
    with opened(rt, account_id) as client:
        while client is not None and (task := _claim(rt, account_id)) is not None:
            try:
                _carry_out(rt, client, task)
            except (SignInNeeded, RateLimited, ClientRefused) as error:
                _stop(rt, account_id, task, error)
                break
            except ProviderError as error:
                _fail(rt, task, error)
            done += 1
    return done


@contextlib.contextmanager
def opened(rt: Runtime, account_id: int) -> Iterator[ConferenceClient | None]:
    """Yield a client for an account's meetings; None where it cannot host any."""
    client = _open(rt, account_id)
    try:
        yield client
    finally:
        if client is not None:
            client.close()


def _open(rt: Runtime, account_id: int) -> ConferenceClient | None:
    with rt.reading() as session:
        account = accounts.find(session, account_id)
    entry = rt.providers.get(account.provider) if account else None
    if account is None or account.secret is None or not isinstance(entry, ConferenceProvider):
        return None
    return entry.open_meetings(clients.grant_of(rt, account))


def _claim(rt: Runtime, account_id: int) -> Task | None:
    """Take the next piece of work, and write down that a meeting is being asked for before it is.

    None where nothing is due, or while all writing is paused.
    """
    now = rt.now()
    with rt.writing() as session:
        if settings.switches_of(session)[0].writes_paused:
            return None
        conference = rows.next_due(session, account_id, now)
        if conference is None:
            return None
        conference.claimed_until, conference.updated_at = now + CLAIM, now
        activity = session.get(t.Activity, conference.activity_id) if conference.activity_id else None
        was_asked = conference.asked_at is not None
        if conference.state in ("wanted", "pending"):
            conference.state, conference.asked_at = "pending", conference.asked_at or now
        draft = conferences.wanted(session, conference, activity) if activity is not None else None
    return Task(conference, draft, was_asked)


def _carry_out(rt: Runtime, client: ConferenceClient, task: Task) -> None:
    rt.checkpoint("conference.request")
    match task.conference.state:
        case "pending" if task.draft is not None:
            _close(rt, task, _made(_found_or_made(client, task, task.draft), task.draft))
        case "made" if task.draft is not None:
            _look_or_change(rt, client, task, task.draft)
        case "to_delete":
            _delete(client, task)
            _close(rt, task, _deleted)
        case _:
            _close(rt, task, _rest)


Change = Callable[[Runtime, Session, t.Conference, list[int]], None]
"""What an answer changes on the row, in the closing transaction."""


def _found_or_made(client: ConferenceClient, task: Task, draft: MeetingDraft) -> Meeting:
    """Return the meeting; one whose making was never answered is looked for first, and a double of it deleted."""
    if not task.was_asked:
        return client.create(draft)
    known = sorted(client.find(draft.mark), key=lambda meeting: int(meeting.remote_id))
    if not known:
        return client.create(draft)
    for double in known[1:]:
        client.delete(double.remote_id)
    return client.get(known[0].remote_id) or client.create(draft)


def _look_or_change(rt: Runtime, client: ConferenceClient, task: Task, draft: MeetingDraft) -> None:
    """Write what changed here; else see what became of the meeting there."""
    remote_id = task.conference.remote_id
    if drafts.digest(draft) == task.conference.agreed:
        there = client.get(remote_id)
    else:
        try:
            there = client.update(remote_id, draft)
        except Rejected as error:
            if error.code != "not_found":
                raise
            there = None
    _close(rt, task, _gone if there is None else _made(there, draft))


def _delete(client: ConferenceClient, task: Task) -> None:
    """Delete the meeting, found by its mark where its making was never answered."""
    known = [task.conference.remote_id] if task.conference.remote_id else []
    if not known and task.was_asked:
        known = [meeting.remote_id for meeting in client.find(task.conference.mark)]
    for remote_id in known:
        client.delete(remote_id)


# --- closing


def _close(rt: Runtime, task: Task, change: Change) -> None:
    """Write what came of it, unless somebody else has taken the work over meanwhile."""
    woken: list[int] = []
    with rt.writing() as session:
        conference = _mine(session, task)
        if conference is None:
            return
        conference.claimed_until, conference.tries, conference.updated_at = None, 0, rt.now()
        conference.error = conference.error_class = ""
        conference.next_try_at, conference.wants_look = None, False
        change(rt, session, conference, woken)
    access.hint(rt, woken)


def _mine(session: Session, task: Task) -> t.Conference | None:
    """Return the row, locked, if it is still ours; a claim that ran out is somebody else's."""
    conference = rows.get(session, task.id, lock=True)
    return conference if conference.claimed_until == task.conference.claimed_until else None


def _made(there: Meeting, draft: MeetingDraft) -> Change:
    """Take over the link and what became of the settings. A link that changed there replaces the one we gave."""

    def change(rt: Runtime, session: Session, conference: t.Conference, woken: list[int]) -> None:
        before, now = conference.join_url, rt.now()
        conference.remote_id, conference.join_url = there.remote_id, there.join_url
        conference.host, conference.settings = there.host or conference.host, drafts.to_json(there.settings)
        conference.agreed, conference.drift = drafts.digest(draft), drafts.drift(draft, there)
        conference.asked_at, conference.made_at = None, conference.made_at or now
        if conference.state == "to_delete":  # it was cancelled while it was being made
            conference.next_try_at = now
            return
        conference.state, conference.seen_version = "made", 0
        activity = session.get(t.Activity, conference.activity_id, with_for_update=True)
        if activity is not None:
            conferences.put_link(session, activity, conference, now, woken, replacing=before)

    return change


def _gone(rt: Runtime, session: Session, conference: t.Conference, woken: list[int]) -> None:
    if conference.state == "to_delete":  # its activity was cancelled meanwhile
        _deleted(rt, session, conference, woken)
    else:
        conference.state, conference.drift = "gone", {}


def _deleted(rt: Runtime, session: Session, conference: t.Conference, woken: list[int]) -> None:
    """It is no more. What its activity wants by now is looked at once more."""
    conference.state, conference.asked_at, conference.remote_id = "deleted", None, ""
    conference.seen_version, conference.drift = 0, {}


def _rest(rt: Runtime, session: Session, conference: t.Conference, woken: list[int]) -> None:
    """There is nothing to do: its activity is no more, or it is settled already."""
    if conference.state == "pending":
        conference.state, conference.next_try_at = "to_delete", rt.now()


# --- what went wrong


def _fail(rt: Runtime, task: Task, error: ProviderError) -> None:
    """Note a failure of one meeting: later, or never as it is."""
    log.info("conference.failed", conference_id=task.id, error=type(error).__name__)
    with rt.writing() as session:
        conference = _mine(session, task)
        if conference is None:
            return
        now = rt.now()
        conference.claimed_until, conference.updated_at = None, now
        conference.tries += 1
        conference.error, conference.error_class = str(error)[:300], failures.error_class(error)
        if isinstance(error, Unavailable):
            _forget_asking(conference, task, error)
            asked = timedelta(seconds=error.after_s or 0)
            conference.next_try_at = now + (AGAIN.wait(conference.tries, asked=asked) or DAILY)
        else:
            _give_up(conference, task)


def _forget_asking(conference: t.Conference, task: Task, error: Unavailable) -> None:
    """What certainly did not happen need not be looked for."""
    if not error.is_in_doubt and not task.was_asked and conference.state == "pending":
        conference.state, conference.asked_at = "wanted", None


def _give_up(conference: t.Conference, task: Task) -> None:
    """The provider refuses it as it is. What is to be deleted is tried once a day: a meeting may be under way."""
    if conference.state == "to_delete":
        conference.next_try_at = conference.updated_at + DAILY
        return
    if not task.was_asked:
        conference.asked_at = None
    conference.state, conference.next_try_at = "failed", None
    conference.agreed = drafts.digest(task.draft) if task.draft else ""


def _stop(rt: Runtime, account_id: int, task: Task, error: ProviderError) -> None:
    """Note what concerns every meeting of an account, and let them wait."""
    now = rt.now()
    with rt.writing() as session:
        conference = _mine(session, task)
        if conference is not None:
            conference.claimed_until, conference.updated_at = None, now
            if not task.was_asked and conference.state == "pending":
                conference.state, conference.asked_at = "wanted", None
            conference.error, conference.error_class = str(error)[:300], failures.error_class(error)
            if not isinstance(error, SignInNeeded):
                conference.next_try_at = _until(error, now)
        if isinstance(error, SignInNeeded):
            facts.lose_grant(accounts.get(session, account_id), error, now)
        else:
            rows.postpone(session, account_id, _until(error, now), str(error), failures.error_class(error))
    if isinstance(error, SignInNeeded):
        rt.enqueue("watch_notices")


def _until(error: ProviderError, now: datetime) -> datetime:
    return error.until if isinstance(error, RateLimited) else now + timedelta(hours=1)
