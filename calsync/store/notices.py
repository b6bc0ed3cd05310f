"""Queries on notices and on the mail outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Role, RunState, StepState
from calsync.store import accounts, keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice


def list_open(session: Session, user_id: int | None = None, kinds: Sequence[str] = ()) -> list[t.Notice]:
    """Return notices that are not over, oldest first, of one person or of all."""
    query = select(t.Notice).where(col(t.Notice.ended_at).is_(None)).order_by(col(t.Notice.id))
    if user_id is not None:
        query = query.where(col(t.Notice.user_id) == user_id)
    if kinds:
        query = query.where(col(t.Notice.kind).in_(kinds))
    return list(session.scalars(query))


def list_mailable(session: Session, now: datetime, limit: int = 200) -> list[tuple[t.Notice, t.User]]:
    """Return open notices whose next mail is due, with the person each is for."""
    query = (
        select(t.Notice, t.User)
        .join(t.User, col(t.User.id) == col(t.Notice.user_id))
        .where(col(t.Notice.ended_at).is_(None), col(t.Notice.next_mail_at) <= now)
        .order_by(col(t.Notice.next_mail_at))
        .limit(limit)
    )
    return [(notice, user) for notice, user in session.execute(query)]


def exists(session: Session, user_id: int, kind: str, subject: str) -> bool:
    """Return whether this person ever got such a notice, over or not."""
    query = select(col(t.Notice.id)).where(
        col(t.Notice.user_id) == user_id, col(t.Notice.kind) == kind, col(t.Notice.subject) == subject
    )
    return session.scalars(query.limit(1)).first() is not None


def admins(session: Session) -> list[t.User]:
    """Return every admin who may sign in."""
    query = select(t.User).where(col(t.User.role) == Role.ADMIN, ~col(t.User.is_disabled))
    return list(session.scalars(query.order_by(col(t.User.id))))


def troubled_accounts(session: Session) -> list[t.Account]:
    """Return connected accounts whose grant is dead or that failed several runs in a row."""
    query = select(t.Account).where(
        col(t.Account.state) != AccountState.DISCONNECTED,
        accounts.LOST_GRANT | accounts.KEEPS_FAILING,
    )
    return list(session.scalars(query))


def ending_accounts(session: Session, before: datetime) -> list[t.Account]:
    """Return connected accounts whose grant works and ends by itself before a moment."""
    query = select(t.Account).where(
        col(t.Account.state) != AccountState.DISCONNECTED,
        col(t.Account.secret).is_not(None),
        col(t.Account.grant_ok),
        col(t.Account.grant_ends_at) <= before,
    )
    return list(session.scalars(query))


def held_counts(session: Session) -> dict[int, int]:
    """Return account id -> steps that wait for approval, of connected accounts."""
    return _counts(session, t.Step.account_id, col(t.Step.state) == StepState.HELD)


def conflict_counts(session: Session) -> dict[int, int]:
    """Return account id -> conflicts that wait for a person now, of connected accounts."""
    is_waiting = (col(t.Conflict.state) == "open") & col(t.Conflict.remind_at).is_(None)
    return _counts(session, t.Conflict.account_id, is_waiting)


def run_counts(session: Session, since: datetime) -> dict[str, int]:
    """Return run state -> runs that started since then."""
    query = select(col(t.Run.state), func.count()).where(col(t.Run.started_at) >= since).group_by(t.Run.state)
    return {RunState(state).value: int(count) for state, count in session.execute(query)}


def run_sums(session: Session, since: datetime) -> dict[str, int]:
    """Return what the runs since then did: created, updated, deleted, failed."""
    names = ("created", "updated", "deleted", "failed")
    sums = [func.coalesce(func.sum(getattr(t.Run, name)), 0) for name in names]
    row = session.execute(select(*sums).where(col(t.Run.started_at) >= since)).one()
    return {name: int(value) for name, value in zip(names, row, strict=True)}


def waiting_mails(session: Session, now: datetime, limit: int) -> list[t.Mail]:
    """Return mails to send now, the oldest first."""
    query = (
        select(t.Mail)
        .where(col(t.Mail.state) == "waiting", col(t.Mail.next_attempt_at) <= now)
        .order_by(col(t.Mail.next_attempt_at), col(t.Mail.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def take_mail(session: Session, mail: t.Mail, until: datetime) -> bool:
    """Reserve one mail until then, unless another process was quicker."""
    change = (
        update(t.Mail)
        .where(
            col(t.Mail.id) == mail.id,
            col(t.Mail.state) == "waiting",
            col(t.Mail.attempts) == mail.attempts,
        )
        .values(attempts=mail.attempts + 1, next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(change).rowcount) == 1  # type: ignore[attr-defined]


def make_mails_due(session: Session, now: datetime, since: datetime) -> int:
    """Let every mail written since then that waits, or was given up, leave now with all its tries; return how many."""
    change = (
        update(t.Mail)
        .where(col(t.Mail.state).in_(("waiting", "failed")), col(t.Mail.created_at) >= since)
        .values(state="waiting", attempts=0, next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(change).rowcount)  # type: ignore[attr-defined]


def unsent_mails(session: Session, limit: int) -> list[t.Mail]:
    """Return mails that have failed at least once and have not left, the newest first."""
    query = (
        select(t.Mail)
        .where(col(t.Mail.state).in_(("waiting", "failed")), col(t.Mail.attempts) > 0)
        .order_by(col(t.Mail.id).desc())
    )
    return list(session.scalars(query.limit(limit)))


def mail_counts(session: Session) -> dict[str, int]:
    """Return state -> mails, of those that have not been sent."""
    unsent = col(t.Mail.state).in_(("waiting", "failed", "withheld"))
    query = select(col(t.Mail.state), func.count()).where(unsent).group_by(col(t.Mail.state))
    return {str(state): int(count) for state, count in session.execute(query)}


def list_of(session: Session, user_id: int, cut: Cut) -> Slice:
    """Return a person's notices, the newest first, over or not."""
    query = select(t.Notice).where(col(t.Notice.user_id) == user_id, col(t.Notice.kind) != "digest")
    return keyset.fetch(session, query, [t.Notice.id], cut)  # type: ignore[list-item]


def unseen_count(session: Session, user_id: int) -> int:
    """Return how many notices are neither over nor seen."""
    query = select(func.count()).where(
        col(t.Notice.user_id) == user_id, col(t.Notice.ended_at).is_(None), col(t.Notice.seen_at).is_(None)
    )
    return int(session.scalar(query) or 0)


def waiting_for_owner(session: Session, limit: int = 200) -> list[tuple[t.Account, t.User, t.Notice | None]]:
    """Return accounts whose grant is dead, with their owner and the notice that the owner has got, longest first."""
    told = and_(
        col(t.Notice.account_id) == col(t.Account.id),
        col(t.Notice.user_id) == col(t.Account.user_id),
        col(t.Notice.kind) == "reconnect",
        col(t.Notice.ended_at).is_(None),
    )
    query = (
        select(t.Account, t.User, t.Notice)
        .join(t.User, col(t.User.id) == col(t.Account.user_id))
        .outerjoin(t.Notice, told)
        .where(col(t.Account.state) != AccountState.DISCONNECTED, ~col(t.Account.grant_ok))
        .order_by(col(t.Notice.created_at), col(t.Account.id))
        .limit(limit)
    )
    return [(account, user, notice) for account, user, notice in session.execute(query)]


def _counts(session: Session, account_id: int, where: ColumnElement[bool]) -> dict[int, int]:
    query = (
        select(col(t.Account.id), func.count())
        .where(col(t.Account.id) == account_id, where)
        .where(col(t.Account.state) != AccountState.DISCONNECTED)
        .group_by(col(t.Account.id))
    )
    return {int(account): int(count) for account, count in session.execute(query) if account is not None}
