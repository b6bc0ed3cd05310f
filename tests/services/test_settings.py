"""What admins set is kept, checked, and never overwritten by somebody who has not seen it."""

from dataclasses import replace
from pathlib import Path

import pytest

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Direction, MailRule, Policy
from calsync.errors import NotAllowed, Refused
from calsync.runtime import CLI, Actor, Runtime
from calsync.services import logos, settings
from calsync.store import audit
from calsync.store import tables as t
from tests.factories import make_settings

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
ELI = Actor(None, "eli@example.com", role="staff")


pytestmark = pytest.mark.postgres


def test_nothing_set_gives_the_defaults(rt: Runtime) -> None:
    assert settings.organisation(rt) == (settings.Organisation(), 0)
    assert settings.rules(rt) == (Rules(), 0)
    assert settings.switches(rt) == (settings.Switches(), 0)
    assert settings.mail_server(rt) == (settings.MailServer(), 0)
    assert logos.get(rt) is None


def test_what_is_saved_comes_back(rt: Runtime) -> None:
    org = settings.Organisation(name="Acme", accent="#112233", tz="Europe/Berlin", public_url="https://a.example/")
    rules = Rules(
        direction=Direction.INBOUND,
        policy=Policy.MANUAL,
        mail_new=MailRule.ALL,
        kinds_out=("call",),
        default_reminders=((10, "popup"),),
    )
    settings.save_organisation(rt, org, 0, by=CLI)
    settings.save_rules(rt, rules, 0, by=CLI)
    settings.save_switches(rt, settings.Switches(clients_may_connect=True), 0, by=CLI)
    assert settings.organisation(rt) == (replace(org, public_url="https://a.example"), 1)
    assert settings.rules(rt) == (rules, 1)
    assert settings.switches(rt)[0].clients_may_connect


def test_the_second_of_two_editors_is_told(rt: Runtime) -> None:
    for start in (0, 1):  # once when nobody has saved yet, once over a saved value
        _, seen_by_both = settings.rules(rt)
        assert seen_by_both == start
        settings.save_rules(rt, Rules(frequency="60"), seen_by_both, by=CLI)
        with pytest.raises(Refused) as caught:
            settings.save_rules(rt, Rules(frequency="5"), seen_by_both, by=CLI)
        assert caught.value.code == "stale"
        assert settings.rules(rt) == (Rules(frequency="60"), start + 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frequency": "0"}, "frequency"),
        ({"frequency": "1441"}, "frequency"),
        ({"frequency": "hourly"}, "frequency"),
        ({"frequency": "٣"}, "frequency"),  # a digit, but not ours
        ({"window_future_days": 0}, "window_future_days"),
        ({"window_past_days": -1}, "window_past_days"),
        ({"brake_deletion_share": 1.01}, "brake_deletion_share"),
        ({"brake_creates": -1}, "brake_creates"),
        ({"import_private": "hide"}, "import_private"),
        ({"kinds_out": ("lunch",)}, "kinds_out"),
        ({"account_overrides": ("nonsense",)}, "account_overrides"),
        ({"default_reminders": ((10, "pigeon"),)}, "default_reminders"),
        ({"keep_steps_days": 0}, "keep_steps_days"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_their_field(rt: Runtime, change: dict, field: str) -> None:
    with pytest.raises(Refused) as caught:
        settings.save_rules(rt, replace(Rules(), **change), 0, by=CLI)
    assert caught.value.field == field
    assert settings.rules(rt)[1] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tz": "Berlin"}, "tz"),
        ({"accent": "red"}, "accent"),
        ({"public_url": "calendar.example.com"}, "public_url"),
        ({"public_url": "https://example.com/calendar"}, "public_url"),
        ({"date_format": "ymd"}, "date_format"),
    ],
)
def test_an_organisation_that_cannot_be_is_refused(rt: Runtime, change: dict, field: str) -> None:
    with pytest.raises(Refused) as caught:
        settings.save_organisation(rt, settings.Organisation(**change), 0, by=CLI)
    assert caught.value.field == field


def test_only_admins_change_settings(rt: Runtime) -> None:
    for save, value in (
        (settings.save_rules, Rules()),
        (settings.save_organisation, settings.Organisation()),
        (settings.save_switches, settings.Switches()),
        (settings.save_mail_server, settings.MailServer()),
    ):
        with pytest.raises(NotAllowed):
            save(rt, value, 0, by=ELI)
    with pytest.raises(NotAllowed):
        logos.save(rt, PNG, by=ELI)


def test_an_account_s_own_choice_counts_only_where_allowed(rt: Runtime) -> None:
    settings.save_rules(rt, Rules(account_overrides=("frequency",)), 0, by=CLI)
    account = t.Account(overrides={"frequency": "5", "direction": "inbound"})
    with rt.reading() as session:
        rules = settings.rules_of(session, account)
    assert (rules.frequency, rules.direction) == ("5", Direction.BOTH)


def test_the_mail_password_is_sealed_kept_and_not_logged(rt: Runtime) -> None:
    server = settings.MailServer("mail.example.com", 465, "cal", "m4il-pass", "cal@example.com", "tls")
    version = settings.save_mail_server(rt, server, 0, by=CLI)
    settings.save_mail_server(rt, replace(server, port=587, password=None), version, by=CLI)
    assert settings.mail_server(rt) == (replace(server, port=587), 2)
    with rt.reading() as session:
        stored = session.get(t.Setting, "mail")
        entries = audit.list_entries(session).rows
    assert stored is not None
    assert "m4il-pass" not in str(stored.value)
    assert "m4il-pass" not in str([(e.before, e.after) for e in entries])
    assert "m4il-pass" not in repr(server)


def test_a_change_is_in_the_audit_log_with_what_changed_only(rt: Runtime) -> None:
    settings.save_rules(rt, Rules(frequency="60"), 0, by=CLI)
    with rt.reading() as session:
        (entry,) = audit.list_entries(session).rows
    assert (entry.action, entry.object_id) == ("settings.changed", "rules")
    assert (entry.before, entry.after) == ({"frequency": "15"}, {"frequency": "60"})


def test_a_logo_is_kept_and_removed(rt: Runtime) -> None:
    logos.save(rt, PNG, by=CLI)
    kept = logos.get(rt)
    assert kept is not None
    assert (kept.data, kept.media_type) == (PNG, "image/png")
    assert settings.organisation(rt)[0].logo == kept.digest
    logos.save(rt, None, by=CLI)
    assert logos.get(rt) is None
    assert settings.organisation(rt)[0].logo == ""


@pytest.mark.parametrize("data", [b"<svg onload='x'/>", PNG + b"0" * 600_000])
def test_a_file_that_is_no_small_picture_is_refused(rt: Runtime, data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        logos.save(rt, data, by=CLI)
    assert caught.value.field == "logo"


def test_the_environment_s_public_url_wins(rt: Runtime, tmp_path: Path) -> None:
    settings.save_organisation(rt, settings.Organisation(public_url="https://org.example"), 0, by=CLI)
    assert settings.public_url(rt) == "https://calendar.example.com"
    unset = replace(rt, settings=make_settings(tmp_path, public_url=""))
    assert settings.public_url(unset) == "https://org.example"
