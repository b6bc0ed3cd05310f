"""From one way to both: what the preview showed goes through, what came on top is held."""

from pathlib import Path

import pytest

from calsync.errors import Refused
from calsync.services import queued, settings, two_way
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An account that only reads, with something in the CRM that therefore never went out."""
    made = open_office(tmp_path)
    made.change_account(overrides={"direction": "inbound"})
    made.write("Review")
    made.meeting("Theirs")
    made.sync()
    return made


def shown(office: Office) -> t.Run:
    run_id = two_way.preview(office.rt, office.account.id, by=factories.acting(office.cast.eli))
    queued.work(office.rt, run_id)
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def confirm(office: Office, run: t.Run, digest: str | None = None) -> None:
    with office.rt.reading() as session:
        seen = two_way.digest(session, run.id) if digest is None else digest
    two_way.confirm(office.rt, office.account.id, run.id, digest=seen, by=factories.acting(office.cast.eli))


def test_the_preview_shows_what_would_go_out_and_changes_nothing(office: Office) -> None:
    run = shown(office)
    assert (run.state, run.created) == ("preview", 1)
    assert office.titles_there() == ["Theirs"]
    with office.rt.reading() as session:
        account = session.get_one(t.Account, office.account.id)
        assert settings.rules_of(session, account).direction == "inbound"


def test_what_was_shown_goes_out_without_another_approval(office: Office) -> None:
    confirm(office, shown(office))
    assert office.sync().created == 1
    assert office.titles_there() == ["Review", "Theirs"]
    office.write("Later", hours=60)
    office.settle()
    assert "Later" in office.titles_there()


def test_what_came_on_top_is_held(office: Office) -> None:
    run = shown(office)
    office.write("On top", hours=50)
    confirm(office, run)
    done = office.sync()
    assert (done.created, done.held) == (1, 1)
    assert office.titles_there() == ["Review", "Theirs"]


def test_another_preview_than_the_one_shown_is_refused(office: Office) -> None:
    run = shown(office)
    with pytest.raises(Refused) as caught:
        confirm(office, run, digest="other")
    assert caught.value.code == "changed"
    assert office.sync().outbound == 0


def test_an_account_that_may_not_choose_is_refused(office: Office) -> None:
    office.rule(account_overrides=("frequency",))
    with pytest.raises(Refused) as caught:
        two_way.preview(office.rt, office.account.id, by=factories.acting(office.cast.eli))
    assert caught.value.code == "not_overridable"
