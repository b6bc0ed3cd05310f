"""Whatever fails and however long: of one thing nothing overtakes, nothing is lost, and ids stay."""

import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from calsync.engine.webhooks import WAITS, Happening
from calsync.providers.courier import Reply
from calsync.runtime import CLI, Runtime
from calsync.services import webhook_delivery, webhooks
from calsync.store import happenings
from calsync.store import tables as t
from calsync.store import webhooks as rows
from calsync.store.messages import Message
from tests import factories

EDIT = st.tuples(st.just("edit"), st.integers(0, 2))
WORK = st.tuples(st.just("work"), st.integers(0, 2**8 - 1))  # a bit for each try: does the receiver take it?
WAIT = st.tuples(st.just("wait"), st.sampled_from([1, 5, 300, 7200, 36000]))
RESEND = st.tuples(st.just("resend"), st.just(0))


class Capricious:
    """A receiver that takes what the bits of a number say, and notes what comes before its turn."""

    def __init__(self, rt: Runtime) -> None:
        self.rt, self.bits = rt, 0
        self.sent: list[str] = []
        self.overtakers: list[str] = []

    def __call__(self, _allow_private_network: bool) -> "Capricious":
        return self

    def close(self) -> None:
        """Keep nothing open."""

    def hand_over(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        id = headers["Webhook-Id"]
        self.sent.append(id)
        if is_early(self.rt, id):
            self.overtakers.append(id)
        is_taken, self.bits = self.bits & 1, self.bits >> 1
        return Reply(204 if is_taken else 500, 1, "", "" if is_taken else "refused")


def is_early(rt: Runtime, id: str) -> bool:
    """Whether an earlier message about the same thing still waits."""
    known = listed(rt)
    (this,) = (each for each in known if each.public_id == id)
    return any(each.subject == this.subject and each.state == "waiting" for each in known if t.pk(each) < t.pk(this))


@settings(max_examples=20)
@given(st.lists(st.one_of(EDIT, WORK, WAIT, RESEND), max_size=30))
def test_nothing_overtakes_and_nothing_is_lost(story: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = factories.Clock()
        rt = factories.make_runtime(Path(folder), clock)
        hook, _ = webhooks.create(rt, "https://crm.example.com/hooks", list(Happening), by=CLI)
        receiver = Capricious(rt)
        with mock.patch.object(webhook_delivery, "Courier", receiver):
            for what, number in story:
                step(rt, clock, hook, receiver, what, number)
            settle(rt, clock, receiver)
        known = listed(rt)
        assert {each.state for each in known} <= {"delivered"}
        assert {each.public_id for each in known} == set(receiver.sent)
        assert receiver.overtakers == []
        rt.db.close()


def step(rt: Runtime, clock: factories.Clock, hook: t.Webhook, receiver: Capricious, what: str, number: int) -> None:
    match what:
        case "edit":
            with rt.writing() as session:
                told = Message(Happening.ACTIVITY_UPDATED, f"activity:{number}", {"number": number})
                happenings.queue(session, [happenings.message_row(t.pk(hook), told, clock())])
        case "work":
            receiver.bits = number
            work(rt)
        case "wait":
            clock.advance(seconds=number)
        case "resend":
            webhooks.resend_failed(rt, t.pk(hook), factories.START, by=CLI)


def settle(rt: Runtime, clock: factories.Clock, receiver: Capricious) -> None:
    """The receiver is well again, and somebody sends again what was given up."""
    for _ in range(len(WAITS) + 2):
        receiver.bits = -1  # every bit is set
        for webhook in everyone(rt):
            webhooks.switch(rt, t.pk(webhook), on=True, by=CLI)
            webhooks.resend_failed(rt, t.pk(webhook), factories.START, by=CLI)
        clock.advance(hours=11)
        work(rt)


def work(rt: Runtime) -> None:
    for webhook_id in webhook_delivery.due(rt):
        webhook_delivery.deliver(rt, webhook_id)


def listed(rt: Runtime) -> list[t.Delivery]:
    with rt.reading() as session:
        return list(session.exec(select(t.Delivery).order_by(col(t.Delivery.id))))


def everyone(rt: Runtime) -> list[t.Webhook]:
    with rt.reading() as session:
        return rows.list_webhooks(session)
