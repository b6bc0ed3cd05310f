"""What each job does: one service call. Ids in, nothing out, safe to repeat.

Services are imported when their job first runs: a process that serves pages starts before it syncs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from calsync.errors import Refused
from calsync.runtime import Runtime

log = structlog.get_logger(__name__)

Body = Callable[..., None]


class Work:
    """The services as the pool sees them."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def run(self, job: str, ids: Mapping[str, int], owner: str) -> None:
        """Do one job by its name. Raises KeyError for a name that no job has."""
        JOBS[job](self._rt, owner, **ids)

    def claim(self, owner: str, limit: int, slow_limit: int) -> list[tuple[int, bool]]:
        """Claim due accounts and say which are slow. A look without a lock comes first: mostly nothing is
        due.
        """
        from calsync.services import claims

        if not claims.is_anything_due(self._rt):
            return []
        ids = claims.claim_due(self._rt, owner, limit, slow_limit=slow_limit)
        slow = claims.timed_out_among(self._rt, ids)
        return [(account_id, account_id in slow) for account_id in ids]

    def give_back(self, owner: str) -> int:
        """Release every claim that `owner` still holds."""
        from calsync.services import claims

        return claims.release_all(self._rt, owner)


def sync_account(rt: Runtime, owner: str, account_id: int) -> None:
    """Run one account that `owner` has claimed, as whoever asked for the run."""
    from calsync.services import claims, sync

    try:
        sync.run(rt, account_id, trigger=None, owner=owner)
    except (claims.LeaseLost, Refused) as why:
        # Paused, disconnected or taken over since it was claimed: the row says so, there is nothing to mend.
        log.info("sync.left", account_id=account_id, why=str(why))
        claims.release(rt, account_id, owner)
    _hurry_queued(rt, account_id)


def queued_run(rt: Runtime, owner: str, run_id: int) -> None:
    """Carry out a run that somebody asked for and that waits. It claims the account for itself."""
    from calsync.services import queued

    queued.work(rt, run_id)


def _hurry_queued(rt: Runtime, account_id: int | None = None) -> None:
    """Put waiting runs into the pool: those that found their account busy, or whose hint was lost."""
    from calsync.services import queued

    for run_id in queued.list_waiting(rt, account_id):
        rt.enqueue("queued_run", run_id=run_id)


def queued_runs(rt: Runtime, owner: str) -> None:
    """Look for runs that wait although their hint was lost, whose account was busy, or whose process died."""
    from calsync.services import queued

    queued.take_up(rt)
    _hurry_queued(rt)


def probe_account(rt: Runtime, owner: str, account_id: int) -> None:
    """Prove that an account's grant still works; what the provider answers is on the row."""
    from calsync.services import connect

    connect.try_probe(rt, account_id)


def probe_grants(rt: Runtime, owner: str) -> None:
    """Look for accounts whose grant nothing has proven for a day."""
    from calsync.services import connect

    for account_id in connect.list_unproven(rt):
        rt.enqueue("probe_account", account_id=account_id)


def follow_clock(rt: Runtime, owner: str) -> None:
    """End pauses that are over, and bring schedules in line with the frequency in force."""
    from calsync.services import timetable

    timetable.resume_rested(rt)
    timetable.reschedule(rt)


def keep_channels(rt: Runtime, owner: str) -> None:
    """Look for channels that are to be opened, renewed or stopped."""
    from calsync.services import channels

    for account_id in channels.keep(rt):
        rt.enqueue("keep_account_channels", account_id=account_id)


def keep_account_channels(rt: Runtime, owner: str, account_id: int) -> None:
    """Open and stop the channels of one account."""
    from calsync.services import channels

    channels.keep_account(rt, account_id)


def keep_conferences(rt: Runtime, owner: str) -> None:
    """Look for meetings that are to be made, changed or deleted at their providers, and for lists to compare."""
    from calsync.services import conferences

    for account_id in conferences.keep(rt):
        rt.enqueue("work_on_conferences", account_id=account_id)
    for account_id in conferences.list_uncompared(rt):
        rt.enqueue("compare_conferences", account_id=account_id)


def work_on_conferences(rt: Runtime, owner: str, account_id: int) -> None:
    """Do what is due for the meetings of one account."""
    from calsync.services import conference_work

    conference_work.work(rt, account_id)


def compare_conferences(rt: Runtime, owner: str, account_id: int) -> None:
    """Compare the meetings of one account with those at its provider."""
    from calsync.services import conference_compare

    conference_compare.compare(rt, account_id)


def ask_others(rt: Runtime, owner: str) -> None:
    """Look for resources whose busy time is to be asked for again."""
    from calsync.services import asked_busy

    for account_id in asked_busy.list_due(rt):
        rt.enqueue("ask_busy", account_id=account_id)


def ask_busy(rt: Runtime, owner: str, account_id: int) -> None:
    """Ask through one account when others are busy."""
    from calsync.services import asked_busy

    asked_busy.ask(rt, account_id)


def keep_bookings(rt: Runtime, owner: str) -> None:
    """Let bookings follow their activities, and remove holds that nobody made a booking of."""
    from calsync.services import following, rooms

    following.follow(rt)
    rooms.follow(rt)
    following.remove_expired(rt)


def keep_blocks(rt: Runtime, owner: str) -> None:
    """Look for busy blocks that are to be written, put right or deleted, and make their accounts due."""
    from calsync.services import busy_blocks

    busy_blocks.hurry(rt)


def watch_notices(rt: Runtime, owner: str) -> None:
    """Open and end notices, and put the mails that are due into the outbox."""
    from calsync.services import conflicts, notices

    conflicts.wake(rt)
    notices.watch(rt)
    if notices.mail_due(rt):
        rt.enqueue("send_mail")


def send_mail(rt: Runtime, owner: str) -> None:
    """Empty the outbox as far as it is due."""
    from calsync.services import mail

    mail.send_waiting(rt)


def deliver_webhooks(rt: Runtime, owner: str) -> None:
    """Look for webhooks that have something to be delivered."""
    from calsync.services import webhook_delivery

    for webhook_id in webhook_delivery.due(rt):
        rt.enqueue("deliver_to_webhook", webhook_id=webhook_id)


def deliver_to_webhook(rt: Runtime, owner: str, webhook_id: int) -> None:
    """Deliver what is due to one webhook. Whatever its receiver is slow to take, nobody else waits for."""
    from calsync.services import webhook_delivery

    webhook_delivery.deliver(rt, webhook_id)


def send_digest(rt: Runtime, owner: str) -> None:
    """Write the weekly digest when its hour has come."""
    from calsync.services import digest

    if digest.send_due(rt):
        rt.enqueue("send_mail")


def find_duplicates(rt: Runtime, owner: str) -> None:
    """Look for what is probably the same thing twice, and for events of ours that nothing stands for."""
    from calsync.services import duplicates

    duplicates.search(rt)


def prune(rt: Runtime, owner: str) -> None:
    """Throw away what is old enough."""
    from calsync.services import prune as retention

    retention.prune(rt)


JOBS: dict[str, Body] = {
    body.__name__: body
    for body in (
        sync_account,
        queued_run,
        queued_runs,
        probe_account,
        probe_grants,
        follow_clock,
        keep_channels,
        keep_account_channels,
        keep_conferences,
        work_on_conferences,
        compare_conferences,
        keep_bookings,
        keep_blocks,
        ask_others,
        ask_busy,
        watch_notices,
        send_mail,
        deliver_webhooks,
        deliver_to_webhook,
        send_digest,
        find_duplicates,
        prune,
    )
}
