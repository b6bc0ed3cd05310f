"""Moving our events to another calendar: in one piece or as a copy, and never a duplicate or a lost activity."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from calsync.errors import Refused
from calsync.providers.memory import Quirks
from calsync.services import approvals, move_events, queued, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office

HOME = "home"


@dataclass
class Removal:
    """An office with two calendars: events of ours stand in `work`, new ones go to `home`."""

    office: Office
    home: t.Calendar

    def preview(self) -> t.Run:
        by = factories.acting(self.office.cast.eli)
        run_id = move_events.preview(self.office.rt, self.office.calendar.id, self.home.id, by=by)
        queued.work(self.office.rt, run_id)
        return self.run(run_id)

    def move(self, shown: t.Run) -> t.Run:
        rt, by = self.office.rt, factories.acting(self.office.cast.eli)
        with rt.reading() as session:
            digest = approvals.digest(session, shown.id)
        run_id = move_events.ask(rt, shown.id, digest=digest, by=by)
        queued.work(rt, run_id)
        return self.run(run_id)

    def run(self, run_id: int) -> t.Run:
        with self.office.rt.reading() as session:
            return session.get_one(t.Run, run_id)

    def titles(self, calendar: str) -> list[str]:
        return sorted(e.summary for _, e in self.office.server.all_events(calendar) if not e.is_cancelled)


def removal(folder: Path, *, can_move: bool, elsewhere: bool = False) -> Removal:
    office = open_office(folder, Quirks(can_move=can_move))
    office.write("Review")
    office.write("Demo", hours=40)
    office.meeting("Theirs")
    office.settle()
    office.server.add_calendar(HOME)
    account = office.account
    if elsewhere:
        account = factories.make_account(office.rt, office.cast.eli, provider="memory", subject="another login")
    home = factories.make_calendar(office.rt, account, HOME, remote_id=HOME)
    office.change_calendar(is_write_target=False)
    office.settle()
    return Removal(office, home)


WAYS = [
    pytest.param({"can_move": True}, id="in one piece"),
    pytest.param({"can_move": False}, id="as a copy"),
    pytest.param({"can_move": True, "elsewhere": True}, id="to another account"),
]


@pytest.mark.parametrize("way", WAYS)
def test_our_events_move_and_theirs_stay(tmp_path: Path, way: dict[str, bool]) -> None:
    moving = removal(tmp_path, **way)
    shown = moving.preview()
    assert (shown.state, shown.updated) == ("preview", 2)
    assert moving.titles(HOME) == []
    done = moving.move(shown)
    assert (done.state, done.failed) == ("succeeded", 0)
    assert moving.titles(HOME) == ["Demo", "Review"]
    assert moving.titles("work") == ["Theirs"]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_cancelled_or_doubled_by_the_runs_that_follow(tmp_path: Path, way: dict[str, bool]) -> None:
    moving = removal(tmp_path, **way)
    moving.move(moving.preview())
    moving.office.settle()
    sync.run(moving.office.rt, moving.home.account_id)
    assert moving.office.titles_here() == ["Demo", "Review", "Theirs"]
    assert moving.titles(HOME) == ["Demo", "Review"]
    assert moving.titles("work") == ["Theirs"]


@pytest.mark.parametrize("way", WAYS)
def test_a_moved_event_goes_on_syncing_both_ways(tmp_path: Path, way: dict[str, bool]) -> None:
    moving = removal(tmp_path, **way)
    moving.move(moving.preview())
    moving.office.edit("Review", summary="Review with Acme")
    moving.office.settle()
    sync.run(moving.office.rt, moving.home.account_id)
    assert "Review with Acme" in moving.titles(HOME)


@pytest.mark.parametrize("can_move", [True, False])
def test_moving_again_finds_nothing(tmp_path: Path, can_move: bool) -> None:
    moving = removal(tmp_path, can_move=can_move)
    moving.move(moving.preview())
    assert moving.preview().updated == 0


class Killed(BaseException):
    """What ends a process in the middle."""


KILLS = [
    pytest.param(True, "move.written", id="moved, not noted"),
    pytest.param(False, "apply.written", id="copied, not noted"),
    pytest.param(False, "move.unlinked", id="before the deletion"),
    pytest.param(False, "move.written", id="deleted, not noted"),
]


@pytest.mark.parametrize(("can_move", "point"), KILLS)
def test_a_move_that_is_killed_heals_by_itself(tmp_path: Path, can_move: bool, point: str) -> None:
    moving = removal(tmp_path, can_move=can_move)
    shown = moving.preview()

    def kill(name: str) -> None:
        if name == point:
            raise Killed

    alive = moving.office.rt
    moving.office.rt = replace(alive, checkpoint=kill)
    with pytest.raises(Killed):
        moving.move(shown)
    moving.office.rt = alive
    moving.office.settle()
    if moving.preview().updated:
        moving.move(moving.preview())
    moving.office.settle()
    assert moving.office.titles_here() == ["Demo", "Review", "Theirs"]
    assert sorted(moving.titles(HOME) + moving.titles("work")) == ["Demo", "Review", "Theirs"]


def test_a_calendar_of_another_person_is_refused(tmp_path: Path) -> None:
    moving = removal(tmp_path, can_move=True)
    account = factories.make_account(moving.office.rt, moving.office.cast.sam, provider="memory")
    theirs = factories.make_calendar(moving.office.rt, account, "sams")
    by = factories.acting(moving.office.cast.ada)
    with pytest.raises(Refused) as caught:
        move_events.preview(moving.office.rt, moving.office.calendar.id, theirs.id, by=by)
    assert caught.value.code == "strangers"
