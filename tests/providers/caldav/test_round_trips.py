"""Server → client → edited title → server, with everything else as it was.

Our own corners and every .ics file of two packages, on a real server. What no server takes (no start, a zone that is
not there) cannot come from one; those texts go through the codec alone.
"""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from calsync.engine import series
from calsync.engine.event import content
from calsync.errors import Unavailable
from calsync.providers.base import Edit, Grant, Resource, Write
from calsync.providers.caldav import ics
from calsync.providers.caldav.lines import Broken
from calsync.providers.caldav.patch import patch
from calsync.providers.registry import all_providers
from tests.providers.caldav import samples

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
PER_FILE = 3
"""How many resources of one file go to a server: some have hundreds alike, and each costs two slow PUTs."""

TITLE = frozenset({"summary"})


def titled(event):
    return replace(event, summary=f"{event.summary} (edited, ü; 2)")


def package_resources():
    """Every resource of every file of the packages, as (name, text); what has no structure is left to other tests."""
    for path in samples.package_files():
        try:
            texts = samples.resources(path.read_bytes().decode(), path.stem)
        except Broken:
            continue
        yield from ((f"{path.stem}-{number}", text) for number, text in enumerate(texts))


@pytest.mark.parametrize("name", samples.corner_names())
def test_a_corner_keeps_all_but_its_title_in_the_codec(name):
    assert_title_alone_changes(samples.corner(name))


def test_every_text_of_the_packages_keeps_all_but_its_title_in_the_codec():
    readable, broken = 0, {}
    for name, text in package_resources():
        try:
            events = ics.parse(text)
        except Broken as error:
            broken[name] = str(error)
            continue
        assert events, name
        assert_title_alone_changes(text)
        readable += 1
    assert readable > 400
    assert all(reason for reason in broken.values())
    assert len(broken) < 70, broken


def assert_title_alone_changes(text):
    first, *others = ics.parse(text)
    edited = patch(text, [Edit(titled(first), TITLE)], now=NOW)
    assert samples.facts(edited) == samples.facts(text)
    read = {ics.identity(event): content(event) for event in ics.parse(edited)}
    assert read == {ics.identity(event): content(event) for event in (titled(first), *others)}
    (master, *_) = series.fold_cancelled((first, *others))
    assert patch(text, [Edit(master)], now=NOW) is text


@pytest.mark.parametrize("server_name", ["radicale", "xandikos"])
@pytest.mark.parametrize("name", samples.corner_names())
def test_a_corner_keeps_all_but_its_title_on_a_server(request, server_name, name):
    server = request.getfixturevalue(server_name)
    calendar = server.make_calendar(f"corner-{uuid.uuid4().hex[:8]}")
    text = samples.corner(name)
    if not put(server, calendar, text):
        assert (server_name, name) in REFUSED
        return
    assert (server_name, name) not in REFUSED
    assert title_alone_changes_there(server, calendar, name)


REFUSED = {("radicale", "end-is-a-date"), ("radicale", "rdate-period"), ("radicale", "year-9999-all-day")}
"""Corners that a server's own reader does not take."""


def test_every_text_of_the_packages_keeps_all_but_its_title_on_a_server(radicale, xandikos):
    """Radicale takes most; what its reader refuses, Xandikos may take."""
    kept, lost, taken = 0, [], Counter()
    for name, text in package_resources():
        file = name.rpartition("-")[0]
        if taken[file] == PER_FILE or not is_readable(text):
            continue
        taken[file] += 1
        if any(survives(server, name, text) for server in (radicale, xandikos)):
            kept += 1
        else:
            lost.append(name)
    assert kept > 175
    assert len(lost) < 0.1 * kept, lost


def survives(server, name, text):
    calendar = server.make_calendar(f"file-{uuid.uuid4().hex[:8]}")
    return put(server, calendar, text) and title_alone_changes_there(server, calendar, name)


def is_readable(text):
    try:
        return bool(ics.parse(text))
    except Broken:
        return False


def put(server, calendar, text):
    body = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    url = urljoin(calendar, "it.ics")
    return server.request("PUT", url, body=body, Content_Type="text/calendar; charset=utf-8").status == 201


def title_alone_changes_there(server, calendar, name):
    """Edit a title, look at what is there, and return True; False when the server stumbles over its own data.

    Xandikos answers 500 to any new version of some texts that it took; then everything must be as it was.
    """
    grant = Grant(server.url, server.username, server.password, allow_private_network=True)
    client = all_providers()["caldav"].open(grant, {})
    try:
        before = only(client, calendar)
        assert before.fault is None, (name, before.fault)
        first, *others = before.events
        edit = Edit(titled(first), TITLE)
        (written,) = client.write(
            calendar, [Write("", (edit,), handle=before.handle, version=before.version, body=before.body)]
        )
        after = only(client, calendar)
    finally:
        client.close()
    assert samples.facts(after.body) == samples.facts(before.body), name
    if isinstance(written, Unavailable):
        assert after == before
        return False
    assert isinstance(written, Resource), (name, written)
    assert [content(e) for e in after.events] == [content(e) for e in (titled(first), *others)], name
    assert [content(e) for e in written.events] == [content(e) for e in after.events], name
    assert written.version == after.version
    return True


def only(client, calendar):
    pages = list(client.read(calendar, None, dict))
    (resource,) = [resource for page in pages for resource in page.resources]
    return resource
