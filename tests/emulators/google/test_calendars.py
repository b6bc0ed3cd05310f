"""Lists of calendars, calendars themselves, sharing rules (contract 13.4 to 13.6)."""

from __future__ import annotations

from tests.emulators.google.cast import ADA, ELI, EVENTS, Api, find, reason, timed
from tests.emulators.google.server import Switchboard


def test_calendar_list(ada: Api, switch: Switchboard) -> None:
    switch.add_calendar(ELI, "Team", id="c_team@group.calendar.google.com")
    switch.share("c_team@group.calendar.google.com", ADA, "writer")
    page = ada("GET", "users/me/calendarList").json()
    mine, team = page["items"]
    assert page["kind"] == "calendar#calendarList"
    assert (mine["id"], mine["primary"], mine["accessRole"]) == (ADA, True, "owner")
    assert mine["backgroundColor"].startswith("#")
    assert mine["conferenceProperties"] == {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}
    assert (team["summary"], team["accessRole"], team["dataOwner"]) == ("Team", "writer", ELI)
    assert not {"primary", "hidden", "deleted"} & team.keys()


def test_calendar_list_filters_and_pages(ada: Api, switch: Switchboard) -> None:
    for number in range(3):
        team = switch.add_calendar(ELI, f"Team {number}")
        switch.share(team, ADA, "reader")
    ada("PATCH", f"users/me/calendarList/{team}", {"hidden": True})
    assert len(ada("GET", "users/me/calendarList").json()["items"]) == 3
    assert len(ada("GET", "users/me/calendarList", showHidden="true").json()["items"]) == 4
    assert len(ada("GET", "users/me/calendarList", minAccessRole="writer").json()["items"]) == 1
    page = ada("GET", "users/me/calendarList", maxResults=2).json()
    assert "nextSyncToken" not in page
    rest = ada("GET", "users/me/calendarList", maxResults=2, pageToken=page["nextPageToken"]).json()
    assert "nextSyncToken" in rest


def test_calendar_list_sync(ada: Api, switch: Switchboard) -> None:
    path = "users/me/calendarList"
    token = ada("GET", path).json()["nextSyncToken"]
    team = switch.add_calendar(ELI, "Team")
    switch.share(team, ADA, "reader")
    page = ada("GET", path, syncToken=token).json()
    assert [item["id"] for item in page["items"]] == [team]
    assert ada("DELETE", f"{path}/{team}").status_code == 204
    page = ada("GET", path, syncToken=page["nextSyncToken"]).json()
    assert [(item["id"], item["deleted"]) for item in page["items"]] == [(team, True)]
    assert reason(ada("GET", path, syncToken=token, minAccessRole="writer")) == (400, "invalid")
    assert reason(ada("GET", path, syncToken=token, showDeleted="false")) == (400, "invalid")


def test_title_changes_are_not_reported(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ADA, "Team")
    token = ada("GET", "users/me/calendarList").json()["nextSyncToken"]
    ada("PATCH", f"calendars/{team}", {"summary": "Crew"})
    assert ada("GET", "users/me/calendarList", syncToken=token).json()["items"] == []
    assert ada("GET", f"users/me/calendarList/{team}").json()["summary"] == "Crew"


def test_own_view_of_a_calendar(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ELI, "Team")
    switch.share(team, ADA, "reader", listed=False)
    assert reason(ada("GET", f"users/me/calendarList/{team}")) == (404, "notFound")
    entry = ada("POST", "users/me/calendarList", {"id": team, "summaryOverride": "Crew", "colorId": "3"}).json()
    assert (entry["summaryOverride"], entry["backgroundColor"]) == ("Crew", "#f83a22")
    rgb = {"backgroundColor": "#123456", "foregroundColor": "#ffffff"}
    path = f"users/me/calendarList/{team}"
    assert ada("PATCH", path, rgb).json()["backgroundColor"] == "#f83a22"
    assert ada("PATCH", path, rgb, colorRgbFormat="true").json()["backgroundColor"] == "#123456"
    assert "summaryOverride" not in ada("PUT", path, {"selected": True}).json()
    assert reason(ada("DELETE", f"users/me/calendarList/{ADA}")) == (400, "cannotUnsubscribeFromOwnedCalendar")


def test_calendars_are_made_changed_and_deleted(ada: Api) -> None:
    made = ada("POST", "calendars", {"summary": "Bookings", "timeZone": "Europe/Lisbon"}).json()
    assert made["id"].endswith("@group.calendar.google.com")
    assert made["dataOwner"] == ADA
    path = f"calendars/{made['id']}"
    assert ada("PATCH", path, {"description": "x"}).json()["description"] == "x"
    assert "description" not in ada("PUT", path, {"summary": "Crew"}).json()
    assert reason(ada("POST", "calendars", {})) == (400, "required")
    assert reason(ada("PATCH", path, {"timeZone": "Mars/Base"})) == (400, "invalid")
    assert ada("DELETE", path).status_code == 204
    assert reason(ada("GET", path)) == (404, "notFound")
    assert reason(ada("DELETE", "calendars/primary")) == (400, "cannotDeletePrimaryCalendar")


def test_primary_calendar_is_cleared(ada: Api) -> None:
    ada.insert(timed())
    token = ada.sync_token()
    assert ada("POST", "calendars/primary/clear").status_code == 204
    assert ada.events(showDeleted="true") == []
    assert reason(ada("GET", EVENTS, syncToken=token)) == (410, "fullSyncRequired")


def test_ownership_is_handed_over(ada: Api, eli: Api) -> None:
    made = ada("POST", "calendars", {"summary": "Bookings"}).json()["id"]
    query = {"newDataOwner": ELI, "useAdminAccess": "true"}
    assert ada("POST", f"calendars/{made}/transferOwnership", **query).status_code == 204
    assert eli("GET", f"calendars/{made}").json()["dataOwner"] == ELI
    assert reason(ada("POST", "calendars/primary/transferOwnership", **query)) == (403, "forbidden")


def test_use_limits(ada: Api, switch: Switchboard) -> None:
    switch.settings(calendars_created_limit=1, events_created_limit=1)
    assert ada("POST", "calendars", {"summary": "One"}).status_code == 200
    assert reason(ada("POST", "calendars", {"summary": "Two"})) == (403, "quotaExceeded")
    ada.insert(timed())
    assert reason(ada("POST", EVENTS, timed())) == (403, "quotaExceeded")


def test_sharing_rules(ada: Api, eli: Api) -> None:
    path = f"calendars/{ADA}/acl"
    rule = ada("POST", path, {"scope": {"type": "user", "value": ELI}, "role": "reader"}).json()
    assert (rule["id"], rule["role"]) == (f"user:{ELI}", "reader")
    assert eli("GET", f"calendars/{ADA}/events").status_code == 200
    token = ada("GET", path).json()["nextSyncToken"]
    assert ada("PATCH", f"{path}/{rule['id']}", {"role": "writer"}).json()["role"] == "writer"
    assert ada("DELETE", f"{path}/{rule['id']}").status_code == 204
    changed = ada("GET", path, syncToken=token).json()["items"]
    assert [(item["id"], item["role"]) for item in changed] == [(rule["id"], "none")]
    assert eli("GET", f"calendars/{ADA}/events").status_code == 404
    assert reason(ada("DELETE", f"{path}/user:{ADA}")) == (400, "cannotModifyAclOfCalendarOwner")
    assert reason(ada("POST", path, {"scope": {"type": "planet", "value": "x"}, "role": "reader"})) == (400, "invalid")


def test_rules_for_domains_and_everybody(ada: Api, eli: Api, vic: Api) -> None:
    path = f"calendars/{ADA}/acl"
    ada("POST", path, {"scope": {"type": "domain", "value": "example.com"}, "role": "reader"})
    assert eli("GET", f"calendars/{ADA}/events").json()["accessRole"] == "reader"
    assert vic("GET", f"calendars/{ADA}/events").status_code == 404
    ada("POST", path, {"scope": {"type": "default"}, "role": "freeBusyReader"})
    assert vic("GET", f"calendars/{ADA}/events").json()["accessRole"] == "freeBusyReader"


def test_only_owners_see_rules(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.share(ADA, ELI, "writer")
    assert reason(eli("GET", f"calendars/{ADA}/acl")) == (403, "forbidden")
    assert find(ada("GET", f"calendars/{ADA}/acl").json()["items"], f"user:{ELI}")["role"] == "writer"
