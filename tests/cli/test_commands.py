"""Every command: what it does, what it prints, how it ends."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calsync.engine.event import Event
from calsync.providers.memory import FaultKind
from calsync.store.secrets import Secrets, make_key
from tests import factories
from tests.cli.conftest import Shell

START = "2030-01-08T10:00"
END = "2030-01-08T11:00"


def add_meeting(office: Shell, title: str = "Review", *more: str) -> int:
    given = ("--owner", "eli@example.com", "--kind", "meeting", "--title", title, "--start", START, "--end", END)
    made: int = office.done("activity", "add", *given, "--tz", "Europe/Berlin", *more, "--json").json["id"]
    return made


def put_event(office: Shell, title: str, start: datetime = factories.START + timedelta(days=2)) -> str:
    event = Event(f"{title}@there", start, start + timedelta(hours=1), "Europe/Berlin", summary=title)
    return office.server.put("work", event)


def titles_there(office: Shell) -> list[str]:
    return sorted(e.summary for _, e in office.server.all_events("work") if not e.is_cancelled)


# --- people


def test_people_are_added_listed_and_disabled(calsync: Shell) -> None:
    add = ("user", "add", "ada@example.com", "--role", "admin", "--name", "Ada", "--password-stdin")
    calsync.done(*add, stdin="correct horse battery\n")
    calsync.done(
        "user", "add", "eli@example.com", "--role", "staff", "--password-stdin", stdin="correct horse battery\n"
    )
    assert [p["email"] for p in calsync.done("user", "list", "--json").json] == ["ada@example.com", "eli@example.com"]
    calsync.done("user", "disable", "eli@example.com")
    assert [p["disabled"] for p in calsync.done("user", "list", "--json").json] == [False, True]


def test_a_password_is_never_taken_without_being_asked_for(calsync: Shell) -> None:
    refused = calsync("user", "add", "ada@example.com", "--role", "admin")
    assert (refused.code, "--password-stdin" in refused.err) == (2, True)


# --- accounts and calendars


def test_connecting_shows_the_calendars(office: Shell) -> None:
    add = ("user", "add", "sam@example.com", "--role", "staff", "--password-stdin")
    office.done(*add, stdin="correct horse battery\n")
    office.server.add_calendar("club", owner="sam")
    connect = ("account", "connect-caldav", "--user", "sam@example.com", "--url", "https://dav.example.com/")
    connected = office.done(*connect, "--username", "sam", "--password-stdin", "--json", stdin="remote-secret\n").json
    assert (connected["owner"], connected["username"], connected["status"]) == ("sam@example.com", "sam", "active")
    assert [(c["name"], c["sync"], c["write_target"]) for c in connected["calendars"]] == [("Club", True, True)]


def test_accounts_and_calendars_are_listed(office: Shell) -> None:
    [account] = office.done("account", "list", "--json").json
    assert (account["owner"], account["status"], account["direction"], account["writable"]) == (
        "eli@example.com",
        "active",
        "both",
        True,
    )
    [calendar] = office.done("calendar", "list", "--account", "1", "--json").json
    assert (calendar["name"], calendar["sync"], calendar["write_target"]) == ("Work", True, True)
    assert office.done("account", "show", "1", "--json").json["calendars"] == [calendar]


def test_a_refused_password_ends_with_one_line_and_code_three(office: Shell) -> None:
    office.server.revoke("wrong_password")
    connect = ("account", "connect-caldav", "--user", "eli@example.com", "--url", "https://dav.example.com/")
    refused = office(*connect, "--username", "sam", "--password-stdin", stdin="x\n")
    assert refused.code in (2, 3)
    assert len(refused.err.strip().splitlines()) == 1


def test_own_rules_of_an_account(office: Shell) -> None:
    office.done("account", "set", "1", "--direction", "inbound", "--frequency", "60")
    shown = office.done("account", "show", "1", "--json").json
    assert (shown["direction"], shown["frequency"]) == ("inbound", "60")
    office.done("account", "set", "1", "--frequency", "default")
    assert office.done("account", "show", "1", "--json").json["frequency"] == "15"
    back = office.done("account", "set", "1", "--direction", "both")
    assert "approval" in back.out


def test_pause_and_resume(office: Shell) -> None:
    office.done("account", "pause", "1")
    assert office.done("account", "list", "--json").json[0]["status"] == "paused"
    refused = office("sync", "--account", "1")
    assert (refused.code, "paused" in refused.err) == (2, True)
    office.done("account", "resume", "1")
    assert office.done("account", "list", "--json").json[0]["status"] == "active"


def test_calendars_are_switched(office: Shell) -> None:
    office.done("calendar", "set", "1", "--sync", "off", "--blocks", "off")
    [calendar] = office.done("calendar", "list", "--account", "1", "--json").json
    assert (calendar["sync"], calendar["blocks"], calendar["write_target"]) == (False, False, True)
    office.done("calendar", "set", "1", "--write-target", "--sync", "on")
    assert office.done("calendar", "list", "--account", "1", "--json").json[0]["sync"]


@pytest.mark.parametrize(
    ("option", "here", "there"),
    [
        ("--keep", ["confirmed", "confirmed"], ["Ours", "Theirs"]),
        ("--delete-remote", ["confirmed", "confirmed"], ["Theirs"]),
        ("--delete-local", ["confirmed", "cancelled"], ["Ours", "Theirs"]),
        ("--delete-both", ["confirmed", "cancelled"], ["Theirs"]),
    ],
)
def test_disconnecting(office: Shell, option: str, here: list[str], there: list[str]) -> None:
    add_meeting(office, "Ours")
    put_event(office, "Theirs")
    office.done("sync")
    office.done("account", "disconnect", "1", option)
    listed = {a["title"]: a["status"] for a in office.done("activity", "list", "--json").json}
    assert [listed["Ours"], listed["Theirs"]] == here
    assert titles_there(office) == there
    assert office.done("account", "list", "--json").json[0]["status"] == "disconnected"


# --- activities


def test_activities_are_added_edited_and_cancelled(office: Shell) -> None:
    made = add_meeting(office, "Review", "--attendee", "joe@example.org", "--location", "Room 1")
    shown = office.done("activity", "show", str(made), "--json").json
    assert (shown["start"], shown["tz"], shown["location"]) == ("2030-01-08T09:00:00Z", "Europe/Berlin", "Room 1")
    assert list(shown["attendees"]) == ["joe@example.org"]
    office.done("activity", "edit", str(made), "--title", "Review, again", "--end", "2030-01-08T12:00")
    shown = office.done("activity", "show", str(made), "--json").json
    assert (shown["title"], shown["end"]) == ("Review, again", "2030-01-08T11:00:00Z")
    office.done("activity", "cancel", str(made))
    assert office.done("activity", "show", str(made), "--json").json["status"] == "cancelled"


def test_days_series_and_windows(office: Shell) -> None:
    owner = ("--owner", "eli@example.com")
    days = ("--start", "2030-01-10", "--end", "2030-01-12", "--all-day")
    office.done("activity", "add", *owner, "--kind", "appointment", "--title", "Fair", *days)
    add_meeting(office, "Weekly", "--rrule", "FREQ=WEEKLY;COUNT=3")
    found = {a["title"]: a for a in office.done("activity", "list", *owner, "--json").json}
    assert (found["Fair"]["start"], found["Fair"]["all_day"]) == ("2030-01-10", True)
    assert found["Weekly"]["rrule"] == "FREQ=WEEKLY;COUNT=3"
    later = office.done("activity", "list", "--from", "2030-01-20", "--json").json
    assert [a["title"] for a in later] == ["Weekly"]
    assert office.done("activity", "list", "--to", "2030-01-08", "--json").json == []


# --- syncing and runs


def test_a_sync_takes_changes_both_ways(office: Shell) -> None:
    add_meeting(office, "Ours")
    put_event(office, "Theirs")
    [run] = office.done("sync", "--json").json
    assert (run["state"], run["created"]) == ("succeeded", 2)
    assert titles_there(office) == ["Ours", "Theirs"]
    assert [r["state"] for r in office.done("sync", "--account", "1", "--json").json] == ["no_changes"]


def test_a_dry_run_shows_and_does_nothing(office: Shell) -> None:
    add_meeting(office, "Ours")
    [run] = office.done("sync", "--dry-run", "--json").json
    assert [(s["action"], s["title"]) for s in run["steps"]] == [("create", "Ours")]
    assert "Ours" in office.done("sync", "--dry-run").out
    assert titles_there(office) == []


def test_a_failing_server_ends_with_code_one(office: Shell) -> None:
    office.server.faults.arm(FaultKind.UNAVAILABLE)
    failed = office("sync", "--json")
    assert (failed.code, failed.json[0]["state"]) == (1, "failed")


def test_a_dead_grant_ends_with_code_three(office: Shell) -> None:
    office.server.revoke()
    failed = office("sync", "--json")
    assert (failed.code, failed.json[0]["error_class"]) == (3, "auth")


def test_runs_are_listed_and_shown(office: Shell) -> None:
    add_meeting(office, "Ours")
    office.done("sync")
    office.clock.advance(minutes=1)
    office.done("sync")
    assert [r["state"] for r in office.done("run", "list", "--account", "1", "--json").json] == [
        "no_changes",
        "succeeded",
    ]
    shown = office.done("run", "show", "1", "--json").json
    assert [(s["state"], s["action"], s["reason"]) for s in shown["steps"]] == [("done", "create", "local_created")]
    assert "Ours" in office.done("run", "show", "1").out


def test_held_changes_are_approved_or_discarded(office: Shell) -> None:
    office.done("sync")  # the first run may create much
    office.done("settings", "set", "brake-creates", "0")
    add_meeting(office, "Held")
    office.clock.advance(minutes=1)
    held = office("sync", "--json")
    assert (held.code, held.json[0]["held"]) == (3, 1)
    office.done("run", "approve", str(held.json[0]["run"]))
    office.done("sync")
    assert titles_there(office) == ["Held"]
    again = office("run", "discard", str(held.json[0]["run"]))
    assert again.code == 2


def test_a_conflict_is_shown_and_decided(office: Shell) -> None:
    office.done("settings", "set", "policy", "manual")
    made = add_meeting(office, "Review")
    office.done("sync")
    office.clock.advance(minutes=1)
    office.done("activity", "edit", str(made), "--title", "Review here")
    [handle] = [handle for handle, _ in office.server.all_events("work")]
    office.server.edit("work", handle, summary="Review there")
    office.clock.advance(minutes=1)
    assert office("sync").code == 3
    [listed] = office.done("conflict", "list", "--json").json
    shown = office.done("conflict", "show", str(listed["id"]), "--json").json
    assert shown["fields"]["summary"] == {"agreed": "Review", "local": "Review here", "remote": "Review there"}
    resolve = ("conflict", "resolve", str(listed["id"]))
    assert "which side stands: --keep" in office(*resolve, "--match", "new").err
    assert "not about title but about summary" in office(*resolve, "--field", "title=crm").err
    assert "for both sides" in office(*resolve, "--field", "summary=crm", "--field", "summary=external").err
    office.done(*resolve, "--field", "summary=external")
    office.clock.advance(minutes=1)
    office.done("sync")
    assert office.done("activity", "show", str(made), "--json").json["title"] == "Review there"
    assert office.done("conflict", "list").out == "Nothing to decide.\n"


@pytest.mark.parametrize(("answer", "count"), [("1", 2), ("new", 3)])
def test_which_of_several_activities_an_event_is_can_be_answered(office: Shell, answer: str, count: int) -> None:
    office.done("settings", "set", "direction", "inbound")
    for _ in range(2):
        add_meeting(office, "Kick-off")
    put_event(office, "Kick-off", datetime(2030, 1, 8, 9, tzinfo=UTC))
    assert office("sync").code == 3
    [asked] = office.done("conflict", "list", "--json").json
    assert asked["kind"] == "duplicate_match"
    kept = office("conflict", "resolve", str(asked["id"]), "--keep", "crm")
    assert (kept.code, "which activity it is: --match" in kept.err) == (2, True)
    assert office("conflict", "resolve", str(asked["id"]), "--match", "99").code == 2
    office.done("conflict", "resolve", str(asked["id"]), "--match", answer)
    office.clock.advance(minutes=1)
    office.done("sync")
    assert office.done("conflict", "list", "--json").json == []
    assert len(office.done("activity", "list", "--json").json) == count


def test_a_retry_tries_what_failed(office: Shell) -> None:
    office.server.put_raw("work", "not an event", handle="broken")
    failed = office("sync", "--json")
    assert (failed.code, failed.json[0]["failed"]) == (1, 1)
    office.server.delete("work", "broken")
    put_event(office, "Whole")
    retried = office("run", "retry", str(failed.json[0]["run"]), "--json")
    assert retried.json[0]["parent"] == failed.json[0]["run"]


# --- settings, database, server


def test_settings_are_shown_and_set(calsync: Shell) -> None:
    calsync.done("settings", "set", "frequency", "60")
    calsync.done("settings", "set", "kinds_out", "meeting,call")
    calsync.done("settings", "set", "merge-fields", "off")
    calsync.done("settings", "set", "brake_deletion_share", "0.5")
    calsync.done("settings", "set", "default_reminders", '[[10, "popup"]]')
    shown = calsync.done("settings", "show", "--json").json
    assert (shown["frequency"], shown["kinds_out"], shown["merge_fields"]) == ("60", ["meeting", "call"], False)
    assert (shown["brake_deletion_share"], shown["default_reminders"]) == (0.5, [[10, "popup"]])


def test_backup_and_restore(office: Shell, tmp_path: Path) -> None:
    add_meeting(office, "Kept")
    office.done("db", "backup", str(tmp_path / "backup.db"))
    add_meeting(office, "Lost")
    restored = office.done("db", "restore", str(tmp_path / "backup.db"))
    assert "approval" in restored.out
    assert [a["title"] for a in office.done("activity", "list", "--json").json] == ["Kept"]


def test_the_key_is_rotated(office: Shell) -> None:
    assert re.search(r"Encrypted \d+ secrets anew", office.done("secrets", "rotate").out)


def test_secrets_that_no_key_opens_are_told_of(office: Shell) -> None:
    rt = office.rt
    factories.make_account(rt, factories.make_user(rt, "Pat"), secret=Secrets([make_key()]).seal("lost"))
    rt.db.close()
    told = office("secrets", "rotate")
    assert told.code == 1
    assert "1 secrets could not be opened" in told.err


def test_the_doctor_names_what_to_do(office: Shell) -> None:
    found = office("doctor", "--json")
    assert found.code in (0, 3)
    by_check = {f["check"]: f for f in found.json}
    assert all(f["todo"] for f in found.json if f["level"] in ("warning", "error"))
    assert len(by_check) >= 5


def test_serving_migrates_first(calsync: Shell) -> None:
    calsync.done("serve", "--host", "127.0.0.1", "--port", "8123")
    assert calsync.served == [("127.0.0.1", 8123)]


def test_an_upgrade_may_be_repeated(calsync: Shell) -> None:
    assert "already" in calsync.done("db", "upgrade").out
