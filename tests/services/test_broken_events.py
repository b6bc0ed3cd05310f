"""An event that cannot be read stays one failed step until it can be, whatever else is synced and retried."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.services import doctor_accounts, retry
from calsync.services.findings import Level
from calsync.store import mirror_columns
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office, open_office

TEXT = "not an event"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def failed(office: Office) -> list[t.Step]:
    with office.rt.reading() as session:
        return list(session.exec(select(t.Step).where(t.Step.state == "failed")))


def retry_all(office: Office, run: t.Run) -> t.Run:
    child = retry.retry(office.rt, t.pk(run), by=factories.acting(office.cast.ada))
    with office.rt.reading() as session:
        return session.get_one(t.Run, child)


def test_it_stays_failed_while_others_are_synced(office: Office) -> None:
    office.server.put_raw(WORK, TEXT, handle="broken")
    office.sync()
    for number in range(3):
        office.meeting(f"Meeting {number}", hours=24 + number)
        office.sync()
    [step] = failed(office)
    assert step.title == "broken"


def in_sync_since(office: Office) -> datetime | None:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id).in_sync_since


def test_as_long_as_it_fails_the_account_is_not_in_sync(office: Office) -> None:
    office.sync()
    assert in_sync_since(office) is not None
    handle = office.server.put_raw(WORK, TEXT, handle="broken")
    assert [office.sync().state for _ in range(3)] == ["partial", "no_changes", "no_changes"]
    assert in_sync_since(office) is None
    office.meeting("Kick-off")
    office.sync()
    assert in_sync_since(office) is None
    with office.rt.reading() as session:
        account = session.get_one(t.Account, office.account.id)
        [finding] = [f for f in doctor_accounts.examine(session, office.rt) if f.check == "in_sync"]
    assert account.last_success_at == office.clock()
    assert (finding.level, "1 record fails" in finding.what) == (Level.WARNING, True)
    office.server.delete(WORK, handle)
    office.sync()
    assert in_sync_since(office) == office.clock()


def test_a_retry_that_cannot_read_it_fails_again(office: Office) -> None:
    office.server.put_raw(WORK, TEXT, handle="broken")
    first = office.sync()
    again = retry_all(office, first)
    assert (again.state, again.failed) == ("partial", 1)
    [step] = failed(office)
    assert step.run_id == again.id


def test_a_retry_reads_it_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.meeting("Odd")

    def refuse(event: object, *_: object) -> None:
        raise ValueError("an hour that this version cannot compute with")

    with monkeypatch.context() as older:
        older.setattr(mirror_columns, "_columns", refuse)
        first = office.sync()
    assert (first.failed, office.titles_here()) == (1, [])
    assert office.sync().state == "no_changes"  # the server has nothing new to say
    again = retry_all(office, first)
    assert (again.state, again.failed, failed(office)) == ("succeeded", 0, [])
    assert office.sync().created + again.created == 1
    assert office.titles_here() == ["Odd"]
