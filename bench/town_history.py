"""What happened in the large organisation of `town.py`: runs, their steps, what waits for people."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bench import town_calendars, town_rows
from bench.town_rows import Size
from calsync.engine import event as events
from calsync.runtime import CLI, Runtime
from calsync.store import audit
from calsync.store import tables as t


def run_rows(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the runs of sixty days, oldest first; the last one is the largest."""
    plain = town_rows.defaults(
        t.Run, set(t.Run.model_fields) - {"id", "account_id", "trigger", "started_at", "public_id"}
    )
    total = size.runs * 2 + 1
    for number in range(total):
        is_last, did = number == total - 1, number % 2 == 0
        steps = town_rows.LARGEST_RUN if is_last else town_rows.STEPS_PER_RUN if did else 0
        failed = 2 if number % 200 == 0 or is_last else 0
        started = now - timedelta(days=60) * (total - number) / total
        yield {
            **plain,
            "id": number + 1,
            "public_id": uuid.uuid4().hex,
            "account_id": 1 if is_last or number % 20 == 0 else number % size.accounts + 1,
            "trigger": ("schedule", "schedule", "edit", "manual")[number % 4],
            "state": "partial" if failed else "succeeded" if steps else "no_changes",
            "started_at": started,
            "finished_at": started + timedelta(seconds=3),
            "processed": steps,
            "updated": steps - failed,
            "failed": failed,
            "outbound": steps,
            "requests": steps + 2,
        }


def write_steps(rt: Runtime, size: Size, now: datetime) -> None:
    """Write the steps of one run, then copy them to every other, on other records, inside the database."""
    with rt.writing() as session:
        account_id = session.scalar(sa.select(t.Run.account_id).where(t.Run.id == 1))  # type: ignore[call-overload]
        for number in range(town_rows.STEPS_PER_RUN):
            session.add(_step(number, account_id or 1, now))
    step, run = t.Step.__table__, t.Run.__table__  # type: ignore[attr-defined]
    with rt.writing() as session:
        place = (run.c.id * 31 + step.c.id * 7919) % size.activities + 1
        new = {
            "run_id": run.c.id,
            "account_id": run.c.account_id,
            "activity_id": place,
            "link_id": sa.null(),
            "event_id": sa.null(),
            "subject": sa.literal("activity:") + sa.cast(place, sa.String),
            "created_at": run.c.started_at,
            "finished_at": run.c.finished_at,
        }
        columns = [c for c in step.c if c.name != "id"]
        chosen = [new.get(c.name, c).label(c.name) for c in columns]
        others = sa.select(*chosen).select_from(run.join(step, step.c.run_id == 1))
        small = others.where(run.c.id > 1, run.c.processed == town_rows.STEPS_PER_RUN)
        session.execute(sa.insert(step).from_select([c.name for c in columns], small))
    _largest(rt, size)
    _fail_some(rt)


def _step(number: int, account_id: int, now: datetime) -> t.Step:
    content = events.content(town_calendars.event_of(number, now))
    return t.Step(
        run_id=1,
        account_id=account_id,
        calendar_id=account_id * 3 - 2,
        activity_id=number + 1,
        subject=f"activity:{number + 1}",
        title=content["summary"],
        action="create" if number % 4 == 0 else "update",
        direction="outbound" if number % 2 else "inbound",
        fields=["summary", "time"],
        # Half of them are older than before-images are kept, and creates have none.
        before={**content, "summary": "Before"} if number % 4 == 1 else None,
        after=content if number % 2 else None,
        detail={},
        reason="local_edited",
        state="done",
        attempts=1,
        created_at=now - timedelta(days=60),
        finished_at=now - timedelta(days=60),
    )


def _largest(rt: Runtime, size: Size) -> None:
    """Give the last run its many steps: those of runs before it, once more."""
    step = t.Step.__table__  # type: ignore[attr-defined]
    last = size.runs * 2 + 1
    columns = [c for c in step.c if c.name != "id"]
    chosen = [sa.literal(last).label("run_id") if c.name == "run_id" else c for c in columns]
    chosen = [sa.literal(1).label("account_id") if c.name == "account_id" else c for c in chosen]
    with rt.writing() as session:
        some = sa.select(*chosen).where(step.c.run_id < last).order_by(step.c.id).limit(town_rows.LARGEST_RUN)
        session.execute(sa.insert(step).from_select([c.name for c in columns], some))


def _fail_some(rt: Runtime) -> None:
    """Let two steps of every run that says so have failed, each about a record of its own."""
    step, run = t.Step.__table__, t.Run.__table__  # type: ignore[attr-defined]
    with rt.writing() as session:
        bad = session.execute(
            sa.select(sa.func.min(step.c.id))
            .join(run, run.c.id == step.c.run_id)
            .where(run.c.failed > 0)
            .group_by(run.c.id)
        ).scalars()
        ids = [i for first in bad for i in (first, first + 1)]
        for at in range(0, len(ids), 500):
            session.execute(
                sa.update(step)
                .where(step.c.id.in_(ids[at : at + 500]))
                .values(
                    state="failed",
                    subject=sa.literal("activity:failed:") + sa.cast(step.c.id, sa.String),
                    error_class="provider",
                    error="503 Service Unavailable",
                    next_attempt_at=rt.now() + timedelta(days=1),
                )
            )


def leave_waiting(rt: Runtime, size: Size, people: list[int], now: datetime) -> None:
    """Leave conflicts, notices and an audit log behind."""
    with rt.writing() as session:
        session.add_all(_conflicts(size, now))
        for number, person in enumerate(people[:50]):
            facts = {"account": f"person{number}@dav.example.com", "provider": "caldav"}
            subject = f"account:{number + 1}"
            given = {"user_id": person, "kind": "conflict", "subject": subject, "account_id": number + 1}
            session.add(t.Notice(**given, facts=facts, created_at=now))
        for number in range(size.activities // 20):
            thing = ("activity", str(number + 1), f"Activity {number}")
            _note(session, thing, now - timedelta(minutes=size.activities // 20 - number))


def _conflicts(size: Size, now: datetime) -> Iterator[t.Conflict]:
    for number in range(size.activities // 50):
        is_open = number % 4 == 0
        account = town_calendars.account_of(number, size)
        yield t.Conflict(
            account_id=account,
            subject=f"activity:{number + 1}:{account * 3 - 2}",
            activity_id=number + 1,
            kind="both_changed",
            title=f"Conflict {number}",
            fields={"summary": {"agreed": "Before", "local": "Ours", "remote": "Theirs"}},
            merged={},
            state="open" if is_open else "resolved",
            opened_at=now - timedelta(hours=number % 300),
            closed_at=None if is_open else now,
        )


def _note(session: Session, thing: tuple[str, str, str], at: datetime) -> None:
    audit.record(session, CLI, "activity.edited", thing, at=at, before={"title": "Before"}, after={"title": "After"})
