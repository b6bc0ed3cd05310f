"""The doctor finds what is wrong and says what to do, and finds nothing wrong on a sound installation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync import config
from calsync.runtime import CLI, Runtime
from calsync.services import backup, doctor, instance, settings, webhooks
from calsync.services.findings import Finding, Level, worst
from calsync.store import audit, credentials, sealed
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import Secrets, make_key
from tests.factories import START, Clock, make_account, make_cast, make_user

pytestmark = pytest.mark.postgres


@pytest.fixture
def sound(rt: Runtime, tmp_path: Path, postgres_programs: None) -> Runtime:
    """An installation in which everything is as it should be."""
    tmp_path.chmod(0o700)
    known = config.load(
        {
            "CALSYNC_INSTANCE_DIR": str(tmp_path),
            "DATABASE_URL": rt.settings.database_url,
            "CALSYNC_PUBLIC_URL": "https://calendar.example.com",
        },
        env_file=None,
    )
    whole = replace(rt, settings=known, secrets=Secrets(known.key_texts, known.encryption_source))
    server = settings.MailServer("mail.example.com", 587, "cal", "pw", "cal@example.com")
    settings.save_mail_server(whole, server, 0, by=CLI)
    backup.backup(whole, tmp_path / "backup", by=CLI)
    instance.note_tick(whole)
    return whole


def look(rt: Runtime, **environ: str) -> list[Finding]:
    return doctor.examine(rt, environ)


def trouble(rt: Runtime, **environ: str) -> list[tuple[str, Level]]:
    found = [each for each in look(rt, **environ) if each.level is not Level.OK]
    assert all(each.why and each.todo for each in found), found
    return [(each.check, each.level) for each in found]


def change(rt: Runtime, row: Any, **values: Any) -> None:
    with rt.writing() as session:
        found = session.get(type(row), row.id)
        for name, value in values.items():
            setattr(found, name, value)


def synced_account(rt: Runtime, **values: Any) -> t.Account:
    facts = {"last_success_at": rt.now(), "in_sync_since": rt.now(), "last_answer_at": rt.now(), "last_answer_ms": 80}
    return make_account(rt, make_user(rt, "Eli"), **{**facts, **values})


def test_a_sound_installation_has_nothing_to_do(sound: Runtime) -> None:
    synced_account(sound)
    now = replace(sound, now=lambda: START + timedelta(seconds=5))
    assert trouble(now) == []
    checks = {each.check for each in look(now)}
    assert checks == {
        "keys", "database", "clock", "scheduler", "public_url", "mail", "backup", "audit",
        "authorised", "reachable", "in_sync",
    }  # fmt: skip
    assert worst(look(now)) is Level.OK


def test_keys_that_others_may_read_are_named_with_the_command(sound: Runtime, tmp_path: Path) -> None:
    (tmp_path / "encryption.key").chmod(0o644)
    tmp_path.chmod(0o755)
    found = [each for each in look(sound) if each.check == "keys"]
    assert {each.todo for each in found} == {f"chmod 700 {tmp_path}", f"chmod 600 {tmp_path}/encryption.key"}


def test_a_missing_key_file_is_an_error(sound: Runtime, tmp_path: Path) -> None:
    (tmp_path / "encryption.key").unlink()
    assert ("keys", Level.ERROR) in trouble(sound)


def test_a_key_that_does_not_fit_is_an_error(sound: Runtime) -> None:
    assert trouble(replace(sound, secrets=Secrets([make_key()]))) == [("keys", Level.ERROR)]


def test_a_database_without_tables_names_the_command(sound: Runtime, fresh_database: Callable[..., str]) -> None:
    empty = replace(sound, db=Database(fresh_database()))
    (found,) = [each for each in look(empty) if each.level is Level.ERROR]
    assert (found.check, found.todo) == ("schema", "Run: calsync db upgrade")


def test_a_database_that_does_not_answer_is_found_and_its_password_is_not_shown(sound: Runtime) -> None:
    gone = replace(sound, db=Database("postgresql+psycopg://ada:hunter2@127.0.0.1:1/calsync"))
    (found,) = [each for each in look(gone) if each.level is Level.ERROR]
    assert found.check == "database"
    assert "127.0.0.1" in found.what
    assert "hunter2" not in str(look(gone))


def test_a_misspelt_setting_is_named_with_the_right_one(sound: Runtime) -> None:
    (found,) = [e for e in look(sound, CALSYNC_PUBLIC_ADRESS="x", HOME="/") if e.check == "settings"]
    assert "CALSYNC_PUBLIC_ADRESS" in found.what
    (found,) = [e for e in look(sound, CALSYNC_TREADS="8") if e.check == "settings"]
    assert "CALSYNC_THREADS" in found.todo
    assert trouble(sound, CALSYNC_PORT="8000", CALSYNC_SECRET_KEY_FILE="/x", CALSYNC_TEST_X="1") == []


def test_a_scheduler_that_stands_still_is_found(sound: Runtime, clock: Clock) -> None:
    clock.advance(minutes=2)
    assert trouble(sound) == []
    clock.advance(seconds=1)
    assert trouble(sound) == [("scheduler", Level.WARNING)]
    change(sound, t.Instance(id=1), scheduler_tick_at=None)
    assert trouble(sound) == [("scheduler", Level.WARNING)]


@pytest.mark.parametrize(
    ("url", "level"),
    [("", Level.WARNING), ("http://calendar.example.com", Level.WARNING), ("http://localhost:8000", Level.NOTE)],
)
def test_a_public_url_that_others_cannot_use_is_found(sound: Runtime, url: str, level: Level) -> None:
    known = sound.settings.model_copy(update={"public_url": url})
    assert trouble(replace(sound, settings=known)) == [("public_url", level)]


def test_no_mail_server_and_no_backup_are_notes(rt: Runtime, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    instance.note_tick(rt)
    assert trouble(rt) == [("mail", Level.NOTE), ("backup", Level.NOTE)]


def test_an_old_backup_is_a_note(sound: Runtime, clock: Clock) -> None:
    clock.advance(days=8)
    instance.note_tick(sound)
    assert trouble(sound) == [("backup", Level.NOTE)]


def test_a_clock_that_the_providers_contradict_is_found(sound: Runtime) -> None:
    synced_account(sound, clock_offset_s=-300.0)
    assert trouble(sound) == []  # one provider alone may be wrong itself
    make_account(sound, make_user(sound, "Sam"), last_success_at=START, last_answer_at=START, clock_offset_s=-310.0)
    assert trouble(sound) == [("clock", Level.WARNING)]


def test_a_clock_that_was_turned_back_is_found(sound: Runtime, clock: Clock) -> None:
    clock.advance(hours=-1)
    assert ("clock", Level.WARNING) in trouble(sound)


def test_a_changed_audit_log_is_an_error(sound: Runtime) -> None:
    with sound.writing() as session:
        session.connection().exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE id = 1")
    assert trouble(sound) == [("audit", Level.ERROR)]


def test_each_fact_of_an_account_is_looked_at_by_itself(sound: Runtime, clock: Clock) -> None:
    account = synced_account(sound)
    change(sound, account, grant_ok=False, grant_error="wrong_password", grant_lost_at=START)
    assert trouble(sound) == [("authorised", Level.ERROR)]
    change(sound, account, grant_ok=True, failed_runs=3, last_error_class="network", last_error="no route")
    assert trouble(sound) == [("reachable", Level.ERROR)]
    change(sound, account, last_error_class="provider", last_error="500")
    assert trouble(sound) == [("in_sync", Level.ERROR)]
    change(sound, account, failed_runs=0, rate_limited_until=START + timedelta(minutes=1))
    assert trouble(sound) == [("reachable", Level.NOTE)]
    change(sound, account, rate_limited_until=None)
    clock.advance(minutes=33)  # it syncs every 15
    instance.note_tick(sound)
    assert trouble(sound) == [("in_sync", Level.WARNING)]
    change(sound, account, overrides={"frequency": "manual"})
    assert trouble(sound) == []


def test_findings_name_their_account(sound: Runtime) -> None:
    account = synced_account(sound, grant_ok=False)
    (found,) = [each for each in look(sound) if each.level is Level.ERROR]
    assert found.account_id == account.id
    assert account.label in found.what


def test_credentials_that_are_refused_and_permissions_that_end_are_found(sound: Runtime, clock: Clock) -> None:
    pair = t.ProviderCredential(provider="memory", client_id="1", secret=b"sealed", created_at=START)
    with sound.writing() as session:
        session.add(pair)
        session.flush()
    account = synced_account(sound, provider="memory", credential_id=pair.id, secret=b"sealed")
    assert trouble(sound) == []
    change(sound, account, grant_ends_at=clock() + timedelta(days=6))
    change(sound, pair, refused_at=clock(), refused_why="invalid_client")
    assert trouble(sound) == [("credentials", Level.ERROR), ("lasting", Level.WARNING)]
    (lasting,) = [each.what for each in look(sound) if each.check == "lasting"]
    assert "1 of 1 permissions" in lasting
    with sound.writing() as session:
        credentials.accept(session, t.pk(pair), clock())
    assert trouble(sound) == [("lasting", Level.WARNING)]


def test_webhooks_that_take_nothing_are_found(sound: Runtime, clock: Clock) -> None:
    assert not any(each.check == "webhooks" for each in look(sound))
    hook, _ = webhooks.create(sound, "https://crm.example.com/hooks", ["run.held"], by=CLI)
    change(sound, hook, failing_since=clock() - timedelta(minutes=10))
    assert trouble(sound) == []
    assert any(each.check == "webhooks" for each in look(sound))
    change(sound, hook, failing_since=clock() - timedelta(hours=2))
    assert trouble(sound) == [("webhooks", Level.WARNING)]
    change(sound, hook, state="failed", off_at=clock())
    assert trouble(sound) == [("webhooks", Level.ERROR)]


def test_paused_new_and_disconnected_accounts_are_no_trouble(sound: Runtime) -> None:
    cast = make_cast(sound)
    make_account(sound, cast.eli, state="paused", paused_at=START, grant_ok=False)
    make_account(sound, cast.sam, state="disconnected", grant_ok=False)
    make_account(sound, cast.vic)
    levels = {each.level for each in look(sound) if each.account_id is not None}
    assert levels <= {Level.OK, Level.NOTE}
    assert len([each for each in look(sound) if each.account_id is not None]) == 1 + 3


def test_the_key_check_is_bound_by_the_first_backup(sound: Runtime) -> None:
    with sound.reading() as session:
        assert session.get(t.Instance, 1).key_check
        assert sealed.key_fits(session, sound.secrets)
        assert audit.verify(session) is None
