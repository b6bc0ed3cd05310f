"""What nobody expects: bytes that are no text, faults of the program, refusals that name the option."""

import errno
from pathlib import Path

import pytest

from tests import factories
from tests.cli.conftest import Shell
from tests.cli.test_process import run

ELI = ("activity", "add", "--owner", "eli@example.com")
NO_TEXT = "caf\udce9"
"""An argument in Latin-1, as Python hands it over."""


def line_of(answer_err: str) -> str:
    [line] = answer_err.splitlines()
    assert line.startswith("Error: ")
    return line


def test_an_argument_that_is_no_text_is_refused_before_anything_is_done(office: Shell) -> None:
    answer = office(*ELI, "--title", NO_TEXT, "--start", "2030-01-08T10:00")
    assert answer.code == 2
    assert "caf? " not in line_of(answer.err)
    assert "UTF-8" in line_of(answer.err)
    assert office.done("activity", "list", "--json").json == []


def test_a_password_that_is_no_text_is_refused(calsync: Shell) -> None:
    calsync.done("user", "list")
    given = ("user", "add", "new@example.com", "--role", "staff", "--password-stdin")
    answer = calsync(*given, stdin="a long pass\udcffword\n")
    assert (answer.code, "UTF-8" in line_of(answer.err)) == (2, True)
    assert calsync.done("user", "list", "--json").json == []


def test_a_fault_of_the_program_is_one_line_and_a_failure(office: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("what nobody\nexpected")

    monkeypatch.setattr("calsync.services.activities.create", broken)
    answer = office(*ELI, "--title", "x", "--start", "2030-01-08T10:00")
    said = line_of(answer.err)
    assert answer.code == 1
    assert "LookupError: what nobody expected" in said
    assert "webapp/cli/activities.py, line " in said


def test_a_fault_in_one_account_leaves_the_others_alone(office: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from calsync.services import sync

    rt = office.rt
    office.server.add_calendar("home", owner="ada")
    other = factories.make_account(rt, factories.make_user(rt, "Ada"), provider="memory", username="ada")
    rt.db.close()
    true_run = sync.run

    def broken_for_one(rt: object, account_id: int, **asked: object) -> int:
        if account_id == 1:
            raise LookupError("a fault")
        return true_run(rt, account_id, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(sync, "run", broken_for_one)
    for more in ((), ("--dry-run",)):
        answer = office("sync", "--json", *more)
        rows = {row["account"]: row for row in answer.json}
        assert answer.code == 1
        assert (rows[1]["state"], "LookupError" in rows[1]["error"]) == ("failed", True)
        assert rows[other.id]["error"] == ""
    assert office("sync", "--dry-run").code == 1


def test_a_refusal_names_the_option_that_it_is_about(office: Shell) -> None:
    start = ("--start", "2030-01-08T10:00")
    long_text = office(*ELI, "--title", "x", *start, "--description", "x" * 60_001)
    assert line_of(long_text.err).startswith("Error: --description: At most 60000")
    no_title = office(*ELI, *start)
    assert line_of(no_title.err) == "Error: Give it a title."


def test_numbers_are_asked_for_in_words(office: Shell) -> None:
    for given in (("account", "show", "x"), ("run", "list", "--limit", "x"), ("serve", "--port", "x")):
        assert "is not a valid whole number" in line_of(office(*given).err)


def test_what_is_not_synced_says_how_it_would_be(office: Shell) -> None:
    office.done("account", "pause", "1")
    assert "paused. Resume it first." in line_of(office("sync", "--account", "1").err)
    office.done("account", "disconnect", "1")
    assert "disconnected. Connect it again first." in line_of(office("sync", "--account", "1").err)


def test_a_disconnected_account_is_never_due(office: Shell) -> None:
    office.done("account", "disconnect", "1")
    office.done("account", "set", "1", "--frequency", "5")
    assert office.done("account", "show", "1", "--json").json["next_sync_at"] is None


def test_a_direction_goes_back_to_the_organisations(office: Shell) -> None:
    office.done("account", "set", "1", "--direction", "inbound")
    office.done("account", "set", "1", "--direction", "default")
    shown = office.done("account", "show", "1", "--json").json
    assert (shown["direction"], shown["overrides"]) == ("both", {})


def test_a_first_upgrade_says_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "db", "upgrade")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The database is at revision ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("default_reminders", '[[1e400, "popup"]]'), ("default_reminders", '{"a": 1}'), ("field_policies", "[[1]]")],
)
def test_settings_that_are_json_say_what_theirs_looks_like(office: Shell, name: str, value: str) -> None:
    answer = office("settings", "set", name, value)
    assert (answer.code, "like [[" in line_of(answer.err)) == (2, True)


def test_a_damaged_database_is_one_line_that_leads_to_the_doctor(tmp_path: Path) -> None:
    run(tmp_path, "db", "upgrade")
    (tmp_path / "instance" / "calsync.db").write_bytes(b"garbage" * 1000)
    for command in (("account", "list"), ("db", "upgrade")):
        done = run(tmp_path, *command)
        assert done.returncode == 2
        assert line_of(done.stderr).endswith("What is wrong with it says: calsync doctor")


def test_the_doctor_does_not_send_a_newer_database_to_the_upgrade(office: Shell) -> None:
    rt = office.rt
    with rt.db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    rt.db.close()
    [found] = [each for each in office("doctor", "--json").json if each["level"] == "error"]
    assert found["todo"] == "Install the newer version, or restore an older backup."


def test_a_disk_that_takes_no_output_is_said_in_one_line(office: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("webapp.cli.output.show_list", full)
    answer = office("account", "list")
    assert answer.code == 1
    assert line_of(answer.err) == "Error: Something on this machine is in the way: No space left on device."


def test_a_host_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--host", "300.1.1.1", "--port", "8999")
    assert (done.returncode, "--host: Nothing can listen" in done.stderr) == (2, True)
