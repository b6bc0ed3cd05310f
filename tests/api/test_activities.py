"""Activities by the API: one by one, by the CRM's own ids, a thousand at once, and the feed of what became of them."""

import pytest
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import activities, hand_over
from calsync.store import tables as t
from tests import factories
from tests.api.conftest import MEETING, Program, Programs
from tests.api.test_frame import problem
from tests.factories import Cast
from tests.services.office import Office


def records(count: int, owner: str, **values: object) -> list[dict[str, object]]:
    return [{**MEETING, "external_id": f"crm-{n}", "title": f"No. {n}", "owner": owner, **values} for n in range(count)]


def row_of(rt: Runtime, public_id: str) -> t.Activity:
    with rt.reading() as session:
        return session.exec(select(t.Activity).where(t.Activity.public_id == public_id)).one()


# --- one by one


def test_an_activity_is_made_shown_changed_and_cancelled(eli: Program) -> None:
    sent = {
        **MEETING,
        "external_id": "crm-1",
        "time_zone": "Europe/Berlin",
        "attendees": [{"email": "Gil@example.org", "name": "Gil"}],
        "reminders": [{"minutes": 10}],
        "location_type": "in_person",
        "visibility": "private",
    }
    made = eli.post("/activities", sent)
    told = made.get_json()
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/activities/{told['id']}")
    assert told["attendees"] == [{"email": "gil@example.org", "name": "Gil", "response": "needs-action"}]
    assert (told["location_type"], told["visibility"], told["time_zone"]) == ("IN_PERSON", "private", "Europe/Berlin")
    path = f"/activities/{told['id']}"
    assert eli.get(path).get_json() == told
    changed = eli.patch(path, {"title": "Moved", "start": "2030-01-10T10:00:00Z"}).get_json()
    assert (changed["title"], changed["end"]) == ("Moved", "2030-01-10T11:00:00Z")  # it keeps its length
    assert eli.delete(path).get_json()["status"] == "cancelled"
    assert eli.patch(path, {"status": "confirmed"}).get_json()["status"] == "confirmed"


def test_days_and_due_times_and_series(eli: Program) -> None:
    day = eli.post("/activities", {"title": "Fair", "start": "2030-02-01", "end": "2030-02-03"}).get_json()
    assert (day["is_all_day"], day["start"], day["end"]) == (True, "2030-02-01", "2030-02-03")
    task = eli.post("/activities", {"title": "Offer", "kind": "task", "due": "2030-02-01T12:00:00Z"}).get_json()
    assert task["due"] == "2030-02-01T12:00:00Z"
    series = eli.post("/activities", {**MEETING, "rrule": "FREQ=WEEKLY", "time_zone": "Europe/Berlin"}).get_json()
    assert series["rrule"] == "FREQ=WEEKLY"


def test_a_time_without_an_offset_is_by_the_clock_of_its_zone(eli: Program) -> None:
    sent = {"title": "x", "start": "2030-01-09T10:00:00", "time_zone": "Europe/Berlin"}
    assert eli.post("/activities", sent).get_json()["start"] == "2030-01-09T09:00:00Z"


def test_what_belongs_to_others_is_not_there(eli: Program, program: Programs, cast: Cast) -> None:
    made = eli.post("/activities", {**MEETING, "external_id": "crm-1"}).get_json()
    sam = program(cast.sam)
    problem(sam.get(f"/activities/{made['id']}"), 404)
    problem(sam.patch(f"/activities/{made['id']}", {"title": "Mine"}), 404)
    problem(sam.get("/activities/by-external-id/crm-1"), 404)
    problem(sam.put("/activities/by-external-id/crm-1", MEETING), 409)
    problem(sam.post("/activities", {**MEETING, "owner": cast.eli.email}), 404)
    assert sam.get("/activities").get_json()["items"] == []


def test_admins_do_not_read_what_others_keep_private(eli: Program, program: Programs, crm: Program, cast: Cast) -> None:
    made = eli.post("/activities", {**MEETING, "visibility": "private", "location": "Clinic"}).get_json()
    shown = program(cast.ada).get(f"/activities/{made['id']}").get_json()
    assert (shown["title"], shown["location"], shown["is_withheld"]) == ("Busy", "", True)
    assert crm.get(f"/activities/{made['id']}").get_json()["title"] == MEETING["title"]  # the CRM's own record


def test_a_service_token_says_for_whom(crm: Program, cast: Cast) -> None:
    assert problem(crm.post("/activities", MEETING), 422)["errors"][0]["field"] == "owner"
    made = crm.post("/activities", {**MEETING, "owner": cast.eli.email}).get_json()
    assert made["owner"]["email"] == cast.eli.email
    by_id = crm.post("/activities", {**MEETING, "owner": cast.eli.public_id})
    assert by_id.status_code == 201
    problem(crm.post("/activities", {**MEETING, "owner": "nobody@example.com"}), 422)


# --- lists


def test_a_list_is_walked_to_its_end_by_next(crm: Program, cast: Cast) -> None:
    crm.post("/activities/bulk", {"activities": records(7, cast.eli.email)})
    path, seen = "/activities?limit=3&kind=meeting", []
    while path:
        part = crm.get(path.removeprefix("/api/v1")).get_json()
        seen += [each["external_id"] for each in part["items"]]
        path = part["next"]
    assert sorted(seen) == sorted(f"crm-{n}" for n in range(7))


@pytest.mark.parametrize("cursor", ["x", "e30", "WzFd", "bnVsbA", "%F0%9F%98%80"])
def test_a_mangled_cursor_is_refused(crm: Program, cursor: str) -> None:
    assert crm.get(f"/activities?cursor={cursor}").status_code in (404, 422)


def test_a_list_is_narrowed(crm: Program, cast: Cast) -> None:
    sent = records(3, cast.eli.email)
    sent[1] |= {"kind": "call", "owner": cast.sam.email}
    sent[2] |= {"start": "2030-03-01T10:00:00Z", "end": "2030-03-01T11:00:00Z"}
    crm.post("/activities/bulk", {"activities": sent})

    def found(query: str) -> list[str]:
        return sorted(each["external_id"] for each in crm.get(f"/activities?{query}").get_json()["items"])

    assert found("kind=call") == ["crm-1"]
    assert found(f"owner={cast.sam.email}") == ["crm-1"]
    assert found("start=2030-02-01T00:00:00Z") == ["crm-2"]
    assert found("end=2030-02-01T00:00:00Z&search=No.%200") == ["crm-0"]


# --- by the CRM's own ids


def test_an_upsert_is_the_same_however_often_it_is_sent(crm: Program, cast: Cast) -> None:
    sent = {**MEETING, "owner": cast.eli.email}
    first = crm.put("/activities/by-external-id/crm-1", sent)
    again = crm.put("/activities/by-external-id/crm-1", sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    changed = crm.put("/activities/by-external-id/crm-1", {"title": "Other"}).get_json()
    assert (changed["id"], changed["title"], changed["version"]) == (first.get_json()["id"], "Other", 2)


def test_an_upsert_cancels_and_brings_back(crm: Program, cast: Cast) -> None:
    path = "/activities/by-external-id/crm-1"
    crm.put(path, {**MEETING, "owner": cast.eli.email})
    assert crm.put(path, {"status": "cancelled"}).get_json()["status"] == "cancelled"
    assert crm.put(path, {"status": "cancelled"}).get_json()["version"] == 2
    back = crm.put(path, {**MEETING, "title": "Again"}).get_json()
    assert (back["status"], back["title"]) == ("confirmed", "Again")


def test_a_bulk_upsert_answers_for_each_record(crm: Program, cast: Cast) -> None:
    crm.put("/activities/by-external-id/crm-0", {**MEETING, "title": "No. 0", "owner": cast.eli.email})
    crm.put("/activities/by-external-id/crm-1", {**MEETING, "owner": cast.eli.email})
    sent = records(4, cast.eli.email)
    sent[3]["end"] = "2029-01-01T00:00:00Z"
    sent += [{"title": "No id"}, {**MEETING, "external_id": "crm-9", "colour": "red"}]
    told = crm.post("/activities/bulk", {"activities": sent}).get_json()
    assert [each["status"] for each in told["results"]] == [
        "unchanged", "updated", "created", "refused", "refused", "refused",
    ]  # fmt: skip
    assert told["results"][3]["errors"][0]["field"] == "end"
    assert told["results"][5]["errors"][0]["field"] == "colour"
    assert (told["created"], told["updated"], told["unchanged"], told["refused"]) == (1, 1, 1, 3)


def test_an_id_that_comes_twice_is_written_twice(crm: Program, cast: Cast) -> None:
    sent = [*records(1, cast.eli.email), *records(1, cast.eli.email, title="Later")]
    told = crm.post("/activities/bulk", {"activities": sent}).get_json()
    assert [each["status"] for each in told["results"]] == ["created", "updated"]
    assert crm.get("/activities/by-external-id/crm-0").get_json()["title"] == "Later"


def test_a_series_whose_changed_occurrence_has_no_place_any_more_is_left_whole(
    crm: Program, cast: Cast, rt: Runtime
) -> None:
    sent = {**MEETING, "owner": cast.eli.email, "rrule": "FREQ=DAILY;COUNT=5", "time_zone": "UTC"}
    made = crm.put("/activities/by-external-id/crm-1", sent).get_json()
    row = row_of(rt, made["id"])
    fourth = factories.START.replace(day=12, hour=10)
    activities.edit_occurrence(rt, t.pk(row), fourth, "this", {"title": "Odd"}, by=factories.acting(cast.eli))
    other = {**sent, "title": "New", "rrule": "FREQ=DAILY;COUNT=2"}
    problem(crm.put("/activities/by-external-id/crm-1", other), 409)
    assert crm.get("/activities/by-external-id/crm-1").get_json()["title"] == MEETING["title"]


def test_what_was_made_here_gets_the_id_of_the_crm(crm: Program, eli: Program, program: Programs, cast: Cast) -> None:
    made = eli.post("/activities", MEETING).get_json()
    claim = {"external_id": "crm-5", "id": made["id"]}
    (told,) = crm.post("/activities/bulk", {"activities": [claim]}).get_json()["results"]
    assert (told["status"], told["id"]) == ("updated", made["id"])
    (again,) = crm.post("/activities/bulk", {"activities": [{**claim, "status": "cancelled"}]}).get_json()["results"]
    assert again["status"] == "updated"
    shown = crm.get("/activities/by-external-id/crm-5").get_json()
    assert (shown["id"], shown["status"]) == (made["id"], "cancelled")
    crm.put("/activities/by-external-id/crm-6", {**MEETING, "owner": cast.eli.email})
    wrong = [{"external_id": "crm-6", "id": made["id"]}, {"external_id": "crm-7", "id": "unknown"}]
    results = crm.post("/activities/bulk", {"activities": wrong}).get_json()["results"]
    assert [each["code"] for each in results] == ["duplicate", "not_found"]
    (hidden,) = program(cast.sam).post("/activities/bulk", {"activities": [claim]}).get_json()["results"]
    assert hidden["code"] == "not_found"


def test_more_than_a_thousand_are_refused(crm: Program, cast: Cast) -> None:
    problem(crm.post("/activities/bulk", {"activities": records(1001, cast.eli.email)}), 422)


# --- the feed


def test_the_feed_tells_what_became_of_an_activity_and_who_did_it(crm: Program, cast: Cast, rt: Runtime) -> None:
    start = crm.get("/activities/changes?cursor=latest").get_json()["cursor"]
    made = crm.put("/activities/by-external-id/crm-1", {**MEETING, "owner": cast.eli.email}).get_json()
    row = row_of(rt, made["id"])
    activities.edit(rt, t.pk(row), {"title": "By hand", "show_as": "free"}, by=factories.acting(cast.eli))
    crm.delete(f"/activities/{made['id']}")
    told = crm.get(f"/activities/changes?cursor={start}&include=activity").get_json()
    assert [(c["type"], c["external_id"], c["fields"], c["by"]["kind"]) for c in told["changes"]] == [
        ("activity.created", "crm-1", [], "api"),
        ("activity.updated", "crm-1", ["title", "show_as"], "user"),
        ("activity.cancelled", "crm-1", ["status"], "api"),
    ]
    assert told["changes"][0]["by"]["name"] == "token test"
    assert {c["activity"]["status"] for c in told["changes"]} == {"cancelled"}  # as it is now
    rest = crm.get(f"/activities/changes?cursor={told['cursor']}").get_json()
    assert (rest["changes"], rest["cursor"], rest["has_more"]) == ([], told["cursor"], False)


def test_a_cursor_from_before_a_restored_backup_is_refused(crm: Program) -> None:
    assert problem(crm.get("/activities/changes?cursor=7.1"), 410)["code"] == "cursor_too_old"
    problem(crm.get("/activities/changes?cursor=1"), 422)


def test_the_feed_goes_with_an_activity_to_its_new_owner(
    eli: Program, program: Programs, cast: Cast, rt: Runtime
) -> None:
    eli.post("/activities", MEETING)
    hand_over.hand_over(rt, t.pk(cast.eli), t.pk(cast.sam), by=factories.acting(cast.ada))
    (told,) = program(cast.sam).get("/activities/changes?include=activity").get_json()["changes"]
    assert (told["fields"], told["activity"]["owner"]["email"]) == (["owner"], cast.sam.email)
    (before,) = eli.get("/activities/changes?include=activity").get_json()["changes"]
    assert before["activity"] is None


# --- syncing


def test_an_activity_tells_where_it_is_synced(eli: Program, workplace: Office) -> None:
    workplace.sync()
    made = eli.post("/activities", MEETING).get_json()
    workplace.sync()
    told = eli.get(f"/activities/{made['id']}/sync").get_json()
    assert [(link["state"], link["is_in_sync"]) for link in told["links"]] == [("active", True)]
    eli.patch(f"/activities/{made['id']}", {"title": "Not there yet"})
    assert eli.get(f"/activities/{made['id']}/sync").get_json()["links"][0]["is_in_sync"] is False


def test_an_edit_that_has_no_way_to_its_calendar_is_refused(eli: Program, workplace: Office) -> None:
    workplace.meeting("Theirs")
    workplace.sync()
    workplace.rule(direction="inbound")
    (item,) = eli.get("/activities").get_json()["items"]
    assert problem(eli.patch(f"/activities/{item['id']}", {"title": "Ours"}), 409)["code"] == "one_way"
