"""Graph's manners: bearer tokens, permissions, headers, pages, calendars, the person and their mailbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulators.microsoft.cast import ADA, BERLIN, ELI, Api, code, ids, timed
from tests.emulators.microsoft.server import MicrosoftServer, Switchboard


def test_bearer_tokens_are_checked(microsoft: MicrosoftServer, ada: Api, switch: Switchboard) -> None:
    assert code(Api(microsoft.base_url, "made-up")("GET", "me")) == (401, "InvalidAuthenticationToken")
    switch.expire_tokens(ADA)
    answer = ada("GET", "me")
    assert "expired" in answer.json()["error"]["message"]
    assert answer.headers["www-authenticate"].startswith("Bearer realm")


def test_permissions_are_checked(api_of: Callable[..., Api]) -> None:
    reader = api_of(ADA, ["User.Read", "Calendars.Read"])
    assert reader("GET", "me/calendars").status_code == 200
    assert code(reader("POST", "me/events", timed())) == (403, "ErrorAccessDenied")
    assert code(reader("GET", "me/mailboxSettings")) == (403, "ErrorAccessDenied")


def test_every_answer_is_traceable(ada: Api) -> None:
    answer = ada("GET", "me/events/AAkALgAAAANothing=", headers={"client-request-id": "abc"})
    assert code(answer) == (404, "ErrorItemNotFound")
    inner = answer.json()["error"]["innerError"]
    assert (inner["client-request-id"], answer.headers["client-request-id"]) == ("abc", "abc")
    assert inner["request-id"] == answer.headers["request-id"]


def test_preferences_are_read_joined_and_repeated(ada: Api) -> None:
    prefer = 'outlook.timezone="W. Europe Standard Time", IdType="ImmutableId", odata.maxpagesize=5'
    event = ada.insert(timed(10))
    answer = ada.http.get("me/events", headers=[("prefer", prefer), ("prefer", 'outlook.body-content-type="text"')])
    assert set(answer.headers["preference-applied"].split(", ")) == {
        'outlook.timezone="W. Europe Standard Time"',
        'IdType="ImmutableId"',
        "odata.maxpagesize=5",
        'outlook.body-content-type="text"',
    }
    shown = answer.json()["value"][0]
    assert (shown["id"], shown["start"]["dateTime"][:16], shown["body"]["contentType"]) == (
        event["id"],
        "2030-01-08T11:00",
        "text",
    )
    unknown = ada("GET", "me/events", headers={"prefer": 'outlook.timezone="Nowhere"'})
    assert unknown.status_code == 400


def test_lists_come_ten_at_a_time_with_links_of_this_host(ada: Api, switch: Switchboard) -> None:
    for hour in range(12):
        ada.insert(timed(hour))
    pages = ada.pages("me/events")
    assert [len(page["value"]) for page in pages] == [10, 2]
    assert pages[0]["@odata.nextLink"].startswith(f"{ada.base_url}/v1.0/me/events?")
    assert [len(page["value"]) for page in ada.pages("me/events", __top=5)] == [5, 5, 2]
    switch.settings(empty_pages=True)
    assert [len(page["value"]) for page in ada.pages("me/events")] == [0, 10, 0, 2]
    assert code(ada("GET", "me/events?$skiptoken=made-up"))[0] == 400


def test_a_token_may_end_between_two_pages(ada: Api, switch: Switchboard) -> None:
    for hour in range(12):
        ada.insert(timed(hour))
    link = ada.ok("GET", "me/events")["@odata.nextLink"]
    switch.expire_tokens(ADA)
    assert code(ada("GET", link)) == (401, "InvalidAuthenticationToken")
    fresh = Api(ada.base_url, switch.tokens(ADA)["access_token"])
    assert len(fresh.ok("GET", link)["value"]) == 2


@pytest.mark.parametrize("query", ["$bogus=1", "$orderby=body", "$filter=nonsense", "$expand=attachments", "$top=0"])
def test_unknown_options_are_refused(ada: Api, query: str) -> None:
    assert ada("GET", f"me/events?{query}").status_code == 400


def test_events_are_filtered_sorted_selected(ada: Api) -> None:
    late, early = ada.insert(timed(15, subject="Late")), ada.insert(timed(9, subject="Early one"))
    named = ada.all("me/events", __filter="startswith(subject,'Early')")
    assert [one["id"] for one in named] == [early["id"]]
    assert ada.all("me/events", __filter=f"iCalUId eq '{late['iCalUId']}'")[0]["id"] == late["id"]
    later = ada.all("me/events", __filter="start/dateTime ge '2030-01-08T12:00:00' and isAllDay eq false")
    assert [one["subject"] for one in later] == ["Late"]
    ordered = ada.all("me/events", __orderby="start/dateTime", __select="subject")
    assert [set(one) for one in ordered] == [{"@odata.etag", "id", "subject"}] * 2
    assert [one["subject"] for one in ordered] == ["Early one", "Late"]
    assert code(ada("GET", "me/events", __select="bogus"))[0] == 400


def test_calendars_have_every_field(ada: Api, vic: Api) -> None:
    own = ada.ok("GET", "me/calendars")["value"][0]
    assert (own["name"], own["hexColor"], own["isDefaultCalendar"], own["canEdit"]) == ("Calendar", "", True, True)
    assert own["allowedOnlineMeetingProviders"] == ["teamsForBusiness"]
    assert own["owner"] == {"name": "Ada Adams", "address": ADA}
    personal = vic.ok("GET", "me/calendar")
    assert (personal["allowedOnlineMeetingProviders"], personal["defaultOnlineMeetingProvider"]) == ([], "unknown")


def test_calendars_come_and_go(ada: Api) -> None:
    made = ada.ok("POST", "me/calendars", {"name": "Sales"})
    assert code(ada("POST", "me/calendars", {"name": "sales"})) == (409, "ErrorFolderExists")
    assert ada.ok("PATCH", f"me/calendars/{made['id']}", {"name": "Selling"})["name"] == "Selling"
    assert ada("DELETE", f"me/calendars/{made['id']}").status_code == 204
    assert code(ada("GET", f"me/calendars/{made['id']}")) == (404, "ErrorItemNotFound")
    assert ada("DELETE", f"me/calendars/{ada.home()}").status_code == 400
    assert code(ada("GET", "me/calendars/rubbish")) == (400, "ErrorInvalidIdMalformed")


def test_more_calendars_than_a_page_holds(ada: Api, switch: Switchboard) -> None:
    for number in range(11):
        switch.add_calendar(ADA, f"Team {number}")
    assert [len(page["value"]) for page in ada.pages("me/calendars")] == [10, 2]
    assert len(ids(ada.all("me/calendars"))) == 12


def test_calendars_of_others_stay_hidden_and_read_only_ones_read_only(ada: Api, eli: Api, switch: Switchboard) -> None:
    assert code(eli("GET", f"me/calendars/{ada.home()}")) == (404, "ErrorItemNotFound")
    holidays = switch.add_calendar(ADA, "Holidays", can_edit=False)
    event = switch.add_event(holidays, timed())
    assert code(ada("POST", f"me/calendars/{holidays}/events", timed())) == (403, "ErrorAccessDenied")
    assert code(ada("DELETE", f"me/events/{event['id']}")) == (403, "ErrorAccessDenied")


def test_private_events_of_a_shared_calendar_lose_their_subject(ada: Api, switch: Switchboard) -> None:
    shared = switch.add_calendar(ADA, "Eli", owner=[ELI, "Eli Evans"], can_see_private=False)
    switch.add_event(shared, timed(subject="Doctor", sensitivity="private"))
    shown = ada.all(f"me/calendars/{shared}/events")[0]
    assert (shown["subject"], shown["sensitivity"]) == ("Private appointment", "private")
    assert ada.ok("GET", f"me/calendars/{shared}")["owner"]["address"] == ELI


def test_person_and_mailbox(ada: Api, switch: Switchboard) -> None:
    assert ada.ok("GET", "me")["mail"] == ADA
    assert ada.ok("GET", f"users/{ADA}")["displayName"] == "Ada Adams"
    assert ada("GET", f"users/{ELI}").status_code == 400
    assert ada.ok("GET", "me/mailboxSettings")["timeZone"] == BERLIN
    aliases = [one["alias"] for one in ada.ok("GET", "me/outlook/supportedTimeZones")["value"]]
    assert BERLIN in aliases
    assert len(aliases) >= 139
    iana = ada.ok("GET", "me/outlook/supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')")
    assert {"alias": "Europe/Berlin", "displayName": "Europe/Berlin"} in iana["value"]
    switch.change_user(ADA, has_mailbox=False)
    assert code(ada("GET", "me/calendars")) == (404, "MailboxNotEnabledForRESTAPI")
    assert ada("GET", "me").status_code == 200
    switch.change_user(ADA, has_mailbox=True, is_over_quota=True)
    assert code(ada("POST", "me/events", timed())) == (507, "ErrorQuotaExceeded")
    assert ada("GET", "me/calendars").status_code == 200


def test_faults_strike_where_told(ada: Api, switch: Switchboard) -> None:
    switch.fault("status", method="events.create", status=503, times=1)
    empty = ada("POST", "me/events", timed())
    assert (empty.status_code, empty.content) == (503, b"")
    switch.fault("after", method="events.create", status=504, html=True, times=1)
    assert ada("POST", "me/events", timed()).headers["content-type"].startswith("text/html")
    assert len(ada.all("me/events")) == 1
    switch.fault("status", user=ELI, status=500, code="ErrorInternalServerTransientError")
    assert ada("GET", "me").status_code == 200


def test_requests_are_logged_without_secrets(ada: Api, switch: Switchboard) -> None:
    ada.insert(timed())
    line = switch.requests("events.create")[0]
    assert (line["user"], line["status"], line["body"]["subject"]) == (ADA, 201, "Intro call")
    assert "authorization" not in line["headers"]
