"""Event types, Meet, free/busy, settings, colours (contract 9, 11, 13)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulators.google.cast import ADA, ELI, EVENTS, SCOPE, VIC, Api, all_day, guests, reason, timed, weekly
from tests.emulators.google.server import Switchboard

BIRTHDAY = all_day(
    8,
    eventType="birthday",
    birthdayProperties={"type": "birthday"},
    visibility="private",
    transparency="transparent",
    recurrence=["RRULE:FREQ=YEARLY"],
)
OFFICE = {"type": "officeLocation", "officeLocation": {"label": "HQ"}}
AT_WORK = {"eventType": "workingLocation", "workingLocationProperties": OFFICE}
OPEN = {"visibility": "public", "transparency": "transparent"}


@pytest.mark.parametrize(
    "body",
    [
        timed(eventType="focusTime", focusTimeProperties={"chatStatus": "doNotDisturb"}),
        timed(eventType="outOfOffice", outOfOfficeProperties={"autoDeclineMode": "declineNone"}),
        timed(**AT_WORK, **OPEN),
        all_day(**AT_WORK, **OPEN),
        BIRTHDAY,
    ],
)
def test_every_type_can_be_made_and_found(ada: Api, body: dict) -> None:
    event = ada.insert(body)
    assert event["eventType"] == body["eventType"]
    assert [item["id"] for item in ada.events(eventTypes=body["eventType"])] == [event["id"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (timed(eventType="focusTime"), "malformedFocusTimeEvent"),
        (all_day(eventType="focusTime", focusTimeProperties={}), "malformedFocusTimeEvent"),
        (timed(eventType="outOfOffice"), "malformedOutOfOfficeEvent"),
        (
            timed(eventType="outOfOffice", outOfOfficeProperties={"autoDeclineMode": "x"}),
            "malformedOutOfOfficeEvent",
        ),
        (
            timed(eventType="outOfOffice", outOfOfficeProperties={}, transparency="transparent"),
            "malformedOutOfOfficeEvent",
        ),
        (timed(**AT_WORK), "malformedWorkingLocationEvent"),
        (timed(eventType="workingLocation", **OPEN), "malformedWorkingLocationEvent"),
        (all_day(days=2, **AT_WORK, **OPEN), "eventDurationExceedsLimit"),
        (BIRTHDAY | {"location": "Home"}, "eventTypeRestriction"),
        (BIRTHDAY | {"id": "abcde12345"}, "eventTypeRestriction"),
        (BIRTHDAY | {"recurrence": []}, "eventTypeRestriction"),
        (BIRTHDAY | {"visibility": "public"}, "eventTypeRestriction"),
        (BIRTHDAY | {"birthdayProperties": {"type": "anniversary"}}, "eventTypeRestriction"),
        (timed(eventType="fromGmail"), "eventTypeRestriction"),
        (timed(eventType="party"), "eventTypeRestriction"),
        (timed(focusTimeProperties={}), "eventTypeRestriction"),
    ],
)
def test_type_rules(ada: Api, body: dict, expected: str) -> None:
    assert reason(ada("POST", EVENTS, body)) == (400, expected)


def test_types_do_not_change(ada: Api) -> None:
    event = ada.insert(timed())
    change = {"eventType": "focusTime", "focusTimeProperties": {}}
    assert reason(ada.patch(event["id"], change)) == (400, "eventTypeRestriction")
    birthday = ada.insert(BIRTHDAY)
    assert ada.patch(birthday["id"], {"summary": "Ben is 40"}).status_code == 200
    assert reason(ada.patch(birthday["id"], {"description": "x"})) == (400, "eventTypeRestriction")


def test_status_events_live_on_some_primary_calendars(ada: Api, switch: Switchboard) -> None:
    focus = timed(eventType="focusTime", focusTimeProperties={})
    team = switch.add_calendar(ADA, "Team")
    assert reason(ada("POST", f"calendars/{team}/events", focus)) == (400, "eventTypeRestriction")
    switch.change_user(ADA, allows_status_events=False)
    assert reason(ada("POST", EVENTS, focus)) == (400, "eventTypeRestriction")


def test_events_from_mail_change_in_part(ada: Api, switch: Switchboard) -> None:
    event_id = switch.seed_event(ADA, timed(eventType="fromGmail"))
    assert ada.patch(event_id, {"colorId": "3"}).status_code == 200
    assert reason(ada.patch(event_id, {"summary": "x"})) == (400, "eventTypeRestriction")


# Meet


def meet(request_id: str = "bk-1", kind: str = "hangoutsMeet") -> dict:
    return {"conferenceData": {"createRequest": {"requestId": request_id, "conferenceSolutionKey": {"type": kind}}}}


def test_meet_link_needs_the_version(ada: Api) -> None:
    assert "conferenceData" not in ada.insert(timed(**meet()))
    event = ada.insert(timed(**meet()), conferenceDataVersion=1)
    data = event["conferenceData"]
    assert data["createRequest"]["status"] == {"statusCode": "success"}
    assert data["entryPoints"][0]["uri"] == event["hangoutLink"] == f"https://meet.google.com/{data['conferenceId']}"
    assert [len(part) for part in data["conferenceId"].split("-")] == [3, 4, 3]


def test_pending_meet_succeeds_later(ada: Api, switch: Switchboard) -> None:
    switch.script_meet("pending", pending_s=60)
    event = ada.insert(timed(**meet()), conferenceDataVersion=1)
    request = event["conferenceData"]["createRequest"]
    assert (request["status"]["statusCode"], "hangoutLink" in event) == ("pending", False)
    assert event["conferenceData"].keys() == {"createRequest"}
    token = ada.sync_token()
    switch.advance(61)
    (changed,) = ada.changes(token)
    assert changed["hangoutLink"].startswith("https://meet.google.com/")
    assert changed["etag"] != event["etag"]


def test_meet_fails_at_once_or_later(ada: Api, switch: Switchboard) -> None:
    switch.script_meet("failure", "doomed", "pending")
    failed, doomed, lost = (ada.insert(timed(**meet(f"bk-{number}")), conferenceDataVersion=1) for number in range(3))
    assert failed["conferenceData"]["createRequest"]["status"]["statusCode"] == "failure"
    switch.resolve_meet(doomed["id"])
    switch.resolve_meet(lost["id"], "failure")
    for event in (doomed, lost):
        data = ada.event(event["id"])["conferenceData"]
        assert data["createRequest"]["status"]["statusCode"] == "failure"
        assert "entryPoints" not in data


def test_same_meet_request_is_ignored(ada: Api, switch: Switchboard) -> None:
    switch.script_meet("failure")
    event = ada.insert(timed(**meet()), conferenceDataVersion=1)
    same = ada.patch(event["id"], meet(), conferenceDataVersion=1).json()
    assert same["conferenceData"]["createRequest"]["status"]["statusCode"] == "failure"
    fresh = ada.patch(event["id"], meet("bk-2"), conferenceDataVersion=1).json()
    assert fresh["conferenceData"]["createRequest"]["status"]["statusCode"] == "success"


def test_meet_survives_writes_and_reaches_copies(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**meet(), **guests(ELI)), conferenceDataVersion=1)
    link = event["hangoutLink"]
    moved = {"start": {"dateTime": "2030-01-09T10:00:00Z"}, "end": {"dateTime": "2030-01-09T10:30:00Z"}}
    assert ada.patch(event["id"], moved).json()["hangoutLink"] == link
    assert ada.put(event["id"], timed(**guests(ELI))).json()["hangoutLink"] == link
    assert ada.patch(event["id"], {"summary": "x"}, conferenceDataVersion=1).json()["hangoutLink"] == link
    assert eli.event(event["id"])["hangoutLink"] == link


def test_meet_is_removed_by_null_or_a_bare_put(ada: Api) -> None:
    for write in (
        lambda event_id: ada.patch(event_id, {"conferenceData": None}, conferenceDataVersion=1),
        lambda event_id: ada.put(event_id, timed(), conferenceDataVersion=1),
    ):
        event = ada.insert(timed(**meet()), conferenceDataVersion=1)
        assert not {"conferenceData", "hangoutLink"} & write(event["id"]).json().keys()


def test_conference_rules(ada: Api, switch: Switchboard) -> None:
    wrong = ada("POST", EVENTS, timed(**meet(kind="addOn")), conferenceDataVersion=1)
    assert wrong.json()["error"]["message"] == "Invalid conference type value."
    nameless = {"conferenceData": {"createRequest": {}}}
    assert reason(ada("POST", EVENTS, timed(**nameless), conferenceDataVersion=1)) == (400, "required")
    video = {"entryPointType": "video", "uri": "https://zoom.example/1"}
    own = {"conferenceData": {"entryPoints": [video], "conferenceSolution": {"key": {"type": "addOn"}}}}
    event = ada.insert(timed(**own), conferenceDataVersion=1)
    assert event["conferenceData"]["entryPoints"] == [video]
    twice = {"conferenceData": {"entryPoints": [video, video]}}
    assert ada("POST", EVENTS, timed(**twice), conferenceDataVersion=1).status_code == 400
    long = {"conferenceData": {"entryPoints": [{**video, "uri": f"https://{'x' * 1300}"}]}}
    assert ada("POST", EVENTS, timed(**long), conferenceDataVersion=1).status_code == 400


# Free/busy


def window(**more: object) -> dict:
    return {"timeMin": "2030-01-08T00:00:00Z", "timeMax": "2030-01-09T00:00:00Z", "items": [{"id": ADA}], **more}


def test_busy_times_are_merged_and_clipped(ada: Api) -> None:
    for body in (timed(9), timed(10), timed(10, transparency="transparent"), all_day(9)):
        ada.insert(body)
    ada.insert(timed(9) | {"end": {"dateTime": "2030-01-08T10:15:00Z"}})
    late = {"start": {"dateTime": "2030-01-08T23:00:00Z"}, "end": {"dateTime": "2030-01-09T04:00:00Z"}}
    ada.insert(timed() | late)
    answer = ada("POST", "freeBusy", window()).json()
    assert answer["kind"] == "calendar#freeBusy"
    assert answer["timeMin"] == "2030-01-08T00:00:00.000Z"
    assert answer["calendars"][ADA]["busy"] == [
        {"start": "2030-01-08T09:00:00Z", "end": "2030-01-08T10:30:00Z"},
        {"start": "2030-01-08T23:00:00Z", "end": "2030-01-09T00:00:00Z"},
    ]


def test_declined_and_cancelled_are_free(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    asked = window(items=[{"id": ELI}])
    assert len(eli("POST", "freeBusy", asked).json()["calendars"][ELI]["busy"]) == 1
    eli.delete(event["id"])
    assert eli("POST", "freeBusy", asked).json()["calendars"][ELI]["busy"] == []


def test_series_and_their_exceptions_are_busy(ada: Api) -> None:
    series = ada.insert(weekly())
    ada.delete(f"{series['id']}_20300326T090000Z")
    march = {"timeMin": "2030-03-01T00:00:00Z", "timeMax": "2030-04-30T00:00:00Z", "timeZone": "Europe/Lisbon"}
    busy = ada("POST", "freeBusy", window(**march)).json()["calendars"][ADA]["busy"]
    assert [span["start"] for span in busy] == [
        "2030-03-19T09:00:00Z",
        "2030-04-02T09:00:00+01:00",
        "2030-04-09T09:00:00+01:00",
    ]


def test_calendars_fail_one_by_one(ada: Api) -> None:
    answer = ada("POST", "freeBusy", window(items=[{"id": ADA}, {"id": VIC}, {"id": "gone@x.example"}])).json()
    for name in (VIC, "gone@x.example"):
        assert answer["calendars"][name] == {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    assert answer["calendars"][ADA] == {"busy": []}


def test_too_many_calendars(ada: Api) -> None:
    many = [{"id": f"c{number}@x.example"} for number in range(51)]
    calendars = ada("POST", "freeBusy", window(items=many)).json()["calendars"]
    assert calendars["c50@x.example"]["errors"][0]["reason"] == "tooManyCalendarsRequested"
    assert calendars["c49@x.example"]["errors"][0]["reason"] == "notFound"
    assert ada("POST", "freeBusy", window(calendarExpansionMax=51)).status_code == 400


def test_groups(ada: Api, switch: Switchboard) -> None:
    switch.post("/groups", email="team@example.com", members=[ADA, ELI])
    answer = ada("POST", "freeBusy", window(items=[{"id": "team@example.com"}])).json()
    assert answer["groups"]["team@example.com"] == {"calendars": [ADA, ELI]}
    assert answer["calendars"].keys() == {ADA, ELI}
    small = ada("POST", "freeBusy", window(items=[{"id": "team@example.com"}], groupExpansionMax=1)).json()
    assert small["groups"]["team@example.com"]["errors"][0]["reason"] == "groupTooBig"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timeMax": "2030-06-01T00:00:00Z"}, "timeRangeTooLong"),
        ({"timeMax": "2030-01-08T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeMax": None}, "required"),
        ({"timeMin": "2030-01-08T00:00:00"}, "badRequest"),
        ({"timeZone": "Mars/Base"}, "invalidParameter"),
    ],
)
def test_windows_are_checked(ada: Api, change: dict, expected: str) -> None:
    assert reason(ada("POST", "freeBusy", window(**change))) == (400, expected)


# Settings and colours


def test_settings(ada: Api, switch: Switchboard) -> None:
    page = ada("GET", "users/me/settings").json()
    values = {item["id"]: item["value"] for item in page["items"]}
    assert (values["timezone"], values["weekStart"]) == ("Europe/Lisbon", "1")
    switch.post("/users/settings", email=ADA, settings={"weekStart": "0"})
    changed = ada("GET", "users/me/settings", syncToken=page["nextSyncToken"]).json()["items"]
    assert [(item["id"], item["value"]) for item in changed] == [("weekStart", "0")]
    assert ada("GET", "users/me/settings/weekStart").json()["value"] == "0"
    assert reason(ada("GET", "users/me/settings/moonPhase")) == (404, "notFound")


def test_colours(ada: Api) -> None:
    colours = ada("GET", "colors").json()
    assert (len(colours["calendar"]), len(colours["event"])) == (24, 11)
    assert colours["event"]["11"] == {"background": "#dc2127", "foreground": "#1d1d1d"}


def test_owned_and_public_scopes(api_of: Callable[..., Api], ada: Api, switch: Switchboard) -> None:
    switch.share(ELI, ADA, "reader")
    owned = api_of(ADA, [SCOPE + "calendar.events.owned.readonly"])
    assert owned("GET", EVENTS).status_code == 200
    assert owned("GET", f"calendars/{ELI}/events").status_code == 403
    public = api_of(ADA, [SCOPE + "calendar.events.public.readonly"])
    assert public("GET", EVENTS).status_code == 403
    ada("POST", f"calendars/{ADA}/acl", {"scope": {"type": "default"}, "role": "reader"})
    assert public("GET", EVENTS).status_code == 200
