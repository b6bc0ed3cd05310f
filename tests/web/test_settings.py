"""Sync Settings: six tabs, the sentence on top, and a preview before anything counts."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from calsync.engine import presets
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Deletions, Direction, MailRule, Policy
from calsync.runtime import CLI, Runtime
from calsync.services import queued, rule_preview, settings
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.web.conftest import text_of
from tests.web.queries import count_queries
from webapp import words
from webapp.forms.rules import TABS

pytestmark = pytest.mark.usefixtures("office")


def as_shown(client: FlaskClient, tab: str) -> dict[str, object]:
    """Return the values that a tab's form would send untouched."""
    with client.application.test_request_context():
        rules, version = settings.rules(client.application.extensions["calsync"])
        form = TABS[tab][1](formdata=None, data={"version": version})
        form.fill(rules)
        values = {field.name: field.data for field in form if field.name != "csrf_token"}
    return {name: value for name, value in values.items() if value is not False and value is not None}


def send(client: FlaskClient, tab: str, without: tuple[str, ...] = (), **changes: object):
    values = {**as_shown(client, tab), **changes}
    return client.post(f"/settings/{tab}", data={n: v for n, v in values.items() if n not in without})


def carry_out(office: Office) -> None:
    for run_id in queued.list_waiting(office.rt):
        queued.work(office.rt, run_id)


def rules_of(office: Office) -> Rules:
    return settings.rules(office.rt)[0]


# --- pages


def test_page_opens_on_the_first_tab(ada: FlaskClient) -> None:
    assert ada.get("/settings/").location.endswith("/settings/general")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_the_rules_in_force(tab: str, ada: FlaskClient) -> None:
    text = ada.get(f"/settings/{tab}").text
    assert "Meetings, appointments and bookings from 30 days ago" in text
    assert 'aria-current="page">' + TABS[tab][0] in text


@pytest.mark.parametrize("tab", TABS)
def test_sending_a_tab_untouched_changes_nothing(tab: str, office: Office, ada: FlaskClient) -> None:
    office.rule(frequency="7", default_reminders=((10, "popup"), (60, "email")), internal_domains=("example.com",))
    before = settings.rules(office.rt)
    assert send(ada, tab).status_code == 303
    assert settings.rules(office.rt) == before


def test_unknown_tab_is_not_found(ada: FlaskClient) -> None:
    assert ada.get("/settings/nothing").status_code == 404


def test_only_admins_come_here(anonymous: FlaskClient, eli: FlaskClient) -> None:
    assert "/login" in anonymous.get("/settings/general").location
    assert eli.get("/settings/general").status_code == 403
    assert eli.post("/settings/general").status_code == 403


def test_sentence_follows_what_is_entered_and_saves_nothing(office: Office, ada: FlaskClient) -> None:
    before = settings.rules(office.rt)
    values = {**as_shown(ada, "conflicts"), "policy": "crm"}
    text = ada.post("/settings/conflicts/sentence", data=values, headers={"HX-Request": "true"}).text
    assert "the CRM wins" in text
    assert "<html" not in text
    assert settings.rules(office.rt) == before


# --- saving


def test_what_changes_no_record_is_saved_at_once(office: Office, ada: FlaskClient) -> None:
    assert send(ada, "safety", brake_creates=7).location.endswith("/settings/safety")
    assert rules_of(office).brake_creates == 7


def test_what_changes_records_is_previewed_first(office: Office, ada: FlaskClient) -> None:
    office.write("Review")
    office.settle()
    answer = send(ada, "privacy", without=("show_title",))
    assert answer.location.endswith("/settings/preview")
    assert "Reading and comparing: 0 of 1 account" in ada.get("/settings/preview").text
    assert "every 2s" in ada.get("/settings/preview").text
    carry_out(office)
    text = ada.get("/settings/preview").text
    assert "every 2s" not in text
    assert '<div class="diff-old">Review</div><div class="diff-new">Busy</div>' in text
    assert rules_of(office).show_title
    assert office.titles_there() == ["Review"]


def test_applying_makes_it_count(office: Office, ada: FlaskClient) -> None:
    office.write("Review")
    office.settle()
    send(ada, "privacy", without=("show_title",))
    carry_out(office)
    assert ada.post("/settings/preview/apply").status_code == 303
    assert not rules_of(office).show_title
    office.settle()
    assert office.titles_there() == ["Busy"]


def test_leaving_it_changes_nothing(office: Office, ada: FlaskClient) -> None:
    send(ada, "privacy", without=("show_title",))
    assert "Your last change waits for you" in ada.get("/settings/privacy").text
    ada.post("/settings/preview/drop")
    assert rules_of(office).show_title
    assert "Your last change waits for you" not in ada.get("/settings/privacy").text
    assert ada.get("/settings/preview").status_code == 303


def test_preview_that_changes_no_record_says_so(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", policy="crm")
    carry_out(office)
    assert "No record would change" in ada.get("/settings/preview").text


def test_preview_names_accounts_that_could_not_be_read(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", policy="crm")
    office.change_account(state="paused")
    carry_out(office)
    assert "1 account could not be read" in ada.get("/settings/preview").text


def test_preview_counts_the_people_who_would_be_mailed(office: Office, ada: FlaskClient) -> None:
    send(ada, "mail", mail_new="all", internal_domains="example.com\n@Example.ORG")
    proposal = rule_preview.find(office.rt, by=factories.acting(office.cast.ada))
    assert proposal.rules.mail_new is MailRule.ALL
    assert proposal.rules.internal_domains == ("example.com", "example.org")
    carry_out(office)
    assert (
        "People mailed" in ada.get("/settings/preview").text
        or "No record would change" in ada.get("/settings/preview").text
    )


def test_preview_fragment_is_a_part(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", policy="crm")
    text = ada.get("/settings/preview", headers={"HX-Request": "true"}).text
    assert 'id="found"' in text
    assert "<html" not in text


def test_one_click_chooses_every_kind(office: Office, ada: FlaskClient) -> None:
    send(ada, "what", all_kinds="1")
    proposal = rule_preview.find(office.rt, by=factories.acting(office.cast.ada))
    assert set(proposal.rules.kinds_out) == {"meeting", "call", "task", "appointment", "booking"}


def test_kinds_of_events_are_chosen_in_words(office: Office, ada: FlaskClient) -> None:
    send(ada, "what", import_birthday="busy")
    carry_out(office)
    assert "as busy time only" in ada.get("/settings/preview").text
    ada.post("/settings/preview/apply")
    assert rules_of(office).import_birthday == "busy"


# --- refusals


@pytest.mark.parametrize(
    ("tab", "changes", "said"),
    [
        ("general", {"window_future_days": "0"}, "Give a whole number from 1 to 3650"),
        ("general", {"window_past_days": "many"}, "Not a valid integer value"),
        ("safety", {"brake_deletion_share": "250"}, "from 0 to 1"),
        ("what", {"default_reminders": "soon"}, "Give minutes with commas"),
        ("mail", {"internal_domains": "http://example.com/"}, "is not a mail domain"),
    ],
)
def test_values_that_cannot_be_are_refused_and_kept_as_typed(
    tab: str, changes: dict[str, str], said: str, office: Office, ada: FlaskClient
) -> None:
    before = settings.rules(office.rt)
    answer = send(ada, tab, **changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert next(iter(changes.values())) in answer.text
    assert settings.rules(office.rt) == before


def test_a_change_can_be_applied_in_stages(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", policy="crm")
    carry_out(office)
    assert "Apply in stages" in ada.get("/settings/preview").text
    answer = ada.post("/settings/preview/stages")
    assert answer.location == "/history/?tab=held"
    assert rules_of(office).policy is Policy.CRM
    with office.rt.reading() as session:
        assert all(account.hold_next_plan for account in session.scalars(sa.select(t.Account)))


def test_a_field_can_have_a_winner_of_its_own(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", winner_time="crm", winner_location="external")
    carry_out(office)
    ada.post("/settings/preview/apply")
    assert dict(rules_of(office).field_policies) == {"time": "crm", "location": "external"}
    text = ada.get("/settings/conflicts").text
    assert "the CRM wins on the time and the calendar wins on the location" in text
    send(ada, "conflicts", winner_time="")
    carry_out(office)
    ada.post("/settings/preview/apply")
    assert rules_of(office).field_policies == (("location", "external"),)


def test_a_winner_set_elsewhere_survives_the_form(office: Office, ada: FlaskClient) -> None:
    office.rule(field_policies=(("url", "crm"),))
    send(ada, "conflicts", winner_summary="manual")
    carry_out(office)
    ada.post("/settings/preview/apply")
    assert rules_of(office).field_policies == (("url", "crm"), ("summary", "manual"))


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_a_preset_is_previewed_and_sets_its_rules_alone(name: str, office: Office, ada: FlaskClient) -> None:
    office.rule(direction=Direction.OUTBOUND, frequency="5", policy=Policy.CRM, window_past_days=7)
    before = rules_of(office)
    assert ada.post(f"/settings/presets/{name}").status_code == 303
    assert rules_of(office) == before
    carry_out(office)
    ada.post("/settings/preview/apply")
    after = rules_of(office)
    changed = {n for n in before.__slots__ if getattr(before, n) != getattr(after, n)}
    assert changed
    assert changed <= set(presets.PRESETS[name])
    assert "In force" in ada.get("/settings/general").text


def test_unknown_preset_is_not_found(ada: FlaskClient) -> None:
    assert ada.post("/settings/presets/wild").status_code == 404


def test_the_second_of_two_people_is_told(office: Office, ada: FlaskClient) -> None:
    values = {**as_shown(ada, "safety"), "brake_creates": 7}
    office.rule(brake_mails=5)
    answer = ada.post("/settings/safety", data=values)
    assert answer.status_code == 422
    assert "Somebody else saved these settings" in answer.text
    assert rules_of(office).brake_creates == 100


def test_a_proposal_on_old_rules_is_not_applied(office: Office, ada: FlaskClient) -> None:
    send(ada, "conflicts", policy="crm")
    office.rule(show_location=False)
    carry_out(office)
    assert "Somebody else saved other settings meanwhile" in ada.get("/settings/preview").text
    assert ada.post("/settings/preview/apply").status_code == 409
    assert rules_of(office).policy is Policy.LAST_MODIFIED


# --- the sentence


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(direction=Direction.INBOUND), "Nothing goes out to calendars"),
        (Rules(direction=Direction.OUTBOUND), "changes made there stay there"),
        (Rules(kinds_out=()), "No kind of activity goes out"),
        (Rules(frequency="realtime"), "go to the calendar at once"),
        (Rules(policy=Policy.MANUAL), "a person decides"),
        (Rules(deletions=Deletions.ASK), "a person is asked"),
        (Rules(show_title=False, show_location=False), "titles and locations are not written out"),
        (Rules(mail_new=MailRule.ALL), "guests are mailed about new events"),
        (Rules(), "guests are never mailed"),
    ],
)
def test_sentence_says_what_the_settings_do(rules: Rules, said: str) -> None:
    assert said in words.rules_sentence(rules)


def test_at_most_twelve_queries_a_page(office: Office, ada: FlaskClient) -> None:
    office.write("Review")
    office.settle()
    send(ada, "privacy", without=("show_title",))
    carry_out(office)
    for path in ("/settings/general", "/settings/preview"):
        ada.get(path)
        with count_queries(office.rt) as queries:
            assert ada.get(path).status_code == 200
        assert len(queries) <= 12, "\n\n".join(query[:160].replace("\n", " ") for query in queries)


def test_the_mail_settings_say_from_whom_guests_of_bookings_hear(ada: FlaskClient, rt: Runtime) -> None:
    assert "With a mail server it is ours instead" in text_of(ada.get("/settings/mail").text)
    settings.save_mail_server(rt, settings.MailServer("mail.example.com", 587, sender="a@example.com"), 0, by=CLI)
    assert "The calendar sends them none" in text_of(ada.get("/settings/mail").text)
