"""Servers that are not Radicale or Xandikos: their ways, as bodies, and what the client makes of them."""

import re
import threading
from datetime import UTC, datetime

import httpx2
import pytest

from calsync.engine.event import Event
from calsync.engine.vocabulary import MailRule
from calsync.errors import CursorExpired, RateLimited, Rejected, SignInNeeded, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Write
from calsync.providers.caldav import bodies, dav
from calsync.providers.caldav.client import CalDavClient
from calsync.providers.caldav.patch import patch
from calsync.providers.caldav.reading import Cursor
from calsync.providers.http import Http

CALENDAR = "https://cal.example/ann/team/"
NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
TEA = Event("tea@example.com", NOW, NOW, summary="Tea")
TEXT = patch(None, [Edit(TEA)], now=NOW)


class Script:
    """A server that answers by (method, kind of question); `sent` keeps what was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.sent = []

    def __call__(self, request):
        kind = question(request)
        self.sent.append((kind, request.url.path))
        answer = self.answers[kind]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        return answer(request) if callable(answer) else answer

    def client(self):
        http = Http(transport=httpx2.MockTransport(self), read_error=dav.read_error)
        return CalDavClient(http, "https://cal.example/", {})

    def count(self, kind):
        return sum(asked == kind for asked, _ in self.sent)


def question(request):
    body = request.content.decode()
    for name, kind in (
        ("sync-collection", "changes"), ("multiget", "multiget"), ("calendar-query", "query"),
        ("<D:sync-token/>", "token"), ("getctag", "ctag"), ("getcontenttype", "listing"),
    ):  # fmt: skip
        if name in body:
            return kind
    return request.method.lower()


def multistatus(*responses, token=None):
    tail = f"<d:sync-token>{token}</d:sync-token>" if token else ""
    spaces = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
    body = f"<d:multistatus {spaces}>{''.join(responses)}{tail}</d:multistatus>"
    return httpx2.Response(207, content=body.encode())


def response(href, status=None, **properties):
    names = {"etag": "d:getetag", "data": "c:calendar-data", "token": "d:sync-token", "kind": "d:getcontenttype"}
    inner = "".join(f"<{names[k]}>{v}</{names[k]}>" for k, v in properties.items())
    group = f"<d:propstat><d:prop>{inner}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>" if inner else ""
    whole = f"<d:status>HTTP/1.1 {status} X</d:status>" if status else ""
    return f"<d:response><d:href>{href}</d:href>{whole}{group}</d:response>"


def told(code, *names):
    inner = "".join(f"<{name} xmlns='DAV:'/>" for name in names)
    return httpx2.Response(code, content=f"<error xmlns='DAV:'>{inner}</error>".encode())


def got(*hrefs):
    return multistatus(*(response(href, etag=f'"{href[-5]}"', data=TEXT) for href in hrefs))


def read(client, cursor, known=()):
    return list(client.read(CALENDAR, cursor, mirrored(known)))


def mirrored(known, asked=None):
    """Return what a mirror answers that holds `known`; what it is asked for is noted in `asked`."""

    def answer(handles=None):
        if asked is not None:
            asked.append(handles if handles is None else sorted(handles))
        return {h: version for h, version in dict(known).items() if handles is None or h in handles}

    return answer


SINCE = Cursor(token="t1").text()


# --- changes ------------------------------------------------------------------------------------------------


def test_a_poll_without_changes_is_one_request_and_asks_nothing_of_the_mirror():
    server = Script(changes=multistatus(token="t1"))
    pages = list(server.client().read(CALENDAR, SINCE, lambda *_: pytest.fail("asked")))
    assert [(page.cursor, page.is_last) for page in pages] == [(SINCE, True)]
    assert len(server.sent) == 1


def test_no_limit_is_ever_asked_for():
    """Xandikos cuts the list at it and hands out the final token."""
    assert b"limit" not in dav.sync_collection("t1")


def test_a_list_cut_short_is_asked_on_with_the_returned_token():
    server = Script(
        changes=[
            multistatus(response("/ann/team/a.ics", etag='"a"'), response("/ann/team/", 507), token="t2"),
            lambda r: multistatus(response("/ann/team/b.ics", 404), token="t3") if b">t2<" in r.content else None,
        ],
        get=httpx2.Response(200, headers={"ETag": '"a"'}, content=TEXT.encode()),
    )
    pages = read(server.client(), SINCE)
    assert [r.handle for page in pages for r in page.resources] == ["/ann/team/a.ics"]
    assert [name for page in pages for name in page.removed] == ["/ann/team/b.ics"]
    assert [page.cursor for page in pages] == [None, None, Cursor(token="t3").text()]


def test_a_list_that_is_always_cut_at_the_same_place_ends():
    server = Script(changes=multistatus(response("/ann/team/", 507), token="t1"))
    with pytest.raises(Unavailable):
        read(server.client(), SINCE)
    assert len(server.sent) == 1


def test_a_list_without_a_token_does_not_advance():
    with pytest.raises(Unavailable):
        read(Script(changes=multistatus(response("/ann/team/b.ics", 404))).client(), SINCE)


def test_what_we_hold_already_is_not_fetched_again():
    server = Script(changes=multistatus(response("/ann/team/a.ics", etag='"a"'), token="t2"))
    pages = read(server.client(), SINCE, {"/ann/team/a.ics": '"a"'})
    assert [page.resources for page in pages] == [()]
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("href", "asked"),
    [
        ("/ann/team/a.ics", [["/ann/team/a.ics"]]),
        ("/ann/team/new.ics", [["/ann/team/new.ics"], None]),  # may be one of ours in another spelling
    ],
)
def test_of_a_large_mirror_only_what_changed_is_asked_for(href, asked):
    server = Script(
        changes=multistatus(response(href, etag='"2"'), token="t2"),
        get=httpx2.Response(200, headers={"ETag": '"2"'}, content=TEXT.encode()),
    )
    held = {f"/ann/team/{name}.ics": '"1"' for name in ("a", "b", "c")}
    questions = []
    pages = list(server.client().read(CALENDAR, SINCE, mirrored(held, questions)))
    assert [r.handle for page in pages for r in page.resources] == [href]
    assert questions == asked


def test_many_changes_are_one_look_at_the_whole_mirror():
    held = {f"/ann/team/{number}.ics": '"1"' for number in range(501)}
    changes = multistatus(*(response(href, etag='"1"') for href in held), token="t2")
    questions = []
    pages = list(Script(changes=changes).client().read(CALENDAR, SINCE, mirrored(held, questions)))
    assert (questions, [page.resources for page in pages]) == ([None], [()])


def test_handles_are_spelled_as_we_know_them():
    server = Script(
        changes=multistatus(
            response("https://cal.example/ann/team/a%40b.ics", etag='"2"'),
            response("/ann/team/c d.ics", 404),
            response("/ann/team/a@b.ics", etag='"2"'),
            token="t2",
        ),
        get=httpx2.Response(200, headers={"ETag": '"2"'}, content=TEXT.encode()),
    )
    pages = read(server.client(), SINCE, {"/ann/team/a@b.ics": '"1"', "/ann/team/c%20d.ics": '"1"'})
    assert [r.handle for page in pages for r in page.resources] == ["/ann/team/a@b.ics"]
    assert [name for page in pages for name in page.removed] == ["/ann/team/c%20d.ics"]


@pytest.mark.parametrize(
    "answer",
    [
        told(403, "valid-sync-token"),
        told(412, "valid-sync-token"),
        *(httpx2.Response(code) for code in (400, 403, 409, 410, 412, 500, 507)),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.content[:40]!r}",
)
def test_a_token_that_is_not_known_any_more_has_expired(answer):
    with pytest.raises(CursorExpired):
        read(Script(changes=answer).client(), SINCE)


@pytest.mark.parametrize(
    ("code", "kind"), [(401, SignInNeeded), (404, Rejected), (429, RateLimited), (502, Unavailable), (503, Unavailable)]
)
def test_other_refusals_are_not_an_expired_token(code, kind):
    with pytest.raises(kind):
        read(Script(changes=httpx2.Response(code)).client(), SINCE)


def test_a_server_that_refuses_its_own_tokens_is_compared_instead():
    server = Script(
        changes=httpx2.Response(403),
        token=multistatus(response("/ann/team/", token="t9")),
        ctag=multistatus('<d:response><d:href>/ann/team/</d:href><d:propstat><d:prop><x:getctag '
                         'xmlns:x="http://calendarserver.org/ns/">c1</x:getctag></d:prop></d:propstat></d:response>'),
        listing=multistatus(),
    )  # fmt: skip
    client = server.client()
    with pytest.raises(CursorExpired):
        read(client, SINCE)
    cursor = read(client, None)[-1].cursor
    assert cursor == Cursor(ctag="c1").text()
    server.sent.clear()
    assert [page.cursor for page in read(client, cursor)] == [cursor]
    assert [kind for kind, _ in server.sent] == ["ctag"]  # nothing changed: one request


def test_a_token_that_was_rightly_refused_leaves_the_server_trusted():
    server = Script(
        changes=[httpx2.Response(403), multistatus(token="t9")],
        token=multistatus(response("/ann/team/", token="t9")),
        listing=multistatus(),
    )
    client = server.client()
    with pytest.raises(CursorExpired):
        read(client, SINCE)
    assert read(client, None)[-1].cursor == Cursor(token="t9").text()


def test_a_cursor_of_nobody_has_expired():
    with pytest.raises(CursorExpired):
        read(Script().client(), "gibberish")


# --- everything ---------------------------------------------------------------------------------------------


def test_the_token_is_read_before_the_listing():
    server = Script(token=multistatus(response("/ann/team/", token="t1")), listing=multistatus())
    read(server.client(), None)
    assert [kind for kind, _ in server.sent] == ["token", "listing"]


def test_a_server_without_token_and_ctag_is_listed_each_time():
    listing = multistatus(response("/ann/team/a.ics", etag='"a"'))
    server = Script(
        token=multistatus(response("/ann/team/")), ctag=multistatus(response("/ann/team/")), listing=listing
    )
    client = server.client()
    cursor = read(client, None, {"/ann/team/a.ics": '"a"'})[-1].cursor
    pages = read(client, cursor, {"/ann/team/a.ics": '"a"', "/ann/team/gone.ics": '"g"'})
    assert pages[0].is_full
    assert pages[0].present == ("/ann/team/a.ics",)
    assert all(page.removed == () for page in pages)  # absence is a suspicion, not a tombstone


def test_collections_tasks_and_files_are_no_events():
    server = Script(
        token=multistatus(response("/ann/team/", token="t1")),
        listing=multistatus(
            response("/ann/team/", etag='"0"'), response("/ann/team/sub/", etag='"1"'),
            response("/ann/team/t.ics", etag='"2"', kind="text/calendar; component=vtodo"),
            response("/ann/team/card.vcf", etag='"3"', kind="text/vcard"),
            response("/ann/team/e.ics", etag='"4"', kind="text/calendar;charset=utf-8;component=VEVENT"),
        ),
        get=httpx2.Response(200, content=TEXT.encode()),
    )  # fmt: skip
    assert read(server.client(), None)[0].present == ("/ann/team/e.ics",)


@pytest.mark.parametrize(
    "listing",
    [
        httpx2.Response(503),
        httpx2.Response(207, content=b"<d:multistatus xmlns:d='DAV:'><d:response>"),
        httpx2.Response(207, content=b""),
        multistatus(response("/ann/team/a.ics", 500)),
        httpx2.Response(200, content=b"<html>Please log in</html>"),
        httpx2.Response(207, content=b"<html><p>hello</p></html>"),
    ],
)
def test_a_listing_that_is_not_whole_is_never_a_listing(listing):
    server = Script(token=multistatus(response("/ann/team/", token="t1")), listing=listing)
    with pytest.raises((Unavailable, Rejected)):
        read(server.client(), None)


def test_a_document_type_is_refused():
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><d:multistatus xmlns:d="DAV:">&a;</d:multistatus>'
    for body in (bomb, bomb.decode().encode("utf-16")):
        server = Script(
            token=multistatus(response("/ann/team/", token="t1")), listing=httpx2.Response(207, content=body)
        )
        with pytest.raises((Rejected, Unavailable)):
            read(server.client(), None)


def test_characters_that_xml_forbids_are_dropped():
    text = TEXT.replace("Tea", "T\x01e&#x2;a")
    answer = multistatus(*(response(f"/ann/team/{n}.ics", etag='"1"', data=text) for n in "ab"))
    found = Script(multiget=answer).client().get_many(CALENDAR, ["/ann/team/a.ics", "/ann/team/b.ics"])
    assert [resource.events[0].summary for resource in found.values()] == ["Tea", "Tea"]


def many(limit=None):
    """A server with 607 resources, and how many bodies were asked for at once; over `limit` it says no."""
    hrefs = [f"/ann/team/{n}-x.ics" for n in range(607)]
    asked = []

    def multiget(request):
        wanted = re.findall(r"<D:href>([^<]+)", request.content.decode())
        asked.append(len(wanted))
        return got(*wanted) if limit is None or len(wanted) <= limit else httpx2.Response(413)

    server = Script(
        token=multistatus(response("/ann/team/", token="t1")),
        listing=multistatus(*(response(href, etag='"x"') for href in hrefs)),
        multiget=multiget,
    )
    return server, hrefs, asked


def test_bodies_are_fetched_in_growing_steps_and_all_accounted_for():
    server, hrefs, asked = many()
    pages = read(server.client(), None)
    assert asked == [50, 100, 200, 250, 7]
    assert [r.handle for page in pages for r in page.resources] == hrefs
    assert pages[-1].is_last


def test_a_slow_server_is_asked_for_few_bodies_at_once(monkeypatch):
    monkeypatch.setattr(bodies, "QUICK_S", 0.0)
    server, hrefs, asked = many()
    pages = read(server.client(), None)
    assert asked == [50] * 12 + [7]
    assert [r.handle for page in pages for r in page.resources] == hrefs


def test_a_server_that_refuses_many_bodies_at_once_gives_them_in_few():
    server, hrefs, asked = many(limit=60)
    pages = read(server.client(), None)
    assert [r.handle for page in pages for r in page.resources] == hrefs
    assert asked == [50, 100, *[50] * 11, 7]
    assert server.count("get") == 0


@pytest.mark.parametrize(("limit", "expected"), [(None, [100]), (60, [50, 50])])
def test_what_a_server_gave_at_once_is_known_at_the_next_read(limit, expected):
    server, hrefs, asked = many(limit)
    cursor = read(server.client(), None)[-1].cursor
    asked.clear()
    changed = multistatus(*(response(href, etag='"y"') for href in hrefs[:100]), token="t2")
    server.answers["changes"] = [changed, multistatus(token="t3")]
    after = read(server.client(), cursor)[-1].cursor
    assert asked == expected
    calm = read(server.client(), after)[-1].cursor
    assert Cursor.of(calm).at_once == Cursor.of(cursor).at_once


def test_a_server_that_asks_us_to_wait_is_asked_for_no_more_bodies():
    server, _, asked = many()
    gives, asked_again = server.answers["multiget"], threading.Event()

    def wait(request):
        gives(request)
        if len(asked) > 2:
            asked_again.set()
        return httpx2.Response(429)

    server.answers["multiget"] = [gives, wait, wait]
    pages = server.client().read(CALENDAR, None, dict)
    next(page for page in pages if page.resources)
    assert not asked_again.wait(0.3)  # we are slow with the first bodies, and the next are asked for meanwhile
    with pytest.raises(RateLimited):
        next(pages)
    assert asked == [50, 100]


def test_what_a_multiget_leaves_open_is_asked_for_alone():
    server = Script(
        multiget=multistatus(response("/ann/team/a.ics", etag='"a"', data=TEXT), response("/ann/team/b.ics", 404)),
        get=lambda r: (
            httpx2.Response(404) if r.url.path.endswith("d.ics") else httpx2.Response(200, content=TEXT.encode())
        ),
    )
    names = [f"/ann/team/{n}.ics" for n in "abcd"]
    found = server.client().get_many(CALENDAR, names)
    assert [name for name, resource in found.items() if resource is None] == ["/ann/team/b.ics", "/ann/team/d.ics"]
    assert found.keys() == set(names)
    assert server.count("get") == 2


def test_a_server_without_multiget_is_asked_one_by_one():
    server = Script(
        multiget=httpx2.Response(501), get=httpx2.Response(200, headers={"ETag": '"a"'}, content=TEXT.encode())
    )
    found = server.client().get_many(CALENDAR, ["/ann/team/a.ics", "/ann/team/b.ics"])
    assert all(resource.events[0].summary == "Tea" for resource in found.values())


@pytest.mark.parametrize(
    "answer", [httpx2.Response(500), httpx2.Response(403), httpx2.Response(200, content=b"\xff\xfe")]
)
def test_one_resource_that_cannot_be_had_is_a_fault_of_its_own(answer):
    found = Script(get=answer).client().get_many(CALENDAR, ["/ann/team/a.ics"])["/ann/team/a.ics"]
    assert found.fault
    assert (found.events, found.version) == ((), None)


def test_an_answer_that_never_comes_is_not_an_absence():
    def fail(request):
        raise httpx2.ReadTimeout("slow", request=request)

    with pytest.raises(Unavailable):
        Script(get=fail).client().get_many(CALENDAR, ["/ann/team/a.ics"])


def test_properties_that_a_server_does_not_have_do_not_count():
    """iCloud answers them empty inside a 404."""
    body = (
        "<d:response><d:href>/ann/team/</d:href>"
        "<d:propstat><d:prop><d:sync-token/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
        "</d:response>"
    )
    (item,) = dav.Multistatus(dav.Answer(207, httpx2.Headers(), multistatus(body).content, CALENDAR))
    assert item.text("{DAV:}sync-token") is None


# --- writing ------------------------------------------------------------------------------------------------


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
