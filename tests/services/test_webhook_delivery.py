"""Delivering: signed, in order, tried again by the schedule, never by two at once, and given up in the end."""

import itertools
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from standardwebhooks.webhooks import WebhookVerificationError

from calsync.engine import event as events
from calsync.engine import webhooks as schedule
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind
from calsync.runtime import CLI, Runtime
from calsync.services import activities, notices, owners, prune, webhook_delivery, webhooks
from calsync.store import activities as activity_rows
from calsync.store import restored
from calsync.store import tables as t
from calsync.store import webhooks as rows
from jobs import bodies
from tests import factories
from tests.factories import Cast, Clock
from tests.parts.receiver import Answer, Got, Receiver
from tests.web.queries import count_queries

ALL = [str(each) for each in schedule.Happening]
BAD = Answer(500, body=b"no luck")


@pytest.fixture
def rt(rt: Runtime) -> Runtime:
    """A runtime that may send to this machine, and that remembers its hints."""
    settings = rt.settings.model_copy(update={"allow_private_networks": True})
    return replace(rt, settings=settings, enqueue=factories.Hints())


@pytest.fixture
def hook(rt: Runtime, receiver: Receiver) -> t.Webhook:
    return webhooks.create(rt, receiver.url, ALL, by=CLI)[0]


def plan(rt: Runtime, cast: Cast, title: str = "Review") -> t.Activity:
    values = {"title": title, "start": factories.START}
    return activities.create(rt, t.pk(cast.eli), values, by=factories.acting(cast.eli))


def edit(rt: Runtime, activity: t.Activity, **changes: Any) -> None:
    activities.edit(rt, t.pk(activity), changes, by=CLI)


def work(rt: Runtime) -> int:
    """Do what the clock does every few seconds."""
    return sum(webhook_delivery.deliver(rt, webhook_id) for webhook_id in webhook_delivery.due(rt))


def deliveries(rt: Runtime) -> list[t.Delivery]:
    with rt.reading() as session:
        return list(session.exec(select(t.Delivery).order_by(col(t.Delivery.id))))


def seen(rt: Runtime, hook: t.Webhook) -> t.Webhook:
    with rt.reading() as session:
        return rows.get(session, t.pk(hook))


def secret(rt: Runtime, hook: t.Webhook) -> str:
    return webhooks.secret(rt, t.pk(hook), by=CLI)


# --- what arrives


def test_a_message_is_signed_and_names_what_happened(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    activity = plan(rt, cast)
    assert work(rt) == 1
    (got,) = receiver.got
    assert got.verified(secret(rt, hook), clock()) == {
        "type": "activity.created",
        "timestamp": "2030-01-07T09:00:00Z",
        "data": {
            "activity_id": activity.public_id,
            "external_id": None,
            "integration_id": None,
            "user_id": cast.eli.public_id,
            "change": "created",
            "fields": [],
            "by": {"kind": "user", "name": "eli@example.com"},
        },
    }
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        got.verified("whsec_" + "A" * 43 + "=", clock())
    with pytest.raises(WebhookVerificationError):
        got.verified(secret(rt, hook), clock() + timedelta(minutes=6))


def test_titles_do_not_travel(rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver) -> None:
    edit(rt, plan(rt, cast, "Talk about the merger"), description="Confidential")
    work(rt), work(rt)
    assert len(receiver.got) == 2
    assert not any(word in got.body for got in receiver.got for word in (b"merger", b"Confidential"))


def test_only_who_listens_is_told(rt: Runtime, cast: Cast, receiver: Receiver) -> None:
    webhooks.create(rt, f"{receiver.url}/a", ["activity.created"], by=CLI)
    webhooks.create(rt, f"{receiver.url}/b", ["activity.updated"], by=CLI)
    edit(rt, plan(rt, cast), title="Other")
    work(rt)
    assert sorted((got.path, got.type) for got in receiver.got) == [
        ("/hooks/a", "activity.created"),
        ("/hooks/b", "activity.updated"),
    ]


def test_the_queue_hears_of_it_after_the_commit(rt: Runtime, cast: Cast, hook: t.Webhook) -> None:
    plan(rt, cast)
    assert ("deliver_webhooks", {}) in rt.enqueue.asked  # type: ignore[attr-defined]


@pytest.mark.postgres
def test_what_was_rolled_back_is_not_told(rt: Runtime, cast: Cast, hook: t.Webhook) -> None:
    activity = plan(rt, cast)

    def fail() -> None:
        with rt.writing() as session:
            session.get_one(t.Activity, activity.id).is_done = True
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [each.type for each in deliveries(rt)] == ["activity.created"]


def test_the_jobs_of_the_clock_deliver(rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver) -> None:
    plan(rt, cast)
    work_of = bodies.Work(rt)
    work_of.run("deliver_webhooks", {}, "this process")
    job, ids = rt.enqueue.asked[-1]  # type: ignore[attr-defined]
    work_of.run(job, ids, "this process")
    assert receiver.types == ["activity.created"]


# --- when it does not arrive


def test_the_schedule_is_kept_and_the_id_stays(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD
    plan(rt, cast)
    times: list[datetime] = []
    while (delivery := deliveries(rt)[0]).state == "waiting":
        assert delivery.next_try_at is not None
        clock.at = delivery.next_try_at - timedelta(seconds=1)
        assert times == [] or work(rt) == 0
        clock.at = delivery.next_try_at
        times.append(clock())
        assert work(rt) == 1
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=10),
    ]
    assert (delivery.state, delivery.status, delivery.error) == ("failed", 500, "refused")
    assert {got.id for got in receiver.got} == {delivery.public_id}
    assert {got.body for got in receiver.got} == {receiver.got[0].body}
    with rt.reading() as session:
        tries = rows.list_tries(session, t.pk(delivery))
    assert [each.answer for each in tries] == ["no luck"] * 8


def test_a_receiver_that_comes_back_gets_what_waited(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD
    plan(rt, cast)
    work(rt)
    assert seen(rt, hook).failing_since == clock()
    receiver.answer = lambda got: Answer()
    clock.advance(seconds=5)
    work(rt)
    assert [each.state for each in deliveries(rt)] == ["delivered"]
    assert seen(rt, hook).failing_since is None


@pytest.mark.postgres
def test_of_one_thing_messages_arrive_in_order(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    """A later message waits for the earlier one to arrive; those about other things do not."""
    receiver.answer = lambda got: BAD if got.type == "activity.created" else Answer()
    first, second = plan(rt, cast, "First"), plan(rt, cast, "Second")
    edit(rt, first, title="First, changed")
    work(rt)
    assert receiver.types == ["activity.created"] * 2
    edit(rt, second, title="Second, changed")
    receiver.answer = lambda got: Answer()
    clock.advance(seconds=5)
    work(rt)
    told: dict[str, list[str]] = {}
    for got in receiver.got[2:]:
        told.setdefault(got.message["data"]["activity_id"], []).append(got.type)
    assert told == {each.public_id: ["activity.created", "activity.updated"] for each in (first, second)}


def test_a_message_that_is_given_up_holds_nothing_up(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD if got.type == "activity.created" else Answer()
    edit(rt, plan(rt, cast), title="Changed")
    while deliveries(rt)[0].state == "waiting":
        clock.advance(hours=10)
        work(rt)
    work(rt)
    assert [each.state for each in deliveries(rt)] == ["failed", "delivered"]


def test_a_test_waits_for_nothing(rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver) -> None:
    receiver.answer = lambda got: BAD if got.type == "activity.created" else Answer()
    plan(rt, cast)
    webhooks.send_test(rt, t.pk(hook), "booking.created", by=CLI)
    work(rt)
    assert [each.state for each in deliveries(rt)] == ["waiting", "delivered"]


# --- giving up on an address


def test_after_five_days_it_is_switched_off_and_admins_hear_of_it(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD
    for _ in range(10):
        plan(rt, cast)
        work(rt)
        assert seen(rt, hook).state == "on"
        clock.advance(hours=12)
    work(rt)
    assert seen(rt, hook).state == "failed"
    notices.watch(rt)
    notices.watch(rt)
    with rt.reading() as session:
        (notice,) = session.exec(select(t.Notice))
    assert (notice.user_id, notice.kind, notice.facts["webhook"]) == (cast.ada.id, "webhook", hook.id)
    assert work(rt) == 0

    plan(rt, cast)  # what happens meanwhile is kept
    receiver.got.clear()
    receiver.answer = lambda got: Answer()
    webhooks.switch(rt, t.pk(hook), on=True, by=CLI)
    notices.watch(rt)
    while work(rt):
        pass
    assert deliveries(rt)[-1].state == "delivered"
    with rt.reading() as session:
        assert session.exec(select(t.Notice)).one().ended_at is not None


def test_one_success_is_enough_to_stay_on(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD if got.type != "run.held" else Answer()
    for hours in range(0, 200, 20):
        plan(rt, cast)
        if hours == 80:
            webhooks.send_test(rt, t.pk(hook), "run.held", by=CLI)
        work(rt)
        clock.advance(hours=20)
    assert seen(rt, hook).state == "on"
    assert clock() - factories.START > schedule.GIVEN_UP_AFTER


def test_for_what_a_person_switched_off_nothing_is_kept(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver
) -> None:
    plan(rt, cast)
    webhooks.switch(rt, t.pk(hook), on=False, by=CLI)
    plan(rt, cast)
    assert work(rt) == 0
    assert len(deliveries(rt)) == 1
    webhooks.switch(rt, t.pk(hook), on=True, by=CLI)
    assert work(rt) == 1


# --- sending again


def test_resending_keeps_the_id(rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver) -> None:
    plan(rt, cast)
    work(rt)
    (delivery,) = deliveries(rt)
    assert webhooks.resend(rt, t.pk(delivery), by=CLI).state == "waiting"
    work(rt)
    assert [got.id for got in receiver.got] == [delivery.public_id] * 2
    assert deliveries(rt)[0].state == "delivered"


@pytest.mark.postgres
def test_all_that_failed_since_then_is_sent_again_in_order(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = lambda got: BAD
    activity = plan(rt, cast)
    give_up(rt, clock)
    since = clock()
    for number in range(3):
        edit(rt, activity, title=f"Title {number}")
    give_up(rt, clock)
    assert {each.state for each in deliveries(rt)} == {"failed"}
    receiver.answer = lambda got: Answer()
    receiver.got.clear()
    assert webhooks.resend_failed(rt, t.pk(hook), since, by=CLI) == 3
    while work(rt):
        pass
    assert [got.id for got in receiver.got] == [each.public_id for each in deliveries(rt)[1:]]
    assert webhooks.resend_failed(rt, t.pk(hook), since, by=CLI) == 0


def give_up(rt: Runtime, clock: Clock) -> None:
    """Let time pass until nothing waits any more, with the address kept on."""
    while any(each.state == "waiting" for each in deliveries(rt)):
        with rt.writing() as session:
            for webhook in rows.list_webhooks(session):
                webhook.failing_since = None
        clock.advance(hours=10)
        work(rt)


# --- rotating


def test_old_and_new_secret_sign_for_a_day(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    old = secret(rt, hook)
    new = webhooks.rotate(rt, t.pk(hook), by=CLI)
    plan(rt, cast)
    work(rt)
    for each in (old, new):
        assert receiver.got[-1].verified(each, clock())["type"] == "activity.created"
    clock.advance(hours=24)
    plan(rt, cast)
    work(rt)
    assert receiver.got[-1].verified(new, clock())["type"] == "activity.created"
    with pytest.raises(WebhookVerificationError):
        receiver.got[-1].verified(old, clock())


# --- two processes, crashes, retention


@pytest.mark.postgres
def test_while_one_process_delivers_another_does_nothing(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver
) -> None:
    plan(rt, cast)
    is_asked, may_answer, others = threading.Event(), threading.Event(), []

    def answer(got: Got) -> Answer:
        is_asked.set()
        may_answer.wait(10)
        return Answer()

    receiver.answer = answer
    first = threading.Thread(target=work, args=(rt,))
    first.start()
    assert is_asked.wait(10)
    others += [work(rt), webhook_delivery.deliver(rt, t.pk(hook))]
    may_answer.set()
    first.join()
    assert others == [0, 0]
    assert len(receiver.got) == 1


def test_after_a_crash_it_is_sent_again_under_its_id(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    """The receiver has it, and we died before we could write that down."""
    plan(rt, cast)

    class PowerCut(BaseException):
        pass

    def cut(name: str) -> None:
        if name == "webhooks.sent":
            raise PowerCut

    with pytest.raises(PowerCut):
        work(replace(rt, checkpoint=cut))
    assert work(rt) == 1
    assert len({got.id for got in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_the_claim_of_a_dead_process_holds_nobody_up(rt: Runtime, cast: Cast, hook: t.Webhook) -> None:
    machine, _, started, random = owners.new_owner().split(".")
    dead = f"{machine}.{2**22 + 1}.{started}.{random}"
    with rt.writing() as session:
        assert rows.take(session, t.pk(hook), dead, rt.now(), rt.now() + webhook_delivery.LEASE)
    plan(rt, cast)
    assert work(rt) == 1


@pytest.mark.postgres
def test_the_claim_of_a_process_elsewhere_ends_with_its_lease(
    rt: Runtime, cast: Cast, hook: t.Webhook, clock: Clock
) -> None:
    with rt.writing() as session:
        assert rows.take(session, t.pk(hook), "elsewhere.1.2.3", rt.now(), rt.now() + webhook_delivery.LEASE)
    plan(rt, cast)
    assert work(rt) == 0
    clock.advance(seconds=61)
    assert work(rt) == 1


@pytest.mark.postgres
def test_old_messages_go_with_their_tries(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver, clock: Clock
) -> None:
    plan(rt, cast)
    work(rt)
    clock.advance(days=29)
    plan(rt, cast)
    work(rt)
    clock.advance(days=2)
    prune.prune(rt)
    with rt.reading() as session:
        kept = list(session.exec(select(t.Delivery)))
        assert len(list(session.exec(select(t.DeliveryTry)))) == len(kept) == 1


def test_after_restoring_a_backup_nothing_of_the_past_leaves(
    rt: Runtime, cast: Cast, hook: t.Webhook, receiver: Receiver
) -> None:
    plan(rt, cast)
    with rt.writing() as session:
        restored.start_over(session.connection(), 7, rt.now())
    assert work(rt) == 0
    assert [each.state for each in deliveries(rt)] == ["failed"]


# --- what it costs


def test_where_nobody_listens_nothing_is_kept(rt: Runtime, cast: Cast) -> None:
    plan(rt, cast)
    assert deliveries(rt) == []


def test_one_question_per_transaction_however_many_records(rt: Runtime, cast: Cast) -> None:
    def asked(count: int) -> int:
        with count_queries(rt) as queries, rt.writing() as session:
            for number in range(count):
                session.add(new_activity(rt, cast, f"{number} of {count}"))
        return sum("webhook" in query for query in queries)

    assert [asked(1), asked(50)] == [1, 1]


def new_activity(rt: Runtime, cast: Cast, uid: str) -> t.Activity:
    start = factories.START
    content = events.content(Event(uid, start, start + timedelta(hours=1), "UTC", summary="Many"))
    made = ActivityValues(Kind.MEETING, uid, "", None, content)
    return activity_rows.new(made, owner_id=t.pk(cast.eli), now=rt.now())
