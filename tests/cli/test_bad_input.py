"""Bad input: one clear line (what, why, what to do) on standard error and exit code 2, for every command."""

import pytest
import sqlalchemy

from calsync.store import people
from tests.cli.conftest import Shell
from webapp.cli.groups import COMMANDS

BAD = [
    ("no-such-command",),
    ("account", "show", "99"),
    ("account", "show", "seven"),
    ("account", "set", "1"),
    ("account", "set", "1", "--frequency", "0"),
    ("account", "set", "1", "--frequency", "sometimes"),
    ("account", "set", "1", "--direction", "sideways"),
    ("account", "pause", "99"),
    ("account", "resume", "99"),
    ("account", "disconnect", "99"),
    ("account", "connect-caldav", "--user", "nobody@example.com", "--url", "x", "--username", "x", "--password-stdin"),
    ("calendar", "list", "--account", "99"),
    ("calendar", "list"),
    ("calendar", "set", "1"),
    ("calendar", "set", "99", "--sync", "on"),
    ("calendar", "set", "1", "--sync", "maybe"),
    ("settings", "set", "no_such_setting", "1"),
    ("settings", "set", "frequency", "2000"),
    ("settings", "set", "policy", "mine"),
    ("settings", "set", "brake_creates", "many"),
    ("settings", "set", "merge_fields", "perhaps"),
    ("settings", "set", "default_reminders", "ten"),
    ("activity", "show", "99"),
    ("activity", "cancel", "99"),
    ("activity", "edit", "99", "--title", "x"),
    ("activity", "add", "--owner", "nobody@example.com", "--title", "x", "--start", "2030-01-08"),
    ("activity", "add", "--owner", "eli@example.com", "--title", "x"),
    ("activity", "add", "--owner", "eli@example.com", "--title", "x", "--start", "tomorrow"),
    (
        "activity",
        "add",
        "--owner",
        "eli@example.com",
        "--title",
        "x",
        "--start",
        "2030-01-08T10:00",
        "--tz",
        "Mars/Olympus",
    ),
    (
        "activity",
        "add",
        "--owner",
        "eli@example.com",
        "--title",
        "x",
        "--start",
        "2030-01-08T10:00",
        "--end",
        "2030-01-08T09:00",
    ),
    (
        "activity",
        "add",
        "--owner",
        "eli@example.com",
        "--title",
        "x",
        "--start",
        "2030-01-08T10:00",
        "--rrule",
        "FREQ=NEVER",
    ),
    (
        "activity",
        "add",
        "--owner",
        "eli@example.com",
        "--title",
        "x",
        "--start",
        "2030-01-08T10:00",
        "--attendee",
        "joe",
    ),
    ("activity", "add", "--owner", "eli@example.com", "--title", "x", "--all-day"),
    ("activity", "list", "--from", "soon"),
    ("activity", "list", "--owner", "nobody@example.com"),
    ("sync", "--account", "99"),
    ("sync", "--account", "1", "--all"),
    ("run", "show", "99"),
    ("run", "retry", "99"),
    ("run", "approve", "99"),
    ("run", "discard", "99"),
    ("conflict", "show", "99"),
    ("conflict", "resolve", "99", "--keep", "crm"),
    ("conflict", "resolve", "99"),
    ("conflict", "resolve", "99", "--field", "summary"),
    ("conflict", "resolve", "99", "--field", "summary=mine"),
    ("user", "add", "not-an-address", "--role", "staff", "--password-stdin"),
    ("user", "add", "eli@example.com", "--role", "staff", "--password-stdin"),
    ("user", "add", "new@example.com", "--role", "king", "--password-stdin"),
    ("user", "disable", "nobody@example.com"),
    ("db", "restore", "no-such-file"),
    ("serve", "--port", "0"),
    ("activity", "add", "--owner", "eli@example.com", "--title", "x", "--start", "2030-01-08T23:00", "--all-day"),
    (
        "activity",
        "add",
        "--owner",
        "eli@example.com",
        "--title",
        "x",
        "--start",
        "2030-01-08T10:00",
        "--due",
        "2030-01-09",
    ),
    ("activity", "add", "--owner", "eli@example.com", "--title", "x", "--due", "2030-01-09"),
    ("account", "show", "0"),
    ("account", "show", "99999999999999999999"),
    ("run", "list", "--account", "99999999999999999999"),
    ("sync", "--account", "99999999999999999999"),
    ("activity", "list", "--from", "0001-01-01T00:00+12:00"),
    ("activity", "list", "--to", "9999-12-31T23:59-12:00"),
    ("conflict", "resolve", "1", "--match", "new", "--keep", "crm"),
]


@pytest.mark.parametrize("args", BAD, ids=" ".join)
def test_bad_input_is_one_line_and_code_two(office: Shell, args: tuple[str, ...]) -> None:
    answer = office(*args, stdin="correct horse battery\n")
    assert answer.code == 2, answer.err
    assert answer.out == ""
    [line] = answer.err.splitlines()
    assert line.startswith("Error: ")
    assert "Traceback" not in line
    assert len(line) > 20


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(calsync: Shell, command: str) -> None:
    shown = calsync.done(command, "--help")
    assert shown.out.startswith(f"Usage: calsync {command}")


def test_the_whole_command_line_is_listed(calsync: Shell) -> None:
    listed = calsync.done("--help").out
    assert all(f"\n  {command} " in listed for command in COMMANDS)


def test_a_database_that_cannot_be_used_is_one_line(office: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("postgresql://u:hunter2@h is gone"))

    monkeypatch.setattr(people, "get_by_email", locked)
    answer = office("activity", "list", "--owner", "eli@example.com")
    assert (answer.code, answer.out) == (2, "")
    [line] = answer.err.splitlines()
    assert "cannot be used" in line
    assert "calsync doctor" in line
    assert "hunter2" not in line
