"""`calsync webhooks`: whom we tell, from the command line."""

import pytest

from tests import factories
from tests.cli.conftest import Shell
from tests.parts.receiver import Answer, Receiver

URL = "https://crm.example.com/hooks"


def test_a_webhook_is_added_switched_listed_and_removed(office: Shell) -> None:
    made = office.done("webhooks", "add", URL, "--event", "run.held", "--description", "CRM", "--json").json
    assert (made["url"], made["events"], made["state"]) == (URL, ["run.held"], "on")
    assert office.done("webhooks", "list", "--json").json == [made]
    assert URL in office.done("webhooks", "list").out
    office.done("webhooks", "switch", "1", "off")
    assert office.done("webhooks", "list", "--json").json[0]["state"] == "off"
    office.done("webhooks", "remove", "1")
    assert "calsync webhooks add" in office.done("webhooks", "list").out


def test_without_a_choice_it_is_told_of_everything(office: Shell) -> None:
    assert len(office.done("webhooks", "add", URL, "--json").json["events"]) == 15


def test_a_secret_is_shown_and_rotated(office: Shell) -> None:
    office.done("webhooks", "add", URL)
    first = office.done("webhooks", "secret", "1").out.strip()
    assert first.startswith("whsec_")
    second = office.done("webhooks", "rotate", "1", "--json").json["secret"]
    assert office.done("webhooks", "secret", "1", "--json").json == {"secret": second}
    assert second != first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "crm"), "no web address"),
        (("add", "https://10.0.0.1/"), "private network"),
        (("add", URL, "--event", "activity.exploded"), "activity.exploded"),
        (("switch", "9", "on"), "webhook"),
        (("messages", "9"), "webhook"),
        (("resend-failed", "1", "someday"), "someday"),
    ],
)
def test_what_cannot_be_is_refused_with_one_line(office: Shell, arguments: tuple[str, ...], told: str) -> None:
    refused = office("webhooks", *arguments)
    assert refused.code == 2
    assert told in refused.err


def test_a_test_says_what_was_answered(office: Shell, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    open_settings = factories.make_settings(office.folder, allow_private_networks=True)
    monkeypatch.setattr(office, "_settings", lambda: open_settings)
    office.done("webhooks", "add", receiver.url)
    sent = office.done("webhooks", "test", "1", "booking.created", "--json").json
    assert (sent["type"], sent["state"], sent["status"], sent["is_test"]) == ("booking.created", "delivered", 204, True)
    receiver.answer = lambda got: Answer(503)
    assert "waiting (refused)" in office.done("webhooks", "test", "1", "run.held").out
    assert [each["state"] for each in office.done("webhooks", "messages", "1", "--json").json] == [
        "waiting",
        "delivered",
    ]
    assert office.done("webhooks", "messages", "1", "--state", "failed", "--json").json == []
    assert office.done("webhooks", "resend-failed", "1", "2020-01-01", "--json").json == {"messages": 0}
