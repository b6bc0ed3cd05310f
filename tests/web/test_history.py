"""Sync History: the list and its filters, and what others may not see."""

import json

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.vocabulary import RunState
from calsync.store import history
from calsync.store import tables as t
from calsync.store.keyset import Cut
from tests import factories
from tests.services.office import Office
from tests.web.conftest import SignIn
from tests.web.history import edited, with_failures, with_held
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


# --- the list


def test_empty_list_says_the_next_step(ada: FlaskClient) -> None:
    assert "Nothing has run yet" in ada.get("/history/").text


def test_list_shows_what_each_run_did(office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    text = ada.get("/history/").text
    assert f"/history/{run.id}" in text
    assert "Succeeded" in text
    assert "Memory to CRM" in text


def test_runs_without_changes_are_folded_until_asked_for(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.sync()
    for _ in range(3):
        office.sync()
    folded, shown = ada.get("/history/").text, ada.get("/history/?quiet=show").text
    assert "3 runs with no changes" in folded
    assert folded.count("data-row") == 1
    assert shown.count("data-row") == 4


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("tab=inbound", 1),
        ("tab=outbound", 1),
        ("tab=errors", 1),
        ("tab=held", 0),
        ("state=partial", 1),
        ("state=nonsense", 0),
        ("trigger=retry", 0),
        ("class=permission", 1),
        ("class=auth", 0),
        ("since=2030-01-08", 0),
        ("until=2030-01-06", 0),
        ("since=2030-01-07&until=2030-01-07", 3),
        ("account=1", 3),
        ("account=99", 0),
        ("calendar=1", 3),
    ],
)
def test_filters_in_the_address(query: str, rows: int, office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    office.sync()
    office.write("Review")
    office.sync()
    with_failures(office)
    assert ada.get(f"/history/?{query}").text.count("data-row") == rows


def test_calendars_to_filter_by_are_those_of_the_account(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    assert 'name="calendar"' not in ada.get("/history/").text
    factories.make_calendar(office.rt, office.account, "Holidays", remote_id="holidays", is_write_target=False)
    assert "Holidays" in ada.get(f"/history/?account={office.account.id}").text
    assert "Holidays" not in sign_in(office.cast.sam).get(f"/history/?account={office.account.id}").text


def test_a_run_says_which_settings_changed_since(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    run = office.sync()
    assert "changed since" not in ada.get(f"/history/{run.id}").text
    office.rule(window_past_days=7)
    text = ada.get(f"/history/{run.id}").text
    assert "Settings in force, 1 changed since" in text
    assert "now 7 days" in text


def test_paging_keeps_every_run_once(office: Office) -> None:
    with office.rt.writing() as session:
        for number in range(23):
            state = RunState.SUCCEEDED if number % 3 else RunState.NO_CHANGES
            session.add(t.Run(account_id=office.account.id, trigger="manual", state=state, started_at=office.clock()))
    seen: list[int] = []
    cut = Cut(4)
    with office.rt.reading() as session:
        while True:
            found = history.list_runs(session, history.Filters(), cut)
            seen += [line.run.id for line in found.rows]
            if not found.has_next:
                break
            cut = Cut(4, after=(seen[-1],))
        back = history.list_runs(session, history.Filters(), Cut(4, before=(seen[-1],)))
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 15
    assert [line.run.id for line in back.rows] == seen[-5:-1]


def test_fragment_is_the_table_alone(office: Office, ada: FlaskClient) -> None:
    office.sync()
    text = ada.get("/history/", headers={"HX-Request": "true"}).text
    assert text.lstrip().startswith("<div")
    assert 'id="runs"' in text
    assert "<html" not in text


def test_list_polls_only_while_a_run_is_active(office: Office, ada: FlaskClient) -> None:
    run = with_failures(office)
    assert "every 5s" not in ada.get("/history/").text
    ada.post(f"/history/{run.id}/retry")
    assert "every 5s" in ada.get("/history/").text


def test_export_has_every_run_and_no_formula(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.sync()
    office.sync()
    office.change_account(label="=cmd()")
    rows = json.loads(ada.get("/history/export.json").text)
    assert [row["state"] for row in rows] == ["no_changes", "succeeded"]
    assert "'=cmd()" in ada.get("/history/export.csv").text


def test_strangers_see_none_of_it(office: Office, sign_in: SignIn) -> None:
    run = with_failures(office)
    sam = sign_in(office.cast.sam)
    assert sam.get("/history/").text.count("data-row") == 0
    for path in (f"/history/{run.id}", f"/history/{run.id}/records.json"):
        assert sam.get(path).status_code == 404
    assert sam.post(f"/history/{run.id}/retry").status_code == 404


def test_anonymous_people_are_sent_to_the_login(anonymous: FlaskClient) -> None:
    assert "/login" in anonymous.get("/history/").location


# --- cost


def test_at_most_twelve_queries_a_page(office: Office, ada: FlaskClient) -> None:
    undoable = edited(office)
    run = with_failures(office)
    held = with_held(office)
    with office.rt.writing() as session:
        session.merge(t.Instance(id=1))  # as every installation has it that ever started
    for path in ("/history/", f"/history/{run.id}", f"/history/{held.id}", f"/history/{undoable.id}/undo"):
        ada.get(path)
        with count_queries(office.rt) as queries:
            assert ada.get(path).status_code == 200
        assert len(queries) <= 12, "\n\n".join(q[:160].replace("\n", " ") for q in queries)


def test_cost_of_the_list_does_not_grow_with_runs_that_changed_nothing(office: Office) -> None:
    office.meeting()
    office.sync()
    with office.rt.writing() as session:
        many = [
            t.Run(account_id=1, trigger="schedule", state="no_changes", started_at=office.clock()) for _ in range(300)
        ]
        session.add_all(many)
    with office.rt.reading() as session:
        found = history.list_runs(session, history.Filters(), Cut(10))
        quiet = history.quiet_ids(session, history.Filters(), 0, None)
        assert len(session.exec(select(t.Run.id)).all()) == 301
    assert (len(found.rows), len(quiet)) == (1, 300)
