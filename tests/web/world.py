"""A small world in which everything exists once and belongs to Eli: for tests of rights."""

from dataclasses import dataclass
from datetime import timedelta

from calsync.engine.event import Event, content, fingerprint, to_json
from calsync.runtime import Runtime
from calsync.store import activities
from calsync.store import tables as t
from tests import factories


@dataclass(frozen=True)
class World:
    cast: factories.Cast
    account: t.Account
    calendar: t.Calendar
    activity: t.Activity
    run: t.Run
    step: t.Step
    conflict: t.Conflict
    notice: t.Notice
    event: t.MirrorEvent

    @property
    def ids(self) -> dict[str, int]:
        """Ids by the names that paths in `routes.py` use."""
        rows = ("account", "calendar", "activity", "run", "step", "conflict", "notice", "event")
        people = ("ada", "eli", "vic", "sam")
        return {name: getattr(self, name).id for name in rows} | {n: getattr(self.cast, n).id for n in people}


def make_world(rt: Runtime, cast: factories.Cast) -> World:
    """Return Eli's account with a calendar, an activity, a failed run of one step, and a conflict."""
    account = factories.make_account(rt, cast.eli)
    calendar = factories.make_calendar(rt, account)
    with rt.writing() as session:
        activity = make_activity(rt, cast.eli, "Kick-off Acme")
        run = t.Run(account_id=account.id, trigger="schedule", state="failed", started_at=rt.now(), failed=1)
        session.add_all((activity, run))
        session.flush()
        step = t.Step(
            run_id=run.id,
            account_id=account.id,
            calendar_id=calendar.id,
            activity_id=activity.id,
            subject=f"activity:{activity.id}:{calendar.id}",
            title=activity.title,
            action="create",
            direction="outbound",
            reason="local_created",
            state="failed",
            error_class="network",
            error="no answer",
            created_at=rt.now(),
        )
        conflict = t.Conflict(
            account_id=account.id,
            subject="link:1",
            activity_id=activity.id,
            kind="both_changed",
            title=activity.title,
            opened_at=rt.now(),
        )
        notice = t.Notice(user_id=cast.eli.id, kind="failing", subject=f"account:{account.id}", created_at=rt.now())
        resource = t.MirrorResource(calendar_id=calendar.id, handle="/cal/work/lunch.ics", read_at=rt.now())
        session.add_all((step, conflict, notice, resource))
        session.flush()
        event = make_event(rt, resource, "Lunch")
        session.add(event)
    return World(cast, account, calendar, activity, run, step, conflict, notice, event)


def make_event(rt: Runtime, resource: t.MirrorResource, title: str) -> t.MirrorEvent:
    """Return an unsaved event of a mirrored resource: an hour tomorrow, that no activity stands for."""
    start = rt.now() + timedelta(days=1, hours=3)
    event = Event(uid=f"{title}@there", start=start, end=start + timedelta(hours=1), summary=title)
    return t.MirrorEvent(
        resource_id=resource.id,
        calendar_id=resource.calendar_id,
        uid=event.uid,
        facts=to_json(event),
        fingerprint=fingerprint(content(event)),
        title=title,
        span_start=event.start,
        span_end=event.end,
        seen_at=rt.now(),
    )


def make_activity(rt: Runtime, owner: t.User, title: str, **values: object) -> t.Activity:
    """Return an unsaved meeting of one hour that starts tomorrow."""
    start = rt.now() + timedelta(days=1)
    event = Event(uid=f"{title}@example.com", start=start, end=start + timedelta(hours=1), summary=title)
    facts = content(event)
    given = {
        "owner_id": owner.id,
        "uid": event.uid,
        "content": facts,
        "fingerprint": fingerprint(facts),
        "title": title,
        "search_text": activities.search_text(event),
        "span_start": event.start,
        "span_end": event.end,
        "created_at": rt.now(),
        "updated_at": rt.now(),
    }
    return t.Activity(**{**given, **values})
