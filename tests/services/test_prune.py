"""Retention: what goes when it is old enough, and what never does."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import prune
from calsync.store import tables as t
from tests import factories

pytestmark = pytest.mark.postgres


@pytest.fixture
def account(rt: Runtime) -> t.Account:
    return factories.make_account(rt, factories.make_user(rt, "Eli"))


def make_run(rt: Runtime, account: t.Account, days_old: int, **values: Any) -> int:
    at = rt.now() - timedelta(days=days_old)
    given = {"trigger": "schedule", "state": "succeeded", "started_at": at}
    with rt.writing() as session:
        run = t.Run(account_id=account.id, **{**given, **values})
        session.add(run)
        session.flush()
        return run.id or 0


def make_step(rt: Runtime, account: t.Account, run_id: int, at: datetime, number: int = 0, **values: Any) -> int:
    given = {"action": "update", "direction": "outbound", "reason": "local_edited", "state": "done"}
    images = {"before": {"summary": "old"}, "after": {"summary": "new"}, "losing": {"summary": "lost"}}
    with rt.writing() as session:
        subject = f"link:{number}"
        step = t.Step(
            run_id=run_id, account_id=account.id, subject=subject, created_at=at, **{**given, **images, **values}
        )
        session.add(step)
        session.flush()
        return step.id or 0


def step(rt: Runtime, step_id: int) -> t.Step | None:
    with rt.reading() as session:
        return session.get(t.Step, step_id)


def test_before_images_go_after_thirty_days_and_steps_after_ninety(rt: Runtime, account: t.Account) -> None:
    run_id = make_run(rt, account, 100)
    ids = [make_step(rt, account, run_id, rt.now() - timedelta(days=age)) for age in (29, 31, 91)]
    prune.prune(rt)
    young, middle, old = (step(rt, each) for each in ids)
    assert young is not None
    assert young.before == {"summary": "old"}
    assert middle is not None
    assert (middle.before, middle.after, middle.losing) == (None, None, None)
    assert middle.reason == "local_edited"
    assert old is None


def test_runs_go_after_four_hundred_days(rt: Runtime, account: t.Account) -> None:
    young, old = make_run(rt, account, 399), make_run(rt, account, 401)
    prune.prune(rt)
    with rt.reading() as session:
        assert session.get(t.Run, young) is not None
        assert session.get(t.Run, old) is None


def test_previews_go_after_a_week(rt: Runtime, account: t.Account) -> None:
    make_run(rt, account, 8, state="preview")
    kept = make_run(rt, account, 6, state="preview")
    prune.prune(rt)
    with rt.reading() as session:
        assert session.scalars(select(t.Run.id)).all() == [kept]


@pytest.mark.parametrize("state", ["held", "failed", "in_doubt", "planned", "applying"])
def test_an_open_step_is_never_pruned_nor_is_its_run(rt: Runtime, account: t.Account, state: str) -> None:
    run_id = make_run(rt, account, 1000)
    step_id = make_step(rt, account, run_id, rt.now() - timedelta(days=1000), state=state)
    prune.prune(rt)
    found = step(rt, step_id)
    assert found is not None
    assert found.before == {"summary": "old"}


def test_much_is_pruned_in_small_transactions(rt: Runtime, account: t.Account) -> None:
    run_id = make_run(rt, account, 95)
    at = rt.now() - timedelta(days=95)
    with rt.writing() as session:
        for number in range(1200):
            given = {"action": "update", "direction": "outbound", "reason": "undo", "state": "done"}
            subject = f"link:{number}"
            session.add(t.Step(run_id=run_id, account_id=account.id, subject=subject, created_at=at, **given))
    assert prune.prune(rt) == 1200
    with rt.reading() as session:
        assert session.scalar(select(func.count()).select_from(t.Step)) == 0


def test_old_mails_notices_and_failures_go_and_waiting_mails_stay(rt: Runtime, account: t.Account) -> None:
    long_ago = rt.now() - timedelta(days=365)
    with rt.writing() as session:
        session.add(t.Mail(to="a@example.com", subject="sent", text="", state="sent", created_at=long_ago))
        session.add(t.Mail(to="a@example.com", subject="waits", text="", created_at=long_ago))
        owner = {"user_id": account.user_id, "kind": "held", "created_at": long_ago}
        session.add(t.Notice(**owner, subject="over", ended_at=long_ago))
        session.add(t.Notice(**owner, subject="open"))
        session.add(t.SignInFailure(email="a@example.com", address="192.0.2.1", at=long_ago))
    prune.prune(rt)
    with rt.reading() as session:
        assert session.scalars(select(t.Mail.subject)).all() == ["waits"]
        assert session.scalars(select(t.Notice.subject)).all() == ["open"]
        assert session.scalars(select(t.SignInFailure.id)).all() == []
