"""The weekly digest for admins: what was synced, what failed, who has to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, RunState
from calsync.runtime import Runtime
from calsync.services import digest_schedule, letters, mail, notices, settings
from calsync.store import notices as rows
from calsync.store import tables as t


def send_due(rt: Runtime) -> int:
    """Write this week's digest for every admin who wants it and has not got it; return how many."""
    now = rt.now()
    with rt.reading() as session:
        schedule = digest_schedule.schedule_of(session)[0]
        week = digest_schedule.due_week(schedule, now, settings.organisation_of(session)[0].tz)
        is_set = settings.mail_server_of(session, rt)[0].is_set
        waiting = [u.id for u in _readers(session, week)] if is_set and week else []
    if not waiting:
        return 0
    place = letters.place(rt)
    with rt.writing() as session:
        readers = _readers(session, week)
        letter = letters.digest(lines(session, now), place)
        for user in readers:
            # The notice is what remembers that this week is done; it is over at once, so no page shows it.
            session.add(t.Notice(user_id=user.id or 0, kind="digest", subject=week, created_at=now, ended_at=now))
            mail.queue(session, user.email, letter.subject, letter.text, now)
        return len(readers)


def lines(session: Session, now: datetime) -> list[str]:
    """Return the digest as lines of text: the last seven days and what stands open now."""
    since = now - timedelta(days=7)
    runs, sums = rows.run_counts(session, since), rows.run_sums(session, since)
    bad = runs.get(RunState.FAILED, 0) + runs.get(RunState.PARTIAL, 0)
    held, conflicts = sum(rows.held_counts(session).values()), sum(rows.conflict_counts(session).values())
    done = f"{sums['created']} created, {sums['updated']} updated, {sums['deleted']} deleted or cancelled"
    return [
        f"Accounts: {_connected(session)} connected{_trouble(session)}",
        f"Runs in the last 7 days: {sum(runs.values())}, of these {bad} with errors",
        f"Changes: {done}, {sums['failed']} failed",
        f"Waiting for a person: {letters.counted(conflicts, 'conflict', 'conflicts')}, {held} held changes",
    ]


def _readers(session: Session, week: str) -> list[t.User]:
    return [
        user
        for user in rows.admins(session)
        if user.id is not None
        and notices.wants_mail(user, "digest")
        and not rows.exists(session, user.id, "digest", week)
    ]


def _connected(session: Session) -> int:
    query = select(func.count()).where(col(t.Account.state) != AccountState.DISCONNECTED)
    return int(session.scalar(query) or 0)


def _trouble(session: Session) -> str:
    accounts = rows.troubled_accounts(session)
    dead = [a.label for a in accounts if not a.grant_ok]
    failing = [a.label for a in accounts if a.grant_ok]
    parts = [
        f", to reconnect: {', '.join(dead)}" if dead else "",
        f", failing: {', '.join(failing)}" if failing else "",
    ]
    return "".join(parts)
