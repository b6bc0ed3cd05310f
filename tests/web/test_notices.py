"""The Notices page, and asking people to reconnect."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.runtime import CLI, Runtime
from calsync.services import mail, notices, settings, wanted_notices
from calsync.services.settings import MailServer
from calsync.store import tables as t
from tests import factories
from tests.parts.smtp import SmtpSink
from tests.web.conftest import HTMX, text_of
from tests.web.queries import count_queries


@pytest.fixture
def dead(rt: Runtime, cast: factories.Cast) -> t.Account:
    """Eli's account, whose sign-in no longer works; he and Ada have been told."""
    account = factories.make_account(rt, cast.eli, grant_ok=False, grant_error="wrong_password", label="Eli's work")
    notices.watch(rt)
    return account


def mine(rt: Runtime, user: t.User) -> t.Notice:
    with rt.reading() as session:
        return session.exec(select(t.Notice).where(t.Notice.user_id == user.id)).one()


def test_without_notices_the_page_says_when_there_would_be_some(eli: FlaskClient) -> None:
    assert "Nothing to tell you" in text_of(eli.get("/notices/").text)


def test_a_notice_says_what_why_and_leads_there(eli: FlaskClient, dead: t.Account) -> None:
    page = eli.get("/notices/").text
    assert "Reconnect needed" in page
    assert "The password was refused" in text_of(page)
    assert f'href="/accounts/{dead.id}"' in page


def test_people_see_their_own_notices_only(vic: FlaskClient, dead: t.Account) -> None:
    assert "work" not in text_of(vic.get("/notices/").text)


def test_the_table_alone_is_a_part(eli: FlaskClient, dead: t.Account) -> None:
    part = eli.get("/notices/", headers=HTMX).text
    assert part.lstrip().startswith("<div")
    assert "<html" not in part


def test_seen_leaves_the_bell_and_stays_in_the_list(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, dead: t.Account
) -> None:
    assert "Notices: 1 new" in eli.get("/notices/").text
    eli.post(f"/notices/{mine(rt, cast.eli).id}/seen", data={"next": "/notices/"})
    page = eli.get("/notices/").text
    assert "Notices: 1 new" not in page
    assert "Reconnect needed" in page


def test_all_are_put_aside_at_once_and_only_ones_own(
    eli: FlaskClient, ada: FlaskClient, rt: Runtime, cast: factories.Cast, dead: t.Account
) -> None:
    assert eli.post("/notices/seen").location == "/notices/"
    assert mine(rt, cast.eli).seen_at == rt.now()
    assert mine(rt, cast.ada).seen_at is None
    assert "There was nothing new" in text_of(eli.post("/notices/seen", follow_redirects=True).text)


def test_older_notices_are_on_the_next_page(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    with rt.writing() as session:
        for number in range(60):
            facts = {"account": f"calendar {number:02}"}
            given = {"user_id": cast.eli.id, "kind": "recovered", "subject": f"account:{number}", "facts": facts}
            session.add(t.Notice(**given, created_at=rt.now() + timedelta(minutes=number), ended_at=rt.now()))
    first = eli.get("/notices/").text
    assert "calendar 59" in first
    assert "calendar 00" not in first
    with rt.reading() as session:
        edge = session.exec(select(t.Notice).where(t.Notice.facts["account"].as_string() == "calendar 10")).one()
    assert "calendar 00" in eli.get(f"/notices/?after={cursor(edge.id)}").text


def cursor(row_id: int | None) -> str:
    from webapp import paging

    return paging.encode((row_id,))


def test_a_page_of_notices_needs_few_queries(eli: FlaskClient, rt: Runtime, dead: t.Account) -> None:
    with count_queries(rt) as queries:
        assert eli.get("/notices/").status_code == 200
    assert len(queries) <= 12


# --- asking to reconnect


def test_everyone_whose_sign_in_is_dead_is_listed(ada: FlaskClient, dead: t.Account) -> None:
    page = text_of(ada.get("/notices/reconnect").text)
    assert "Eli" in page
    assert "No mail server is set" in page


def test_nobody_to_ask(ada: FlaskClient) -> None:
    assert "Every sign-in works" in text_of(ada.get("/notices/reconnect").text)


def test_ticked_people_are_asked_by_a_real_mail(
    ada: FlaskClient, rt: Runtime, cast: factories.Cast, dead: t.Account, smtp: SmtpSink
) -> None:
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    sam = factories.make_account(rt, cast.sam, subject="sam", grant_ok=False, grant_error="invalid_grant")
    notices.watch(rt)
    notices.mail_due(rt)
    mail.send_waiting(rt)
    smtp.clear()
    page = ada.post("/notices/reconnect", data={"ids": [dead.id, sam.id]}, follow_redirects=True)
    assert "Asked 2 people to reconnect" in text_of(page.text)
    notices.mail_due(rt)
    mail.send_waiting(rt)
    assert sorted(m.recipients for m in smtp.messages) == [("eli@example.com",), ("sam@example.com",)]


def test_asking_brings_a_notice_back_that_was_put_aside(
    ada: FlaskClient, eli: FlaskClient, rt: Runtime, cast: factories.Cast, dead: t.Account
) -> None:
    eli.post("/notices/seen")
    ada.post("/notices/reconnect", data={"ids": [dead.id]})
    assert mine(rt, cast.eli).seen_at is None
    with rt.reading() as session:
        entry = session.exec(select(t.AuditEntry).where(t.AuditEntry.action == "account.reconnect_asked")).one()
    assert (entry.actor_id, entry.object_id) == (cast.ada.id, str(dead.id))


def test_asking_nobody_says_what_to_do(ada: FlaskClient, dead: t.Account) -> None:
    page = ada.post("/notices/reconnect", data={}, follow_redirects=True)
    assert "Tick at least one account first" in text_of(page.text)


def test_every_kind_of_notice_has_its_switch_and_its_words(ada: FlaskClient) -> None:
    page = ada.get("/profile/notices").text
    for kind in notices.KINDS:
        assert f'name="{kind}"' in page
    assert set(wanted_notices.WATCHED) <= set(notices.KINDS)
