"""Mail arrives, pages are shown, nothing leaves this machine, and missing parts are named."""

import smtplib
import socket
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx2
import pytest

from tests.parts import missing, network, web
from tests.parts.smtp import SmtpSink


def test_a_sent_message_is_kept_as_it_was(smtp: SmtpSink) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße"
    message.set_content("Wie geht es?\n")
    with smtplib.SMTP(smtp.host, smtp.port, timeout=5) as client:
        client.send_message(message)
    [delivered] = smtp.wait_for(1)
    assert (delivered.sender, delivered.recipients) == ("a@example.com", ("b@example.com",))
    assert (delivered.subject, delivered.text) == ("Grüße", "Wie geht es?\r\n")
    smtp.clear()
    assert smtp.messages == []


def test_a_mail_server_may_refuse(smtp: SmtpSink) -> None:
    smtp.refusal = "550 no such person"
    with (
        smtplib.SMTP(smtp.host, smtp.port, timeout=5) as client,
        pytest.raises(smtplib.SMTPDataError, match="no such person"),
    ):
        client.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\nx")
    assert smtp.messages == []


def hello(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The smallest application that says something."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<title>Hello</title><h1>Hello</h1>"]


def test_an_application_is_served_while_the_block_runs() -> None:
    with web.serve(hello) as url:
        assert httpx2.get(url).text == "<title>Hello</title><h1>Hello</h1>"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_the_browser_shows_a_page_and_reaches_nothing_else(page: Any) -> None:
    with web.serve(hello) as url:
        page.goto(url)
        assert page.get_by_role("heading").inner_text() == "Hello"
        with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://example.com/")


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
        lambda: socket.getaddrinfo("example.com", 80),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
        lambda: httpx2.get("http://192.0.2.1/", timeout=1),
    ],
)
def test_nothing_but_this_machine_is_reached(reach: Callable[[], Any], network_attempts: list[str]) -> None:
    with pytest.raises(network.NetworkForbidden):
        reach()
    assert len(network_attempts) == 1
    network_attempts.clear()  # else this test would fail for the attempt, as it should


def test_a_reserved_name_does_not_exist() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("calendar.invalid", 443)


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_part_ends_the_test(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="MISSING PART: a browser"):
        missing.require(None, "a browser", "Install one.")


def test_the_report_names_each_part_once() -> None:
    reasons = ["('x.py', 3, 'Skipped: MISSING PART: a browser. Install one.')"] * 2 + ["another reason"]
    [line] = missing.report(reasons)
    assert line.startswith("2 tests did NOT run: a browser. Install one.")
