"""A backup is consistent while everything goes on; a restore forgets what must not be acted on."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from pydantic import SecretStr
from sqlmodel import select

from calsync.config import Settings
from calsync.engine.vocabulary import OPEN_STEP_STATES, StepState
from calsync.errors import Refused
from calsync.runtime import CLI, Runtime
from calsync.services import backup, instance, logins
from calsync.store import audit, dump_postgres, dump_sqlite, restored, schema
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import make_key
from tests.factories import (
    KEY,
    PASSWORD,
    START,
    Clock,
    make_account,
    make_calendar,
    make_cast,
    make_runtime,
    make_settings,
)

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("postgres_programs")]


@pytest.fixture
def empty_place(fresh_database: Callable[..., str], tmp_path: Path) -> Settings:
    """A new machine with the right key and an empty database."""
    folder = tmp_path / "new-machine"
    folder.mkdir()
    return make_settings(folder, fresh_database())


def fill(rt: Runtime) -> t.Account:
    """Put one of everything into the database that a restore must treat specially."""
    cast = make_cast(rt)
    account = make_account(
        rt, cast.eli, lease_owner="x.1.2.3", lease_until=START + timedelta(hours=1), approved_digest="d"
    )
    calendar = make_calendar(rt, account, cursor="sync-token-7")
    run = {"account_id": account.id, "trigger": "manual", "started_at": START}
    facts = {"account_id": account.id, "action": "update", "direction": "outbound", "reason": "local_edited"}
    with rt.writing() as session:
        runs = [t.Run(**run, state=state) for state in ("held", "running", "succeeded")]
        session.add_all(runs)
        session.flush()
        for state in StepState:
            session.add(
                t.Step(
                    **facts,
                    run_id=runs[0].id,
                    calendar_id=calendar.id,
                    subject=f"link:{state}",
                    state=state,
                    created_at=START,
                )
            )
        for state in ("waiting", "sent"):
            session.add(t.Mail(to="eli@example.com", subject="s", text="t", state=state, created_at=START))
    return account


def rows(settings: Settings, *queries: Any) -> list[list[Any]]:
    db = Database(settings.database_url)
    with db.reading() as session:
        found = [list(session.exec(query).all()) for query in queries]
    db.close()
    return found


def test_a_backup_comes_back_on_a_new_machine(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    account = fill(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    assert made.size > 0
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    done = backup.restore(empty_place, made.path, by=CLI)
    assert done.epoch == 1
    assert done.forgotten == restored.Forgotten(accounts=1, calendars=1, steps=len(OPEN_STEP_STATES), mails=1)
    again = make_runtime(empty_place.database_url, settings=empty_place)
    with again.reading() as session:
        found = session.get(t.Account, account.id)
        assert again.secrets.unseal(found.secret or b"") == '{"password": "remote-secret"}'
        assert audit.verify(session) is None
        assert [e.action for e in audit.list_entries(session).rows] == ["database.restored"]
    assert schema.differences(again.db) == []
    again.db.close()


def test_a_restore_forgets_what_must_not_be_acted_on(
    rt: Runtime, empty_place: Settings, tmp_path: Path, clock: Clock
) -> None:
    account = fill(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    clock.advance(days=2)
    backup.restore(empty_place, made.path, by=CLI, now=clock)
    accounts, calendars, steps, mails, runs, instances = rows(
        empty_place, *(select(table) for table in (t.Account, t.Calendar, t.Step, t.Mail, t.Run, t.Instance))
    )
    assert [(a.hold_next_plan, a.approved_digest, a.lease_owner) for a in accounts] == [(True, "", None)]
    assert accounts[0].restore_epoch != instances[0].epoch  # until a run has compared everything
    assert accounts[0].state == account.state
    assert [c.cursor for c in calendars] == [None]
    for step in steps:
        was = StepState(step.subject.removeprefix("link:"))
        assert step.state == (StepState.SUPERSEDED if was in OPEN_STEP_STATES else was)
    assert sorted(m.state for m in mails) == ["sent", "withheld"]
    assert [r.state for r in sorted(runs, key=lambda run: run.id)] == ["cancelled", "cancelled", "succeeded"]


def test_who_was_signed_out_or_not_must_sign_in_again(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    cast = make_cast(rt)
    found = logins.authenticate(rt, cast.eli.email, PASSWORD, address="192.0.2.1")
    key = logins.start_login(rt, found, address="192.0.2.1", agent="")
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    backup.restore(empty_place, made.path, by=CLI)
    again = make_runtime(empty_place.database_url, rt.now, settings=empty_place)
    assert logins.find_login(again, key) is None
    again.db.close()


def test_channels_are_opened_anew(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    account = fill(rt)
    with rt.writing() as session:
        session.add(t.Channel(account_id=account.id, channel_id="one", state="open", created_at=rt.now()))
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    backup.restore(empty_place, made.path, by=CLI)
    assert rows(empty_place, select(t.Channel)) == [[]]


def test_restoring_over_a_database_raises_its_epoch_again(rt: Runtime, tmp_path: Path) -> None:
    fill(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    rt.db.close()
    assert [backup.restore(rt.settings, made.path, by=CLI).epoch for _ in range(3)] == [1, 2, 3]


def test_what_was_there_before_is_kept_on_sqlite(rt: Runtime, tmp_path: Path) -> None:
    make_cast(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    with rt.writing() as session:
        session.get(t.User, 1).name = "Changed later"
    rt.db.close()
    done = backup.restore(rt.settings, made.path, by=CLI)
    assert rows(rt.settings, select(t.User.name).where(t.User.id == 1)) == [["Ada"]]
    if done.kept is not None:
        old = make_settings(tmp_path, f"sqlite:///{done.kept}")
        assert rows(old, select(t.User.name).where(t.User.id == 1)) == [["Changed later"]]
    assert (done.kept is not None) == rt.db.is_sqlite


def test_a_backup_is_consistent_while_others_write(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    owner = make_cast(rt).eli
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with rt.writing() as session:  # always two at once
                for half in ("a", "b"):
                    session.add(
                        t.Account(user_id=owner.id, provider="caldav", subject=f"{number}{half}", created_at=START)
                    )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        files = [backup.backup(rt, tmp_path / f"backup{n}", by=CLI).path for n in range(3)]
    finally:
        stop.set()
        writer.join()
    counts = []
    for file in files:
        backup.restore(empty_place, file, by=CLI)
        counts.append(len(rows(empty_place, select(t.Account.id))[0]))
    assert all(count % 2 == 0 for count in counts)
    assert counts[-1] > 0


def test_without_the_key_nothing_is_restored_and_its_place_is_named(
    rt: Runtime, empty_place: Settings, tmp_path: Path
) -> None:
    fill(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    place = str(empty_place.instance_dir / "encryption.key")
    (empty_place.instance_dir / "encryption.key").write_text(make_key())
    other = empty_place.model_copy(update={"encryption_keys": (SecretStr(make_key()),), "encryption_source": place})
    with pytest.raises(Refused, match="encrypted with another key") as caught:
        backup.restore(other, made.path, by=CLI)
    assert place in caught.value.reason
    assert schema.revision(Database(empty_place.database_url)) is None
    assert KEY.encode() not in made.path.read_bytes()


def test_nothing_is_restored_under_a_running_server(rt: Runtime, tmp_path: Path) -> None:
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    clock = instance.ClockLock(rt)
    assert clock.take()
    with pytest.raises(Refused, match="Stop it"):
        backup.restore(rt.settings, made.path, by=CLI)
    clock.free()
    backup.restore(rt.settings, made.path, by=CLI)


def test_an_existing_file_is_not_overwritten(rt: Runtime, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(Refused, match="exists already"):
        backup.backup(rt, tmp_path / "precious", by=CLI)
    with pytest.raises(Refused, match="No such file"):
        backup.backup(rt, tmp_path / "no" / "folder", by=CLI)
    assert (tmp_path / "precious").read_text() == "x"


@pytest.mark.parametrize("content", [b"", b"hello, I am no backup", b"SQLite format 3\x00 but broken", b"PGDMP"])
def test_another_file_is_refused_and_nothing_changed(rt: Runtime, tmp_path: Path, content: bytes) -> None:
    make_cast(rt)
    (tmp_path / "file").write_bytes(content)
    rt.db.close()
    with pytest.raises(Refused):
        backup.restore(rt.settings, tmp_path / "file", by=CLI)
    with pytest.raises(Refused, match="No such file"):
        backup.restore(rt.settings, tmp_path / "missing", by=CLI)
    assert len(rows(rt.settings, select(t.User))[0]) == 4


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_backup_of_which_a_part_is_missing_is_refused_and_nothing_changed(
    rt: Runtime, tmp_path: Path, share: float
) -> None:
    fill(rt)
    with rt.writing() as session:
        session.add_all(
            t.Mail(to="eli@example.com", subject=f"s{n}", text="t" * 900, state="sent", created_at=START)
            for n in range(200)
        )
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    rt.db.close()
    with made.path.open("r+b") as file:
        file.truncate(int(made.size * share))
    with pytest.raises(Refused):
        backup.restore(rt.settings, made.path, by=CLI)
    assert len(rows(rt.settings, select(t.Mail))[0]) == 202


def test_a_backup_that_cannot_be_finished_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    rt = make_runtime(tmp_path / "instance")
    monkeypatch.setattr(dump_sqlite, "write", full)
    (tmp_path / "safe").mkdir()
    with pytest.raises(Refused, match="disk is full"):
        backup.backup(rt, tmp_path / "safe" / "backup", by=CLI)
    assert list((tmp_path / "safe").iterdir()) == []
    rt.db.close()


def test_a_backup_of_a_newer_program_is_refused(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    with rt.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    with pytest.raises(schema.UnknownSchema, match="newer version"):
        backup.restore(empty_place, made.path, by=CLI)


def test_an_interrupted_restore_leaves_nothing_that_starts(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cast(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    rt.db.close()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restored, "start_over", crash)
        with pytest.raises(KeyboardInterrupt):
            backup.restore(rt.settings, made.path, by=CLI)
    db = Database(rt.settings.database_url)
    if db.is_sqlite:
        schema.check(db)  # the old one is still there
    else:
        for refuses in (schema.check, schema.upgrade):
            with pytest.raises(schema.UnknownSchema, match=r"interrupted.*calsync db restore"):
                refuses(db)
    db.close()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    backup.restore(rt.settings, made.path, by=CLI)
    assert len(rows(rt.settings, select(t.User))[0]) == 4


def test_a_damaged_database_is_replaced_and_kept(tmp_path: Path) -> None:
    rt = make_runtime(tmp_path / "instance")
    make_cast(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    rt.db.close()
    path = Path(rt.db.url.database or "")
    path.write_bytes(b"\x00" * 5000)
    done = backup.restore(rt.settings, made.path, by=CLI)
    assert done.kept is not None
    assert done.kept.read_bytes() == b"\x00" * 5000
    assert len(rows(rt.settings, select(t.User))[0]) == 4


def test_a_missing_program_is_named(rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if rt.db.is_sqlite:
        assert backup.backup(rt, tmp_path / "backup", by=CLI).size > 0  # needs no program
        return
    with pytest.raises(Refused, match="pg_dump is not installed") as caught:
        backup.backup(rt, tmp_path / "backup", by=CLI)
    assert caught.value.code == "missing_program"
    assert not (tmp_path / "backup").exists()


def test_a_database_that_is_not_there_gives_the_program_s_words_without_the_password(
    rt: Runtime, tmp_path: Path
) -> None:
    if rt.db.is_sqlite:
        with pytest.raises(sqlite3.OperationalError):
            dump_sqlite.write(tmp_path / "no" / "database", tmp_path / "backup")
        return
    gone = rt.db.url.set(database="gone", password="hunter2")
    with pytest.raises(Refused, match="does not exist") as caught:
        dump_postgres.write(gone, tmp_path / "backup")
    assert "hunter2" not in caught.value.reason


def test_the_time_of_the_backup_is_noted(rt: Runtime, tmp_path: Path, clock: Clock) -> None:
    backup.backup(rt, tmp_path / "backup", by=CLI)
    with rt.reading() as session:
        assert session.get(t.Instance, 1).backed_up_at == clock()


def test_a_restored_database_belongs_to_whom_the_old_one_did(tmp_path: Path) -> None:
    rt = make_runtime(tmp_path / "instance")
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    rt.db.close()
    path = Path(rt.db.url.database or "")
    owner = (12345, 12345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())  # only root gives files away
    os.chown(path, *owner)
    backup.restore(rt.settings, made.path, by=CLI)
    assert (path.stat().st_uid, path.stat().st_gid) == owner


def test_nothing_is_restored_while_another_process_syncs(rt: Runtime, tmp_path: Path) -> None:
    account = fill(rt)
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    with subprocess.Popen([sys.executable, "-c", NAMES_ITSELF], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        with rt.writing() as session:
            session.get_one(t.Account, account.id).lease_owner = other.stdout.readline().decode().strip()
        with pytest.raises(Refused, match="Another process is syncing"):
            backup.restore(rt.settings, made.path, by=CLI)
    backup.restore(rt.settings, made.path, by=CLI)  # what a dead process left behind is in nobody's way


NAMES_ITSELF = (
    "import sys; from calsync.services import owners; print(owners.new_owner(), flush=True); sys.stdin.read()"
)


def test_tables_of_another_program_are_left_alone(rt: Runtime, empty_place: Settings, tmp_path: Path) -> None:
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    place = Database(empty_place.database_url)
    with place.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE account (theirs INTEGER)")
        connection.exec_driver_sql("INSERT INTO account VALUES (7)")
    with pytest.raises(Refused, match="another program: account"):
        schema.upgrade(place)
    if not place.is_sqlite:
        with pytest.raises(Refused, match="another program: account"):
            backup.restore(empty_place, made.path, by=CLI)
    with place.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT theirs FROM account").scalar() == 7
    place.close()


def test_a_database_that_cannot_be_reached_is_not_called_in_use(rt: Runtime, tmp_path: Path) -> None:
    made = backup.backup(rt, tmp_path / "backup", by=CLI)
    if rt.db.is_sqlite:
        return
    gone = rt.db.url.set(database="gone").render_as_string(hide_password=False)
    with pytest.raises(sqlalchemy.exc.OperationalError, match="does not exist"):
        backup.restore(make_settings(tmp_path, gone), made.path, by=CLI)
