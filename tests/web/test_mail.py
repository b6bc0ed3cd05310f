"""The admin's mail page: the server, a test with the real answer, what is stuck, the weekly summary."""

import pytest
from flask.testing import FlaskClient

from calsync.runtime import CLI, Runtime
from calsync.services import digest_schedule, mail, settings
from calsync.services.settings import MailServer
from tests.parts.process import free_port
from tests.parts.smtp import SmtpSink
from tests.web.conftest import HTMX, text_of
from tests.web.queries import count_queries

PASSWORD = "m4il-p4ssword"


def fields(**changed: object) -> dict[str, object]:
    given = {
        "host": "smtp.example.com",
        "port": 587,
        "tls": "starttls",
        "username": "cal",
        "password": PASSWORD,
        "sender": "Calendar <calendar@example.com>",
        "version": 0,
    }
    return {**given, **changed}


@pytest.fixture
def saved(rt: Runtime) -> MailServer:
    server = MailServer("smtp.example.com", 587, "cal", PASSWORD, "calendar@example.com")
    settings.save_mail_server(rt, server, 0, by=CLI)
    return server


@pytest.fixture
def sink(rt: Runtime, smtp: SmtpSink) -> SmtpSink:
    """A real mail server that the installation is set to use."""
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    return smtp


def test_without_a_server_the_page_says_what_to_do(ada: FlaskClient) -> None:
    page = text_of(ada.get("/mail/").text)
    assert "No mail is sent yet" in page
    assert "Enter the mail server that your organisation uses" in page


def test_a_server_is_saved_as_typed(ada: FlaskClient, rt: Runtime) -> None:
    answer = ada.post("/mail/server", data=fields())
    assert (answer.status_code, answer.location) == (303, "/mail/")
    stored, _ = settings.mail_server(rt)
    assert stored == MailServer("smtp.example.com", 587, "cal", PASSWORD, "Calendar <calendar@example.com>", "starttls")


def test_the_password_is_never_shown_again_and_kept_when_left_empty(
    ada: FlaskClient, rt: Runtime, saved: MailServer
) -> None:
    assert PASSWORD not in ada.get("/mail/").text
    ada.post("/mail/server", data=fields(password="", port=465, tls="tls", version=1))
    assert settings.mail_server(rt)[0].password == PASSWORD
    refused = ada.post("/mail/server", data=fields(password="new-secret", port=0, version=2))
    assert refused.status_code == 422
    assert "new-secret" not in refused.text


def test_the_password_does_not_follow_to_another_server(ada: FlaskClient, rt: Runtime, saved: MailServer) -> None:
    answer = ada.post("/mail/server", data=fields(host="smtp.elsewhere.example", password="", version=1))
    assert answer.status_code == 422
    assert "Type the password again" in text_of(answer.text)
    assert settings.mail_server(rt)[0].host == "smtp.example.com"


def test_the_password_is_removed_on_request(ada: FlaskClient, rt: Runtime, saved: MailServer) -> None:
    ada.post("/mail/server", data=fields(password="", forget_password="y", version=1))
    assert settings.mail_server(rt)[0].password == ""


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"port": "x"}, "Not a valid integer"),
        ({"port": 70000}, "number from 1 to 65535"),
        ({"host": "https://smtp.example.com"}, "name alone"),
        ({"sender": "nobody"}, "address that mails come from"),
    ],
)
def test_wrong_values_are_refused_and_kept(
    ada: FlaskClient, rt: Runtime, changed: dict[str, object], told: str
) -> None:
    page = ada.post("/mail/server", data=fields(**changed))
    assert page.status_code == 422
    assert told in text_of(page.text)
    assert 'value="cal"' in page.text
    assert not settings.mail_server(rt)[0].is_set


def test_two_admins_do_not_overwrite_each_other(ada: FlaskClient, rt: Runtime, saved: MailServer) -> None:
    page = ada.post("/mail/server", data=fields(sender="other@example.com", version=0))
    assert page.status_code == 422
    assert "Somebody else saved these settings" in text_of(page.text)
    assert settings.mail_server(rt)[0].sender == "calendar@example.com"


def test_a_test_mail_really_arrives(ada: FlaskClient, sink: SmtpSink) -> None:
    page = ada.post("/mail/test", data={"to": "ops@example.com"}, headers=HTMX)
    assert page.status_code == 200
    assert "The mail server took it" in text_of(page.text)
    [got] = sink.wait_for(1)
    assert got.recipients == ("ops@example.com",)


def test_a_refused_test_mail_shows_the_servers_answer(ada: FlaskClient, sink: SmtpSink) -> None:
    sink.refusal = "554 your address is on a list"
    page = ada.post("/mail/test", data={"to": "ops@example.com"}, headers=HTMX)
    assert page.status_code == 422
    assert "The test mail was not sent" in text_of(page.text)
    assert "554 your address is on a list" in page.text


def test_a_server_that_is_not_there_is_told_in_words(ada: FlaskClient, rt: Runtime) -> None:
    port = free_port()
    server = MailServer("127.0.0.1", port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    page = text_of(ada.post("/mail/test", data={"to": "ops@example.com"}).text)
    assert f"Nothing listens on port {port}" in page
    assert "587 or 465 are usual" in page


def test_a_server_without_starttls_is_told_in_words(ada: FlaskClient, rt: Runtime, smtp: SmtpSink) -> None:
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="starttls")
    settings.save_mail_server(rt, server, 0, by=CLI)
    assert "offers no STARTTLS" in text_of(ada.post("/mail/test", data={"to": "ops@example.com"}).text)


def test_a_test_needs_an_address(ada: FlaskClient, sink: SmtpSink) -> None:
    page = ada.post("/mail/test", data={"to": "nobody"}, headers=HTMX)
    assert page.status_code == 422
    assert page.text.lstrip().startswith("<form")
    assert sink.messages == []


def test_stuck_mails_are_shown_with_the_answer_and_sent_again(ada: FlaskClient, rt: Runtime, sink: SmtpSink) -> None:
    with rt.writing() as session:
        mail.queue(session, "eli@example.com", "Reconnect", "Text", rt.now())
    sink.refusal = "550 no such person"
    mail.send_waiting(rt)
    page = text_of(ada.get("/mail/").text)
    assert "eli@example.com" in page
    assert "Given up" in page
    assert "550 no such person" in page
    sink.refusal = None
    ada.post("/mail/again")
    assert mail.send_waiting(rt) == 1
    assert "Everything has left" in text_of(ada.get("/mail/").text)


def test_the_weekly_summary_is_scheduled(ada: FlaskClient, rt: Runtime) -> None:
    answer = ada.post("/mail/digest", data={"is_on": "y", "weekday": 4, "hour": 16, "version": 0})
    assert answer.status_code == 303
    assert digest_schedule.schedule(rt) == (digest_schedule.Schedule(True, 4, 16), 1)
    ada.post("/mail/digest", data={"weekday": 4, "hour": 16, "version": 1})
    assert not digest_schedule.schedule(rt)[0].is_on


def test_a_day_that_does_not_exist_is_refused(ada: FlaskClient, rt: Runtime) -> None:
    assert ada.post("/mail/digest", data={"is_on": "y", "weekday": 9, "hour": 8, "version": 0}).status_code == 422
    assert digest_schedule.schedule(rt)[1] == 0


def test_queries(ada: FlaskClient, rt: Runtime, saved: MailServer) -> None:
    with count_queries(rt) as queries:
        assert ada.get("/mail/").status_code == 200
    assert len(queries) <= 12
