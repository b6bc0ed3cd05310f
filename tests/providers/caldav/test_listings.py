"""Servers that are not Radicale or Xandikos: how they list all there is and hand out bodies."""

import re
import threading

import httpx2
import pytest

from calsync.errors import RateLimited, Rejected, Unavailable
from calsync.providers.caldav import bodies, dav
from calsync.providers.caldav.reading import Cursor
from tests.providers.caldav.script import (
    CALENDAR,
    TEXT,
    Script,
    got,
    multistatus,
    read,
    response,
)


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
