"""Radicale and Xandikos start, keep what they are given, and come back."""

import time

import pytest

from tests.parts.caldav import CalDavServer, event_text, request
from tests.parts.radicale import Radicale
from tests.parts.xandikos import Xandikos

SYNC = (
    b'<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>'
    b"<D:prop><D:getetag/></D:prop></D:sync-collection>"
)


def listed(server: CalDavServer, url: str) -> int:
    """Return how many entries the server lists for a calendar, the calendar itself included."""
    answer = server.request("PROPFIND", url, Depth="1")
    return answer.body.count(b"<response>") + answer.body.count(b":response>") // 2


@pytest.fixture(params=["radicale", "xandikos"])
def server(request: pytest.FixtureRequest) -> CalDavServer:
    part: CalDavServer = request.getfixturevalue(request.param)
    return part


def test_a_resource_comes_back_as_it_was_put(server: CalDavServer) -> None:
    server.make_calendar("back", title="Work & <home>")
    server.put("back", "a.ics", event_text("a"))
    [(name, text)] = server.resources("back").items()
    assert name == "a.ics"
    assert sorted(text.splitlines()) == sorted(event_text("a").splitlines())  # both servers sort properties
    server.delete("back", "a.ics")
    assert server.resources("back") == {}


def test_a_calendar_lists_what_was_put(server: CalDavServer) -> None:
    url = server.make_calendar("listed")
    server.put("listed", "a.ics", event_text("a"))
    assert listed(server, url) == 2
    server.drop_calendar("listed")
    assert server.request("GET", url).status == 404


def test_a_calendar_is_made_once(server: CalDavServer) -> None:
    server.make_calendar("once")
    with pytest.raises(RuntimeError, match="answered 4"):
        server.make_calendar("once")


def test_a_server_comes_back_on_the_same_address_with_its_data(server: CalDavServer) -> None:
    server.make_calendar("kept")
    server.put("kept", "a.ics", event_text("a"))
    before = server.url
    server.stop()
    with pytest.raises(OSError, match=r"refused|111|61"):
        request("GET", before)
    server.start()
    assert server.url == before
    assert list(server.resources("kept")) == ["a.ics"]


def test_a_killed_server_starts_again(server: CalDavServer) -> None:
    server.kill()
    assert not server.running
    server.start()
    assert server.running


def test_radicale_refuses_a_wrong_password_at_once(radicale: Radicale) -> None:
    started = time.monotonic()
    answer = request("PROPFIND", radicale.home_url, headers={"Depth": "0"}, login=("ann", "wrong"))
    assert answer.status == 401
    assert time.monotonic() - started < 0.9  # Radicale's own delay is a second


def test_radicale_takes_a_changed_password_at_once(radicale: Radicale) -> None:
    old = (radicale.username, radicale.password)
    radicale.change_password("new")
    assert radicale.request("PROPFIND", radicale.home_url, Depth="0").status == 207
    assert request("PROPFIND", radicale.home_url, headers={"Depth": "0"}, login=old).status == 401


def test_radicale_knows_a_second_person(radicale: Radicale) -> None:
    radicale.add_user("bob", "other")
    answer = request("PROPFIND", f"{radicale.url}bob/", headers={"Depth": "0"}, login=("bob", "other"))
    assert answer.status == 207


def test_radicale_notices_what_is_written_into_its_storage(radicale: Radicale) -> None:
    folder = radicale.make_calendar_folder("filled")
    for number in range(20):
        (folder / f"{number}.ics").write_text(event_text(str(number)), newline="")
    url = radicale.calendar_url("filled")
    assert radicale.request("REPORT", url, body=SYNC).body.count(b"getetag>") == 2 * 20
    radicale.delete("filled", "7.ics")
    assert listed(radicale, url) == 20


def test_radicale_is_as_new_for_every_test(radicale: Radicale) -> None:
    radicale.make_calendar("left")
    radicale.change_password("new")
    radicale.stop()
    radicale.renew()
    assert radicale.running
    assert listed(radicale, radicale.home_url) == 1
    assert radicale.password == Radicale.password


def test_xandikos_takes_any_login(xandikos: Xandikos) -> None:
    assert request("PROPFIND", xandikos.home_url, headers={"Depth": "0"}).status == 207
