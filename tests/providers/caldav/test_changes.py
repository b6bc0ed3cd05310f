"""Servers that are not Radicale or Xandikos: their ways to tell what changed, and what the client makes of them."""

import httpx2
import pytest

from calsync.errors import CursorExpired, RateLimited, Rejected, SignInNeeded, Unavailable
from calsync.providers.caldav import dav
from calsync.providers.caldav.reading import Cursor
from tests.providers.caldav.script import CALENDAR, TEXT, Script, mirrored, multistatus, read, response, told

SINCE = Cursor(token="t1").text()


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
