"""A provider that asks whether we are there before it tells anything, at the real address."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import channels
from calsync.store import credentials
from calsync.store import tables as t
from tests import factories
from tests.emulators.microsoft.conftest import microsoft, microsoft_server
from tests.emulators.microsoft.server import MicrosoftServer
from tests.parts.web import serve
from tests.proof.microsoft_town import MicrosoftTown, found_microsoft_town
from tests.web.hooked import PUBLIC

__all__ = ["microsoft", "microsoft_server"]

HOOK = "/hooks/microsoft"


@pytest.fixture
def town(tmp_path: Path, microsoft: MicrosoftServer) -> Iterator[MicrosoftTown]:
    made = found_microsoft_town(tmp_path, microsoft)
    yield made
    made.rt.db.close()


@pytest.fixture
def rt(town: MicrosoftTown) -> Runtime:
    return town.rt


@pytest.fixture
def cast(town: MicrosoftTown) -> factories.Cast:
    return town.cast


@pytest.fixture(autouse=True)
def reachable(app: Flask, town: MicrosoftTown) -> Iterator[None]:
    """Serve the application where Microsoft finds its public address."""
    with serve(app) as url:
        town.switch.settings(webhook_rewrites={PUBLIC: url})
        yield


def keep(town: MicrosoftTown) -> None:
    """Do what the clock does each minute."""
    town.switch.set_clock(town.clock())
    for account_id in channels.keep(town.rt):
        channels.keep_account(town.rt, account_id)
    town.switch.pushes()


def known(town: MicrosoftTown) -> list[t.Channel]:
    with town.rt.reading() as session:
        return list(session.exec(select(t.Channel).order_by(t.Channel.id)))


def test_a_channel_opens_once_we_answered_and_that_is_noted(town: MicrosoftTown) -> None:
    keep(town)
    (row,) = known(town)
    assert (row.state, len(town.switch.subscriptions())) == ("open", 1)
    with town.rt.reading() as session:
        current = credentials.find(session, town.provider.info.name)
    assert current is not None
    assert current.extra["heard_at"] == town.clock().isoformat()


def test_a_change_there_makes_the_account_due_at_once(town: MicrosoftTown) -> None:
    keep(town)
    town.sync()
    town.put(1)
    assert {push["status"] for push in town.switch.pushes()} == {204}
    account = town.account()
    assert (account.next_sync_at, account.requested_trigger) == (town.clock(), "push")


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved"])
def test_a_channel_that_will_be_silent_is_replaced(town: MicrosoftTown, event: str) -> None:
    keep(town)
    (before,) = known(town)
    town.switch.tell_lifecycle(before.resource_id, event)
    town.switch.pushes()
    keep(town)
    keep(town)
    (after,) = known(town)
    assert (after.state, after.channel_id != before.channel_id) == ("open", True)
    assert [one["id"] for one in town.switch.subscriptions()] == [after.resource_id]


def test_a_channel_is_renewed_in_time(town: MicrosoftTown) -> None:
    keep(town)
    (before,) = known(town)
    town.clock.advance(days=5, hours=23)
    keep(town)
    keep(town)
    (after,) = known(town)
    assert after.resource_id != before.resource_id
    assert after.expires_at - town.clock() > timedelta(days=6)


@pytest.mark.parametrize(
    "state",
    ["a guess", "", None],
)
def test_what_proves_nothing_changes_nothing(town: MicrosoftTown, anonymous: FlaskClient, state: str | None) -> None:
    keep(town)
    town.sync()
    due = town.account().next_sync_at
    (row,) = known(town)
    body = {
        "value": [{"clientState": state, "subscriptionId": row.resource_id, "lifecycleEvent": "subscriptionRemoved"}]
    }
    answer = anonymous.post(f"{HOOK}?channel={row.channel_id}", json=body)
    assert (answer.status_code, answer.data) == (204, b"")
    assert town.account().next_sync_at == due
    assert known(town)[0].opened_at is not None


def test_a_question_is_answered_as_plain_text(anonymous: FlaskClient) -> None:
    answer = anonymous.post(f"{HOOK}?validationToken=%3Cb%3E+one%26two", content_type="text/plain")
    assert (answer.status_code, answer.data) == (200, b"<b> one&two")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_providers_answer_no_questions(anonymous: FlaskClient) -> None:
    answer = anonymous.post("/hooks/caldav?validationToken=x")
    assert (answer.status_code, answer.data) == (204, b"")
