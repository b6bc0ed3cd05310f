"""What programs lean on, on both databases: tokens, requests that are sent twice, upserts by their own ids."""

import threading
from datetime import timedelta

import pytest

from calsync.errors import Refused
from calsync.runtime import SYSTEM, Runtime
from calsync.services import idempotency, tokens, upserts
from calsync.services.idempotency import Kept
from calsync.services.upserts import Record
from calsync.store import restored
from calsync.store import tables as t
from tests import factories
from tests.factories import Cast, Clock

pytestmark = pytest.mark.postgres


@pytest.fixture
def token_id(rt: Runtime) -> int:
    return t.pk(tokens.create(rt, "CRM", "write", is_service=True, by=SYSTEM).token)


def record(number: int, owner: t.User, **values: object) -> Record:
    start = factories.START + timedelta(days=1, hours=number)
    return Record(f"crm-{number}", {"title": f"No. {number}", "start": start, **values}, t.pk(owner))


def outcome(rt: Runtime, *records: Record) -> list[str]:
    results = upserts.upsert(rt, records, by=SYSTEM)
    return ["refused" if r.error else "new" if r.is_new else "changed" if r.is_changed else "same" for r in results]


def test_an_upsert_tells_what_became_of_each_record(rt: Runtime, cast: Cast) -> None:
    assert outcome(rt, record(1, cast.eli), record(2, cast.eli), record(3, cast.eli, title="")) == [
        "new",
        "new",
        "refused",
    ]
    assert outcome(rt, record(1, cast.eli), record(2, cast.eli, title="Other")) == ["same", "changed"]
    assert outcome(rt, record(1, cast.eli, status="cancelled"), record(1, cast.eli, status="cancelled")) == [
        "changed",
        "same",
    ]


def test_several_transactions_of_records_are_one_answer(rt: Runtime, cast: Cast) -> None:
    many = [record(n, cast.eli) for n in range(upserts.AT_ONCE + 5)]
    assert set(outcome(rt, *many)) == {"new"}
    assert set(outcome(rt, *many)) == {"same"}


def test_a_request_is_carried_out_by_one_of_those_that_send_it_at_once(rt: Runtime, token_id: int) -> None:
    found: list[str] = []
    gate = threading.Barrier(4)

    def send() -> None:
        gate.wait()
        try:
            found.append("mine" if isinstance(idempotency.begin(rt, token_id, "k", "d"), int) else "kept")
        except Refused as refused:
            found.append(refused.code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert sorted(found) == ["in_progress"] * 3 + ["mine"]


def test_an_answer_is_kept_for_a_day(rt: Runtime, token_id: int, clock: Clock) -> None:
    begun = idempotency.begin(rt, token_id, "k", "d")
    assert isinstance(begun, int)
    kept = Kept(201, {"ETag": '"x"'}, b"{}")
    idempotency.finish(rt, begun, kept)
    clock.advance(hours=23)
    assert idempotency.begin(rt, token_id, "k", "d") == kept
    with pytest.raises(Refused, match="Another request"):
        idempotency.begin(rt, token_id, "k", "another")
    clock.advance(hours=1)
    assert isinstance(idempotency.begin(rt, token_id, "k", "another"), int)


def test_a_token_is_found_by_its_secret_alone(rt: Runtime, cast: Cast) -> None:
    made = tokens.create(rt, "CRM", "write", by=factories.acting(cast.eli))
    found = tokens.find(rt, made.secret)
    assert found is not None
    assert found.user is not None
    assert found.user.email == cast.eli.email
    for wrong in ("", made.secret[:-1], made.secret.upper(), "\ud800"):
        assert tokens.find(rt, wrong) is None


def test_a_restored_backup_brings_no_revoked_token_back(rt: Runtime, cast: Cast) -> None:
    made = tokens.create(rt, "CRM", "write", by=factories.acting(cast.eli))
    with rt.db.engine.execution_options(calsync_writes=True).begin() as connection:
        restored.start_over(connection, 1, rt.now())
    assert tokens.find(rt, made.secret) is None
