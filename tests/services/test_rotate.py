"""The encryption key is replaced under way, and no secret ever stands in the clear."""

import contextlib
import errno
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from calsync import key_files, log
from calsync.errors import ConfigError, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import logins, people, rotate, second_factor, settings
from calsync.store import sealed
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import Secrets, WrongKey, from_settings, make_key
from tests.factories import KEY, PASSWORD, Clock, acting, make_account, make_cast, make_settings, make_user, prepare

pytestmark = pytest.mark.postgres
REMOTE = "remote-p4ssword"


@pytest.fixture
def rt(fresh_database: Callable[..., str], tmp_path: Path, clock: Clock) -> Runtime:
    """A runtime whose key stands in a file, as on a real installation."""
    path = tmp_path / "encryption.key"
    key_files.write(path, (KEY,))
    known = make_settings(tmp_path, fresh_database(prepare), encryption_source=str(path))
    return Runtime(known, Database(known.database_url), from_settings(known), {}, clock)


def fill(rt: Runtime) -> t.Account:
    """Put a secret of every kind into the database."""
    cast = make_cast(rt)
    second_factor.begin(rt, by=acting(cast.eli))
    server = settings.MailServer("mail.example.com", 587, "cal", "m4il-p4ssword", "cal@example.com")
    settings.save_mail_server(rt, server, 0, by=CLI)
    with rt.writing() as session:
        sealed.bind_key(session, rt.secrets)
        credential = t.ProviderCredential(
            provider="x", client_id="id", secret=rt.secrets.seal("cl1ent-secret"), created_at=rt.now()
        )
        session.add(credential)
    return make_account(rt, cast.eli, secret=rt.secrets.seal(REMOTE))


def account_secret(rt: Runtime, account: t.Account, box: Secrets) -> str:
    with rt.reading() as session:
        return box.unseal(session.get(t.Account, account.id).secret or b"")


def test_every_secret_is_sealed_with_the_new_key(rt: Runtime) -> None:
    account = fill(rt)
    done = rotate.rotate(rt, by=CLI)
    assert done == rotate.Rotated(secrets=4, made_key=True, older_keys=1)
    newest = Secrets(key_files.read(rt.settings.key_file or Path())[:1])
    assert account_secret(rt, account, newest) == REMOTE
    assert settings.mail_server(replace(rt, secrets=newest))[0].password == "m4il-p4ssword"
    with rt.reading() as session:
        assert sealed.key_fits(session, newest)
        assert not sealed.key_fits(session, Secrets([KEY]))
        for column in sealed.columns():
            for value in session.scalars(column.table.select().with_only_columns(column)):
                assert value is None or newest.unseal(value)


def test_a_process_with_the_old_key_goes_on_working(rt: Runtime) -> None:
    account = fill(rt)
    other = from_settings(rt.settings)
    rotate.rotate(rt, by=CLI)
    assert account_secret(rt, account, other) == REMOTE


def test_dropping_old_keys_leaves_one(rt: Runtime) -> None:
    account = fill(rt)
    rotate.rotate(rt, by=CLI)
    assert rotate.rotate(rt, drop_old=True, by=CLI).older_keys == 0
    assert len(key_files.read(rt.settings.key_file or Path())) == 1
    assert account_secret(rt, account, from_settings(rt.settings)) == REMOTE


def test_without_the_right_key_nothing_is_changed(rt: Runtime) -> None:
    account = fill(rt)
    wrong = make_key()
    key_files.write(rt.settings.key_file or Path(), (wrong,))
    with pytest.raises(WrongKey, match=r"encryption\.key does not fit"):
        rotate.rotate(replace(rt, secrets=Secrets([wrong], str(rt.settings.key_file))), by=CLI)
    assert key_files.read(rt.settings.key_file or Path()) == (wrong,)
    assert account_secret(rt, account, Secrets([KEY])) == REMOTE


def test_keys_in_the_environment_are_rotated_by_putting_one_in_front(rt: Runtime) -> None:
    account = fill(rt)
    new = make_key()
    known = make_settings(rt.settings.instance_dir, rt.settings.database_url, encryption_keys=(new, KEY))
    moved = replace(rt, settings=known, secrets=from_settings(known))
    assert rotate.rotate(moved, by=CLI).made_key is False
    assert account_secret(rt, account, Secrets([new])) == REMOTE
    with pytest.raises(ConfigError, match="removing them there"):
        rotate.rotate(moved, drop_old=True, by=CLI)


def test_more_rows_than_a_batch_are_all_sealed_anew(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "BATCH", 2)
    cast = make_cast(rt)
    accounts = [make_account(rt, cast.eli, subject=str(n), secret=rt.secrets.seal(f"s{n}")) for n in range(5)]
    rotate.rotate(rt, by=CLI)
    newest = Secrets(key_files.read(rt.settings.key_file or Path())[:1])
    assert [account_secret(rt, account, newest) for account in accounts] == [f"s{n}" for n in range(5)]


def test_one_unreadable_secret_stops_nothing_and_is_counted(rt: Runtime) -> None:
    account = fill(rt)
    foreign = Secrets([make_key()]).seal("lost")
    make_account(rt, make_user(rt, "Pat"), subject="lost", secret=foreign)
    done = rotate.rotate(rt, drop_old=True, by=CLI)
    assert (done.secrets, done.unreadable) == (4, 1)
    assert account_secret(rt, account, from_settings(rt.settings)) == REMOTE


def test_no_secret_stands_in_the_database_the_wal_or_the_log(rt: Runtime, clock: Clock) -> None:
    written = io.StringIO()
    log.set_up("debug", "json", written)
    account = fill(rt)
    invite = people.invite(rt, "new@example.com", "staff", by=CLI)
    found = logins.authenticate(rt, "ada@example.com", PASSWORD, address="192.0.2.1")
    key = logins.start_login(rt, found, address="192.0.2.1", agent="")
    structlog.get_logger().warning("trouble", error=f"password={REMOTE}", secret=account.secret)
    rotate.rotate(rt, by=CLI)
    everything = dump(rt) + written.getvalue().encode()
    secrets = (REMOTE, "m4il-p4ssword", "cl1ent-secret", PASSWORD, invite.key, key)
    keys = key_files.read(rt.settings.key_file or Path())
    assert [s for s in (*secrets, *keys) if s.encode() in everything] == []
    assert b"eli@example.com" in everything  # what is not secret can be found: the search works


def dump(rt: Runtime) -> bytes:
    """Return all the bytes that the database keeps: its files, or every row of every table."""
    if rt.db.is_sqlite:
        path = Path(rt.db.url.database or "")
        files = sorted(path.parent.glob(f"{path.name}*"))
        assert any(file.name.endswith("-wal") for file in files)
        return b"".join(file.read_bytes() for file in files)
    with rt.reading() as session:
        tables = t.metadata.sorted_tables
        rows = [
            bytes(v) if isinstance(v, bytes) else str(v).encode()
            for table in tables
            for row in session.execute(table.select())
            for v in row
        ]
    return b"\n".join(rows)


class Killed(BaseException):
    """The process ends here, as by SIGKILL: nothing of ours is run any more."""


def test_a_rotation_killed_in_the_middle_loses_nothing_and_can_be_repeated(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = fill(rt)
    count = len(sealed.columns()) + 2
    for stop in range(count):
        with monkeypatch.context() as patch:
            patch.setattr(sealed, "reseal", _killing(sealed.reseal, after=stop))
            patch.setattr(sealed, "reseal_settings", _killing(sealed.reseal_settings, after=stop % 2))
            with contextlib.suppress(Killed):
                rotate.rotate(rt, by=CLI)
        after = replace(rt, secrets=from_settings(rt.settings))
        assert account_secret(rt, account, after.secrets) == REMOTE
        assert settings.mail_server(after)[0].password == "m4il-p4ssword"
        with rt.reading() as session:
            assert sealed.key_fits(session, after.secrets)
    assert rotate.rotate(rt, drop_old=True, by=CLI).unreadable == 0
    assert account_secret(rt, account, from_settings(rt.settings)) == REMOTE


def _killing(work: Callable[..., Any], after: int) -> Callable[..., Any]:
    calls = itertools.count()

    def killed(*args: Any) -> Any:
        if next(calls) == after:
            raise Killed
        return work(*args)

    return killed


def test_two_rotations_at_once_cannot_lose_each_other_s_key(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    account = fill(rt)
    refused: list[str] = []

    def second(*args: Any) -> Any:
        with pytest.raises(Refused, match="right now") as caught:
            rotate.rotate(replace(rt, secrets=from_settings(rt.settings)), by=CLI)
        refused.append(caught.value.code)
        return work(*args)

    work = sealed.reseal_settings
    monkeypatch.setattr(sealed, "reseal_settings", second)
    assert rotate.rotate(rt, by=CLI).older_keys == 1
    assert refused == ["busy"]
    assert account_secret(rt, account, from_settings(rt.settings)) == REMOTE


def test_a_key_file_that_cannot_be_replaced_is_named_and_no_key_is_left_beside_it(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = fill(rt)

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)  # what a single file mounted into a container says
    with pytest.raises(ConfigError, match=r"encryption\.key cannot be replaced"):
        rotate.rotate(rt, by=CLI)
    assert not list(rt.settings.instance_dir.glob(".encryption*"))
    assert account_secret(rt, account, from_settings(rt.settings)) == REMOTE
