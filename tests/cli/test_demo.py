"""The demo: after it has started there is something of everything to see."""

from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import select

import wsgi
from calsync.errors import Refused
from calsync.store import tables as t
from webapp.cli import demo
from webapp.cli.demo import server, story


def test_the_demo_shows_something_of_everything(tmp_path: Path) -> None:
    with server.running(tmp_path / "server") as calendars:
        rt = wsgi.build_runtime(wsgi.load_settings(demo._environment(tmp_path / "instance")))
        told = list(story.play(rt, calendars))
        assert len(told) == len(story.CHAPTERS)
        with rt.reading() as session:
            runs = Counter(run.state for run in session.exec(select(t.Run)))
            accounts = {a.label: a.grant_ok for a in session.exec(select(t.Account))}
            kinds = {c.kind for c in session.exec(select(t.Conflict).where(t.Conflict.state == "open"))}
            bookings = {b.guest_name: b.state for b in session.exec(select(t.Booking))}
            broken = list(session.exec(select(t.Step).where(t.Step.reason == "broken_event")))
            notices = {n.kind for n in session.exec(select(t.Notice).where(t.Notice.ended_at == None))}  # noqa: E711
        rt.db.close()
    assert accounts == {"ada": True, "ben": True, "chloe": True, "dana": False}
    assert list(bookings.values()) == ["booked"] * 3
    assert kinds == {"both_changed", "changed_deleted"}
    assert len(broken) == 1
    assert runs["succeeded"] >= 8
    assert runs["failed"] == 1
    assert {"reconnect", "held", "conflict"} <= notices


def test_the_demo_throws_away_only_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / demo.FOLDER).mkdir()
    (tmp_path / demo.FOLDER / "mine.txt").write_text("precious")
    with pytest.raises(Refused):
        demo._fresh_folder()
    (tmp_path / demo.FOLDER / demo.MARK).write_text("")
    assert list(demo._fresh_folder().iterdir()) == [tmp_path / demo.FOLDER / demo.MARK]
