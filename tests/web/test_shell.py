"""The frame: who sees which entry, what is counted, and what it costs."""

import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.store import counters
from calsync.store import tables as t
from tests import factories
from tests.web.conftest import HTMX, SignIn, text_of
from tests.web.queries import count_queries
from tests.web.world import World, make_world

FRAME_QUERIES = 4  # who is signed in, the organisation, the counters, the notices


@pytest.fixture
def world(rt: Runtime, cast: factories.Cast) -> World:
    return make_world(rt, cast)


def test_entries_follow_the_role(ada: FlaskClient, eli: FlaskClient) -> None:
    assert "Audit log" in text_of(ada.get("/help/").text)
    assert "Audit log" not in text_of(eli.get("/help/").text)
    assert 'href="/profile/"' in eli.get("/help/").text


def test_current_page_is_marked(ada: FlaskClient) -> None:
    assert 'href="/people/" aria-current="page"' in ada.get("/people/invite").text


def test_frame_takes_few_queries(ada: FlaskClient, rt: Runtime, world: World) -> None:
    bare = "/people/invite"  # a page that asks nothing itself
    ada.get(bare)
    ada.post("/organisation/pause-writes")  # so that there is a row of settings
    ada.post("/organisation/look", data={"name": "Northwind", "accent": "#206bc4", "version": 0})
    with count_queries(rt) as seen:
        ada.get(bare)
    assert len(seen) <= FRAME_QUERIES, seen


def test_counts_are_everyones_for_admins_and_ones_own_for_others(
    rt: Runtime, world: World, cast: factories.Cast
) -> None:
    with rt.reading() as session:
        assert counters.waiting(session).conflicts == 1
        assert counters.waiting(session, cast.eli.id).conflicts == 1
        assert counters.waiting(session, cast.sam.id) == counters.Waiting()


def test_what_waits_is_counted(rt: Runtime, cast: factories.Cast) -> None:
    factories.make_account(rt, cast.eli, grant_ok=False)
    factories.make_account(rt, cast.sam, failed_runs=3)
    factories.make_account(rt, cast.vic, grant_ok=False, state="disconnected")
    account = factories.make_account(rt, cast.ada)
    with rt.writing() as session:
        session.add(t.Run(account_id=account.id, trigger="schedule", state="held", started_at=rt.now()))
    with rt.reading() as session:
        assert counters.waiting(session) == counters.Waiting(conflicts=0, held=1, reconnect=1, failing=1)


def test_strip_stands_on_every_page_until_it_is_over(sign_in: SignIn, rt: Runtime, cast: factories.Cast) -> None:
    account = factories.make_account(rt, cast.eli, grant_ok=False)
    eli, sam = sign_in(cast.eli), sign_in(cast.sam)
    assert "1 account needs to be reconnected" in text_of(eli.get("/help/").text)
    assert "to be reconnected" not in text_of(sam.get("/help/").text)
    with rt.writing() as session:
        session.get(t.Account, account.id).grant_ok = True
    assert "to be reconnected" not in text_of(eli.get("/help/").text)


def test_notices_are_ones_own(sign_in: SignIn, rt: Runtime, cast: factories.Cast) -> None:
    with rt.writing() as session:
        session.add(t.Notice(user_id=cast.eli.id, kind="reconnect", subject="account:7", created_at=rt.now()))
    assert "Reconnect needed" in text_of(sign_in(cast.eli).get("/help/").text)
    assert "Reconnect needed" not in text_of(sign_in(cast.sam).get("/help/").text)


def test_times_are_relative_with_the_exact_one_beside(ada: FlaskClient, clock: factories.Clock) -> None:
    clock.advance(hours=3)
    page = ada.get("/profile/logins").text
    assert '<time datetime="2030-01-07T09:00:00+00:00" title="2030-01-07, 09:00">3 h ago</time>' in page


def test_a_notice_is_put_aside_by_whom_it_is_for(sign_in: SignIn, rt: Runtime, cast: factories.Cast) -> None:
    with rt.writing() as session:
        facts = {"account": "eli@example.com"}
        notice = t.Notice(user_id=cast.eli.id, kind="reconnect", subject="account:7", facts=facts, created_at=rt.now())
        session.add(notice)
    eli = sign_in(cast.eli)
    assert "eli@example.com does not sync until its owner reconnects it." in text_of(eli.get("/help/").text)
    assert sign_in(cast.sam).post(f"/notices/{notice.id}/seen").status_code == 404
    assert eli.post(f"/notices/{notice.id}/seen", data={"next": "/help/"}).location == "/help/"
    assert "Reconnect needed" not in text_of(eli.get("/help/").text)


def test_a_part_of_a_page_costs_no_counters(ada: FlaskClient, rt: Runtime, world: World) -> None:
    ada.get("/audit/", headers=HTMX)
    with count_queries(rt) as seen:
        ada.get("/audit/", headers=HTMX)
    assert not [each for each in seen if "FROM conflict" in each or "FROM notice" in each]
