"""A CalDAV server of a test's own words: it answers as the test wrote, and remembers what it was asked."""

from datetime import UTC, datetime

import httpx2

from calsync.engine.event import Event
from calsync.providers.base import Edit
from calsync.providers.caldav import dav
from calsync.providers.caldav.client import CalDavClient
from calsync.providers.caldav.patch import patch
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
