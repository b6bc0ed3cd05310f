"""Servers that are not Radicale or Xandikos: what they say to creating, changing, deleting and moving."""

import re

import httpx2
import pytest

from calsync.engine.event import Event
from calsync.engine.vocabulary import MailRule
from calsync.errors import Rejected, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Write
from tests.providers.caldav.script import (
    CALENDAR,
    NOW,
    TEA,
    TEXT,
    Script,
    multistatus,
    response,
    told,
)


def create(server, key="key1", **options):
    (outcome,) = server.client().write(CALENDAR, [Write(key, (Edit(TEA),), **options)])
    return outcome


def update(server, body=TEXT, version='"1"'):
    event = Event("tea@example.com", NOW, NOW, summary="Coffee")
    write = Write("", (Edit(event, frozenset({"summary"})),), handle="/ann/team/a.ics", version=version, body=body)
    (outcome,) = server.client().write(CALENDAR, [write])
    return outcome


def delete(server, **options):
    write = Write("", handle="/ann/team/a.ics", version='"1"', is_delete=True, **options)
    (outcome,) = server.client().write(CALENDAR, [write])
    return outcome


def stored(etag='"1"', text=TEXT):
    return httpx2.Response(200, headers={"ETag": etag}, content=text.encode())


def test_a_strong_etag_needs_no_second_look():
    server = Script(put=httpx2.Response(201, headers={"ETag": '"1"'}))
    assert create(server).version == '"1"'
    assert len(server.sent) == 1


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}])
def test_without_a_strong_etag_the_resource_is_read_again(headers):
    server = Script(
        put=httpx2.Response(204, headers=headers), get=stored('"2"', TEXT.replace("Tea", "Tea (normalised)"))
    )
    made = create(server)
    assert (made.version, made.events[0].summary) == ('"2"', "Tea (normalised)")


def test_a_write_that_cannot_be_read_back_is_in_doubt():
    outcome = create(Script(put=httpx2.Response(201), get=httpx2.Response(503)))
    assert isinstance(outcome, Unavailable)
    assert outcome.is_in_doubt


def test_the_name_comes_from_the_key_and_is_safe_in_an_address():
    for key in ("0197-abc.x_Y", "../../etc", "ü 1", ".hidden", "x" * 300):
        server = Script(put=httpx2.Response(201, headers={"ETag": '"1"'}))
        handle = create(server, key).handle
        assert re.fullmatch(r"/ann/team/[A-Za-z0-9_-][A-Za-z0-9._-]*\.ics", handle)
        assert handle == create(Script(put=httpx2.Response(201, headers={"ETag": '"1"'})), key).handle


def test_a_repeated_create_adopts_what_it_made():
    made = create(Script(put=httpx2.Response(412), get=stored()))
    assert (made.version, made.is_adopted) == ('"1"', True)


def test_a_create_whose_uid_lives_under_another_name_adopts_it():
    server = Script(
        put=told(409, "no-uid-conflict"),
        get=httpx2.Response(404),
        query=multistatus(response("/ann/team/theirs.ics", etag='"7"', data=TEXT)),
    )
    made = create(server)
    assert (made.handle, made.version, made.is_adopted) == ("/ann/team/theirs.ics", '"7"', True)


def test_a_uid_that_lives_in_another_calendar_is_a_duplicate():
    server = Script(put=told(403, "no-uid-conflict"), get=httpx2.Response(404), query=multistatus())
    assert create(server).code == "duplicate"


def test_another_event_under_our_name_is_not_adopted():
    server = Script(put=httpx2.Response(412), get=stored(text=TEXT.replace("tea@", "other@")), query=multistatus())
    assert isinstance(create(server), VersionMismatch)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (told(403, "valid-calendar-data"), "invalid"),
        (told(412, "valid-calendar-data"), "invalid"),  # Xandikos
        (httpx2.Response(415), "invalid"),  # sabre
        (httpx2.Response(400), "invalid"),
        (told(403, "supported-calendar-component"), "invalid"),
        (told(403, "max-resource-size"), "too_large"),
        (httpx2.Response(413), "too_large"),
        (told(403, "need-privileges"), "permission"),
        (httpx2.Response(403), "permission"),
        (httpx2.Response(409), "not_found"),  # the calendar is gone
        (httpx2.Response(507), "quota"),
    ],
)
def test_why_a_create_is_refused(answer, code):
    outcome = create(Script(put=answer, get=httpx2.Response(404), query=multistatus()))
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_a_lost_race_is_a_version_mismatch():
    assert isinstance(update(Script(put=httpx2.Response(412), get=stored('"2"'))), VersionMismatch)


def test_a_412_on_what_did_not_change_is_about_the_content():
    assert update(Script(put=httpx2.Response(412), get=stored('"1"'))).code == "invalid"
    assert update(Script(put=httpx2.Response(412, content=b"Item too large"), get=stored('"1"'))).code == "too_large"
    assert update(Script(put=told(412, "no-uid-conflict"))).code == "duplicate"


@pytest.mark.parametrize(
    "server", [Script(put=httpx2.Response(412), get=httpx2.Response(404)), Script(put=httpx2.Response(404))]
)
def test_an_update_of_what_is_gone(server):
    assert update(server).code == "not_found"


def test_an_update_that_says_nothing_new_is_not_sent():
    server = Script()
    write = Write("", (Edit(TEA),), handle="/ann/team/a.ics", version='"1"', body=TEXT)
    (outcome,) = server.client().write(CALENDAR, [write])
    assert (outcome.version, server.sent) == ('"1"', [])


def test_without_a_version_the_resource_must_read_as_it_did():
    assert isinstance(update(Script(get=stored('"5"', TEXT.replace("Tea", "Theirs"))), version=None), VersionMismatch)
    seen = []

    def put(request):
        seen.append(request.headers.get("if-match"))
        return httpx2.Response(204, headers={"ETag": '"6"'})

    assert update(Script(get=stored('"5"'), put=put), version=None).version == '"6"'
    assert seen == ['"5"']


def test_a_broken_text_is_never_written():
    server = Script()
    outcome = update(server, body="BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nEND:VEVENT\nEND:VCALENDAR\n")
    assert (outcome.code, server.sent) == ("invalid", [])


@pytest.mark.parametrize("code", [200, 204, 404, 410])
def test_what_is_deleted_or_gone_is_deleted(code):
    assert delete(Script(delete=httpx2.Response(code))) is None


def test_a_delete_that_lost_a_race():
    assert isinstance(delete(Script(delete=httpx2.Response(412), get=stored('"2"'))), VersionMismatch)
    assert delete(Script(delete=httpx2.Response(412), get=httpx2.Response(404))) is None


def test_a_delete_that_failed_inside_a_multistatus():
    assert delete(Script(delete=multistatus(response("/ann/team/a.ics", 403)))).code == "permission"


def test_a_silent_delete_sends_no_decline():
    seen = []

    def answer(request):
        seen.append(request.headers.get("schedule-reply"))
        return httpx2.Response(204)

    delete(Script(delete=answer))
    delete(Script(delete=answer), mail=MailRule.ALL)
    assert seen == ["F", None]


def test_one_bad_write_does_not_stop_the_next():
    server = Script(
        put=[httpx2.Response(403), httpx2.Response(201, headers={"ETag": '"1"'})],
        get=httpx2.Response(404),
        query=multistatus(),
    )
    outcomes = server.client().write(CALENDAR, [Write("a", (Edit(TEA),)), Write("b", (Edit(TEA),))])
    assert [type(outcome).__name__ for outcome in outcomes] == ["Rejected", "Resource"]


def test_where_move_is_not_offered_the_copy_is_verified_before_the_original_goes():
    gets = [stored(), stored(), stored()]
    server = Script(move=httpx2.Response(405), get=gets, put=httpx2.Response(201), delete=httpx2.Response(204))
    moved = server.client().move(CALENDAR, "/ann/team/a.ics", '"1"', "https://cal.example/ann/other/")
    assert moved.handle == "/ann/other/a.ics"
    assert [kind for kind, _ in server.sent] == ["get", "move", "get", "put", "get", "delete"]


def test_a_copy_is_taken_back_when_the_original_cannot_go():
    deletes = [httpx2.Response(403), httpx2.Response(204)]
    server = Script(
        move=httpx2.Response(405), get=[stored() for _ in range(3)], put=httpx2.Response(201), delete=deletes
    )
    with pytest.raises(Rejected):
        server.client().move(CALENDAR, "/ann/team/a.ics", '"1"', "https://cal.example/ann/other/")
    assert [path for kind, path in server.sent if kind == "delete"] == ["/ann/team/a.ics", "/ann/other/a.ics"]
