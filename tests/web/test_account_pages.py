"""One account: its facts, calendars, rules, records, issues and timeline, and what is started from there."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.services import settings, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.web.conftest import HTMX, SignIn, text_of
from tests.web.offices import add_calendar, furnish, work_waiting
from tests.web.queries import count_queries


@pytest.fixture
def office(rt, clock: factories.Clock, cast: factories.Cast) -> Office:
    return furnish(rt, clock, cast)


def url(office: Office, part: str = "") -> str:
    return f"/accounts/{office.account.id}{'/' if part else ''}{part}"


def account(office: Office) -> t.Account:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id)


def calendar(office: Office, calendar_id: int | None = None) -> t.Calendar:
    with office.rt.reading() as session:
        return session.get_one(t.Calendar, calendar_id or office.calendar.id)


# --- the three facts


def test_three_facts_stand_on_top(office: Office, eli: FlaskClient) -> None:
    office.meeting()
    office.settle()
    said = text_of(eli.get(url(office)).text)
    assert "Authorised Yes, may read and write" in said
    assert "Reachable Yes" in said
    assert "In sync since 2030-01-07, 09:10" in said


def test_the_facts_say_what_is_wrong(office: Office, eli: FlaskClient) -> None:
    office.change_account(grant_ok=False, grant_lost_at=office.clock(), failed_runs=4, last_error_class="network")
    said = text_of(eli.get(url(office)).text)
    assert "Authorised No: the sign-in is refused" in said
    assert "Reachable No answer in the last 4 runs" in said
    assert "Never synced yet" in said


def test_an_account_that_never_synced_says_what_to_do(office: Office, eli: FlaskClient) -> None:
    office.change_calendar(syncs=False, blocks=False)
    assert "Choose its calendars" in text_of(eli.get(url(office)).text)


PARTS = ("", "rules", "records", "records?show=events", "records?show=failing", "issues", "timeline", "capabilities")


@pytest.mark.parametrize("part", [*PARTS, "choose", "push", "disconnect"])
def test_every_part_asks_few_queries(office: Office, eli: FlaskClient, part: str) -> None:
    add_calendar(office, "home")
    office.write("Ours")
    office.meeting("Theirs")
    office.settle()
    eli.get(url(office))
    with count_queries(office.rt) as queries:
        assert eli.get(url(office, part)).status_code == 200
    assert len(queries) <= 12, "\n\n".join(queries)


# --- calendars


def test_a_switch_changes_the_calendar_and_its_row_alone(office: Office, eli: FlaskClient) -> None:
    path = url(office, f"calendars/{office.calendar.id}")
    answer = eli.post(path, data={"syncs": "no"}, headers=HTMX)
    assert answer.text.lstrip().startswith(f'<tr id="calendar-{office.calendar.id}"')
    assert 'aria-checked="false"' in answer.text
    assert (calendar(office).syncs, calendar(office).blocks) == (False, True)


def test_a_switch_works_without_scripts(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(url(office, f"calendars/{office.calendar.id}"), data={"blocks": "no"})
    assert (answer.status_code, answer.location) == (303, url(office))
    assert not calendar(office).blocks


def test_a_calendar_of_another_account_is_not_found(office: Office, ada: FlaskClient) -> None:
    other = factories.make_calendar(office.rt, factories.make_account(office.rt, office.cast.sam))
    assert ada.post(url(office, f"calendars/{other.id}"), data={"syncs": "no"}).status_code == 404


def test_calendars_show_their_id_badges_and_events(office: Office, eli: FlaskClient) -> None:
    office.change_calendar(is_primary=True)
    add_calendar(office, "holidays", access="reader")
    office.meeting()
    office.settle()
    page = eli.get(url(office))
    assert 'data-copy="work"' in page.text
    said = text_of(page.text)
    assert "Primary" in said
    assert "Read-only" in said


def test_the_same_calendar_in_another_account_is_named(office: Office, ada: FlaskClient) -> None:
    other = factories.make_account(office.rt, office.cast.sam, label="sam@home")
    factories.make_calendar(office.rt, other, remote_id="work", is_write_target=False)
    assert "Same as in sam@home (Sam): its events come in twice" in text_of(ada.get(url(office)).text)
    assert "would appear twice" in text_of(ada.get(url(office, "choose")).text)


def test_a_calendar_that_takes_busy_blocks_says_how_many_and_which_were_not_written(
    office: Office, eli: FlaskClient
) -> None:
    office.change_calendar(takes_blocks=True)
    times = {"created_at": office.clock(), "ends_at": office.clock()}
    with office.rt.writing() as session:
        for key, error in (("a", ""), ("b", "quota exceeded")):
            block = t.BusyBlock(calendar_id=t.pk(office.calendar), key=key, content={}, error=error, **times)
            session.add(block)
    said = text_of(eli.get(url(office)).text)
    assert "2 blocks" in said
    assert "1 block not written" in said


def test_busy_blocks_are_switched_on_and_off(office: Office, eli: FlaskClient) -> None:
    path = url(office, f"calendars/{office.calendar.id}")
    for flag, is_on in (("yes", True), ("no", False)):
        assert eli.post(path, data={"takes_blocks": flag}).status_code == 303
        assert calendar(office).takes_blocks is is_on


def test_busy_blocks_are_refused_where_nothing_may_be_written(office: Office, eli: FlaskClient) -> None:
    office.change_calendar(access="reader")
    answer = eli.post(url(office, f"calendars/{office.calendar.id}"), data={"takes_blocks": "yes"}, headers=HTMX)
    assert answer.status_code == 409
    assert not calendar(office).takes_blocks


def test_choosing_calendars_leads_to_the_preview_and_on_to_the_sync(office: Office, eli: FlaskClient) -> None:
    home = add_calendar(office, "home", syncs=False, blocks=False)
    office.meeting("Theirs")
    chosen = {"syncs": [office.calendar.id, home.id], "blocks": [home.id], "target": home.id}
    answer = eli.post(url(office, "choose"), data=chosen)
    assert (calendar(office, home.id).is_write_target, calendar(office).is_write_target) == (True, False)
    assert not calendar(office).blocks
    preview = answer.location
    waiting = eli.get(preview, headers=HTMX)
    assert 'hx-trigger="every 1s"' in waiting.text
    work_waiting(office.rt)
    shown = eli.get(preview, headers=HTMX)
    assert "hx-trigger" not in shown.text
    assert "1 will be created here Theirs" in text_of(shown.text)
    assert "Nobody gets mail" in shown.text
    assert office.titles_here() == []
    assert eli.post(url(office, "start")).status_code == 303
    assert account(office).requested_trigger == "first"
    sync.run(office.rt, office.account.id)
    assert office.titles_here() == ["Theirs"]


def test_a_target_that_does_not_sync_is_refused_and_keeps_what_was_chosen(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(url(office, "choose"), data={"blocks": [office.calendar.id], "target": office.calendar.id})
    assert answer.status_code == 422
    assert "Switch Sync on for it" in answer.text
    assert f'name="target" value="{office.calendar.id}" checked' in answer.text
    assert calendar(office).syncs


def test_a_preview_that_fails_says_why_and_offers_another_try(office: Office, eli: FlaskClient) -> None:
    home = factories.make_calendar(office.rt, office.account, "Home", remote_id="gone", is_write_target=False)
    answer = eli.post(url(office, "preview"))
    work_waiting(office.rt)
    said = text_of(eli.get(answer.location).text)
    assert home.name in said
    assert "Not found" in said
    assert "Try again" in said


def test_a_preview_of_another_account_is_not_found(office: Office, ada: FlaskClient) -> None:
    other = factories.make_account(office.rt, office.cast.sam)
    location = ada.post(f"/accounts/{other.id}/preview").location
    run = location.rpartition("=")[2]
    assert ada.get(url(office, f"first?run={run}")).status_code == 404


# --- where new events go


def test_another_write_target_offers_to_move_what_exists(office: Office, eli: FlaskClient) -> None:
    home = add_calendar(office, "home")
    office.write("Ours")
    office.meeting("Theirs")
    office.settle()
    answer = eli.post(url(office, "write-target"), data={"calendar": home.id})
    assert calendar(office, home.id).is_write_target
    offer = eli.get(answer.location)
    assert "1 event that we created stands in Work" in text_of(offer.text)
    preview = eli.post(answer.location).location
    work_waiting(office.rt)
    shown = eli.get(preview)
    assert "1 will move to Home" in text_of(shown.text)
    digest = shown.text.split('name="digest" value="')[1].split('"')[0]
    run = preview.rpartition("run=")[2].partition("&")[0]
    data = {"source": office.calendar.id, "target": home.id, "digest": digest}
    done = eli.post(url(office, f"move/{run}/apply"), data=data).location
    work_waiting(office.rt)
    assert "1 event moved to Home" in text_of(eli.get(done).text)
    assert [e.summary for _, e in office.server.all_events("home")] == ["Ours"]
    assert office.titles_there() == ["Theirs"]


def test_without_events_of_ours_there_is_nothing_to_offer(office: Office, eli: FlaskClient) -> None:
    home = add_calendar(office, "home")
    answer = eli.post(url(office, "write-target"), data={"calendar": home.id})
    assert answer.location == url(office)


# --- rules


def test_own_rules_are_saved_and_taken_back(office: Office, eli: FlaskClient) -> None:
    given = {"direction": "outbound", "frequency": "60", "visibility": "private", "reminder": "30", "known": "{}"}
    assert eli.post(url(office, "rules"), data=given | {"reminder_way": "email"}).status_code == 303
    own = {"direction": "outbound", "frequency": "60", "default_visibility": "private"}
    assert account(office).overrides == own | {"default_reminders": [[30, "email"]]}
    page = eli.get(url(office, "rules")).text
    assert '<option selected value="outbound">' in page
    assert "4 choices of its own" in text_of(page)


def test_rules_that_somebody_changed_meanwhile_are_not_overwritten(office: Office, eli: FlaskClient) -> None:
    office.change_account(overrides={"frequency": "60"})
    answer = eli.post(url(office, "rules"), data={"frequency": "5", "known": "{}"})
    assert answer.status_code == 422
    assert "Somebody changed these settings meanwhile" in answer.text
    assert account(office).overrides == {"frequency": "60"}


def test_kinds_of_events_are_chosen_where_the_admin_allows_it(office: Office, eli: FlaskClient) -> None:
    assert 'name="birthday"' not in eli.get(url(office, "rules")).text
    office.rule(account_overrides=("import_birthday",))
    page = eli.get(url(office, "rules")).text
    assert "As the organisation: left out" in page
    assert 'name="focus"' not in page
    assert eli.post(url(office, "rules"), data={"birthday": "sync", "known": "{}"}).status_code == 303
    assert account(office).overrides == {"import_birthday": "sync"}


def test_what_the_admin_keeps_cannot_be_chosen(office: Office, eli: FlaskClient) -> None:
    office.rule(account_overrides=("frequency",))
    page = eli.get(url(office, "rules")).text
    assert 'name="direction"' not in page
    assert "An admin keeps this for the whole organisation" in page
    eli.post(url(office, "rules"), data={"direction": "inbound", "frequency": "60", "known": "{}"})
    assert account(office).overrides == {"frequency": "60"}


def test_a_value_that_is_not_offered_is_refused(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(url(office, "rules"), data={"direction": "sideways", "known": "{}"})
    assert answer.status_code == 422
    assert account(office).overrides == {}


def test_one_way_to_two_way_warns_shows_the_preview_and_asks(office: Office, eli: FlaskClient) -> None:
    office.change_account(overrides={"direction": "inbound"})
    office.write("Waited")
    office.sync()
    data = {"direction": "both", "known": '{"direction": "inbound"}'}
    preview = eli.post(url(office, "rules"), data=data).location
    assert account(office).overrides == {"direction": "inbound"}
    work_waiting(office.rt)
    page = eli.get(preview)
    said = text_of(page.text)
    assert "What has waited goes out" in said
    assert "1 will be created in" in said
    digest = page.text.split('name="digest" value="')[1].split('"')[0]
    run = preview.rpartition("=")[2]
    assert eli.post(url(office, f"two-way/{run}"), data={"digest": "other"}).status_code == 409
    assert eli.post(url(office, f"two-way/{run}"), data={"digest": digest}).status_code == 303
    office.sync()
    assert office.titles_there() == ["Waited"]


def test_switch_to_hourly_is_one_button(office: Office, eli: FlaskClient) -> None:
    office.change_account(rate_limited_until=office.clock() + timedelta(minutes=9), last_success_at=office.clock())
    assert "Switch to hourly" in eli.get(url(office, "issues")).text
    eli.post(url(office, "hourly"))
    with office.rt.reading() as session:
        assert settings.rules_of(session, account(office)).frequency == "60"


# --- records and issues


def test_records_say_what_is_in_sync_and_why_others_are_not(office: Office, eli: FlaskClient) -> None:
    office.write("Ours")
    office.meeting("Theirs")
    office.meeting("Ages ago", hours=-3000)
    office.write("Far away", hours=24 * 900)
    office.settle()
    synced = text_of(eli.get(url(office, "records")).text)
    assert "Ours Meeting, created here" in synced
    assert "Theirs Meeting, from the calendar" in synced
    assert "It ended before syncing began" in text_of(eli.get(url(office, "records?show=events")).text)
    assert "Outside the time window" in text_of(eli.get(url(office, "records?show=activities")).text)


def test_switching_a_calendar_off_shows_its_records_as_resting(office: Office, eli: FlaskClient) -> None:
    office.meeting("Theirs")
    office.settle()
    eli.post(url(office, f"calendars/{office.calendar.id}"), data={"syncs": "no"})
    assert "Syncing of this calendar is switched off" in text_of(eli.get(url(office, "records?show=parked")).text)


def test_private_titles_are_hidden_from_admins(office: Office, eli: FlaskClient, ada: FlaskClient) -> None:
    office.rule(import_private="full")
    office.meeting("Doctor", classification="private")
    office.settle()
    office.meeting("Old secret", hours=-3000, classification="private")
    office.settle()
    for part, title in (("records", "Doctor"), ("records?show=events", "Old secret")):
        assert title in eli.get(url(office, part)).text
        assert title not in ada.get(url(office, part)).text
        assert "Private" in text_of(ada.get(url(office, part)).text)


@pytest.fixture
def failing(office: Office) -> Office:
    """Writing one activity failed for good, because the calendar became read-only for a while."""
    office.write("Review")
    office.settle()
    office.write("Demo", hours=40)
    office.server.set_access("work", "reader")
    office.sync()
    office.server.set_access("work", "owner")
    return office


def test_an_issue_has_its_cause_its_help_and_its_button(failing: Office, eli: FlaskClient) -> None:
    page = eli.get(url(failing, "issues"))
    said = text_of(page.text)
    assert "No permission: 1 record" in said
    assert "Demo" in said
    assert "/help/#cannot-edit" in page.text
    assert "Demo" in text_of(eli.get(url(failing, "records?show=failing")).text)


def test_retrying_an_issue_tries_those_records_again(failing: Office, eli: FlaskClient) -> None:
    assert eli.post(url(failing, "issues/retry"), data={"error_class": "permission"}).status_code == 303
    work_waiting(failing.rt)
    assert failing.titles_there() == ["Demo", "Review"]
    assert "Nothing is wrong" in eli.get(url(failing, "issues")).text


def test_retrying_when_nothing_fails_says_so(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(url(office, "issues/retry"), follow_redirects=True)
    assert "Nothing fails any more" in answer.text


def test_a_dead_login_is_the_first_issue(office: Office, eli: FlaskClient) -> None:
    office.change_account(grant_ok=False)
    page = eli.get(url(office, "issues"))
    assert "Sign-in refused" in page.text
    assert url(office, "reconnect") in page.text


# --- timeline


def test_the_timeline_weaves_runs_with_what_people_did(office: Office, eli: FlaskClient) -> None:
    office.meeting()
    office.sync()
    office.clock.advance(minutes=5)
    eli.post(url(office, "pause"), data={"reason": "Move"})
    said = text_of(eli.get(url(office, "timeline")).text)
    assert said.index("Paused by eli@example.com") < said.index("Schedule: succeeded")
    assert "reason: Move" in said


def test_the_timeline_goes_on_where_its_page_ended(office: Office, eli: FlaskClient) -> None:
    with office.rt.writing() as session:
        for number in range(60):
            at = office.clock() - timedelta(minutes=60 - number)
            run = t.Run(account_id=office.account.id, trigger="schedule", state="succeeded", started_at=at)
            session.add(run)
    eli.post(url(office, "pause"), data={})
    first = eli.get(url(office, "timeline")).text
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = eli.get(older).text
    assert first.count("data-row") == 40
    assert second.count("data-row") == 21
    assert "rel=" not in second.split("</main>")[0].split("data-row")[-1]


# --- pushing what exists


def test_existing_data_is_pushed_after_a_preview(office: Office, eli: FlaskClient) -> None:
    office.change_calendar(is_write_target=False)
    office.write("Planned long ago")
    assert "Work" in eli.get(url(office, "push")).text
    preview = eli.post(url(office, "push"), data={"calendar": office.calendar.id}).location
    work_waiting(office.rt)
    shown = eli.get(preview)
    assert "1 will be created in Work Planned long ago" in text_of(shown.text)
    assert office.titles_there() == []
    digest = shown.text.split('name="digest" value="')[1].split('"')[0]
    run = preview.rpartition("=")[2]
    done = eli.post(url(office, f"push/{run}/apply"), data={"digest": digest}).location
    assert "Writing into Work" in text_of(eli.get(done).text)
    work_waiting(office.rt)
    assert "1 event was created in Work" in text_of(eli.get(done).text)
    assert office.titles_there() == ["Planned long ago"]


def test_pushing_needs_a_calendar_that_syncs(office: Office, eli: FlaskClient) -> None:
    office.change_calendar(syncs=False)
    assert "No calendar can take it" in eli.get(url(office, "push")).text
    assert eli.post(url(office, "push"), data={"calendar": office.calendar.id}).status_code == 422


def test_pushing_into_a_calendar_of_somebody_else_is_refused(office: Office, sign_in: SignIn) -> None:
    theirs = factories.make_calendar(office.rt, factories.make_account(office.rt, office.cast.sam))
    answer = sign_in(office.cast.eli).post(url(office, "push"), data={"calendar": theirs.id})
    assert answer.status_code == 422
    with office.rt.reading() as session:
        assert session.exec(select(t.Run)).all() == []


def test_what_the_provider_can_do_is_told_in_words(office: Office, eli: FlaskClient) -> None:
    said = text_of(eli.get(url(office, "capabilities")).text)
    for part in ("Keeps our mark", "Guests without mail", "Video meetings", "Recurring events"):
        assert part in said
