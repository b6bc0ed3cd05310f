"""What a day cost: summed up once per run, by provider, with the account that asked most; gone after its time."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.providers.memory import MemoryProvider
from calsync.runtime import Runtime
from calsync.services import prune, usage
from calsync.services.usage import Budget, Spent, Used
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office

pytestmark = pytest.mark.postgres


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def add(rt: Runtime, account: t.Account, spent: Spent) -> None:
    with rt.writing() as session:
        usage.add(rt, session, t.pk(account), spent)


def today(rt: Runtime) -> dict[str, Used]:
    with rt.reading() as session:
        return usage.today(rt, session)


def rows(rt: Runtime) -> list[t.UsageDay]:
    with rt.reading() as session:
        return list(session.exec(select(t.UsageDay).order_by(t.UsageDay.id)))


def test_a_day_is_one_row_of_an_account(rt: Runtime, clock: factories.Clock) -> None:
    account = factories.make_account(rt, factories.make_user(rt, "Eli"))
    for _ in range(3):
        add(rt, account, Spent(requests=2, calls=51, limited=1))
    clock.advance(days=1)
    add(rt, account, Spent(requests=1, calls=1))
    assert [(row.requests, row.calls, row.limited) for row in rows(rt)] == [(6, 153, 3), (1, 1, 0)]


def test_what_asked_nothing_leaves_no_row(rt: Runtime) -> None:
    add(rt, factories.make_account(rt, factories.make_user(rt, "Eli")), Spent())
    assert rows(rt) == []


def test_a_provider_s_day_and_who_asked_most(rt: Runtime, clock: factories.Clock) -> None:
    eli, sam = factories.make_user(rt, "Eli"), factories.make_user(rt, "Sam")
    one = factories.make_account(rt, eli, provider="one", label="eli@example.com")
    busy = factories.make_account(rt, sam, provider="one", label="sam@example.com", subject="sam")
    other = factories.make_account(rt, sam, provider="other", label="sam@other.example")
    add(rt, busy, Spent(900, 900))
    clock.advance(days=1)
    add(rt, one, Spent(10, 10))
    add(rt, busy, Spent(3, 40, 2))
    add(rt, other, Spent(5, 5))
    assert today(rt) == {
        "one": Used(13, 50, 2, 2, t.pk(busy), "sam@example.com", 40),
        "other": Used(5, 5, 0, 1, t.pk(other), "sam@other.example", 5),
    }
    clock.advance(days=1)
    assert today(rt) == {}


def test_days_go_after_their_time(rt: Runtime, clock: factories.Clock) -> None:
    add(rt, factories.make_account(rt, factories.make_user(rt, "Eli")), Spent(1, 1))
    clock.advance(days=90)
    prune.prune(rt)
    assert len(rows(rt)) == 1
    clock.advance(days=1)
    prune.prune(rt)
    assert rows(rt) == []


def test_each_run_adds_what_it_asked(office: Office) -> None:
    office.meeting()
    run = office.sync()
    first = today(office.rt)["memory"]
    assert (first.requests, first.most_id) == (run.requests, office.account.id)
    assert run.requests > 0
    office.clock.advance(hours=1)
    again = office.sync()
    assert today(office.rt)["memory"].requests == run.requests + again.requests


def test_a_budget_is_the_provider_s_own(office: Office) -> None:
    assert usage.budget(office.rt, "memory") is None
    assert isinstance(office.rt.providers["memory"], MemoryProvider)
    assert Budget(per_day=1000, per_minute=60, per_person=6).share(250) == 0.25


def test_yesterday_s_runs_do_not_count_today(office: Office) -> None:
    office.sync()
    office.clock.advance(days=1)
    assert today(office.rt) == {}
    assert rows(office.rt)[0].day == (office.clock() - timedelta(days=1)).date()
