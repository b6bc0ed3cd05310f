"""The proxy passes everything through until it is told what to break."""

import http.client
import threading
import time
from typing import Any

import httpx2
import pytest

from tests.parts import fault_proxy, faults
from tests.parts.caldav import event_text
from tests.parts.radicale import Radicale

SYNC = (
    b'<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>'
    b"<D:prop><D:getetag/></D:prop></D:sync-collection>"
)


@pytest.fixture
def calendar(radicale: Radicale) -> str:
    """The address of a calendar with ten events."""
    folder = radicale.make_calendar_folder("team")
    for number in range(10):
        (folder / f"{number}.ics").write_text(event_text(str(number)), newline="")
    return radicale.calendar_url("team")


@pytest.fixture
def proxied(radicale_proxy: fault_proxy.FaultProxy, calendar: str) -> str:
    """The same calendar through the proxy."""
    return radicale_proxy.through(calendar)


def put(radicale: Radicale, url: str, uid: str = "new") -> int:
    """Write one event with a real client and return the status. The client's errors pass through."""
    login = (radicale.username, radicale.password)
    with httpx2.Client(auth=login, timeout=5) as client:
        return client.put(f"{url}{uid}.ics", content=event_text(uid).encode()).status_code


def test_the_proxy_passes_everything_through(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str, calendar: str
) -> None:
    direct = radicale.request("PROPFIND", calendar, Depth="1")
    through = radicale.request("PROPFIND", proxied, Depth="1")
    assert (through.status, through.body) == (direct.status, direct.body)
    assert put(radicale, proxied) == 201
    assert "new.ics" in radicale.resources("team")


def test_the_proxy_reads_bodies_sent_in_chunks(radicale: Radicale, proxied: str) -> None:
    text = event_text("chunked").encode()
    login = (radicale.username, radicale.password)
    with httpx2.Client(auth=login, timeout=5) as client:
        client.put(f"{proxied}chunked.ics", content=iter([text[:50], text[50:]]))
    assert "UID:chunked" in radicale.resources("team")["chunked.ics"]


def test_the_proxy_counts_by_method(radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str) -> None:
    for number in range(3):
        put(radicale, proxied, f"n{number}")
    traffic = radicale_proxy.traffic["PUT"]
    assert traffic.requests == 3
    assert traffic.bytes_up == 3 * len(event_text("n0"))
    assert traffic.server_s > 0
    radicale_proxy.forget_counts()
    assert radicale_proxy.requests == []


def test_every_third_put_fails(radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str) -> None:
    rule = radicale_proxy.add(faults.status(500), method="PUT", every=3)
    assert [put(radicale, proxied, f"n{i}") for i in range(6)] == [201, 201, 500, 201, 201, 500]
    assert rule.hits == 2
    radicale_proxy.heal()
    assert put(radicale, proxied, "n2") == 201


def test_a_fault_may_start_late_and_end(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale_proxy.add(faults.status(503), method="PUT", skip=1, times=2)
    assert [put(radicale, proxied, f"n{i}") for i in range(4)] == [201, 503, 503, 201]


def test_a_rate_limit_says_how_long(radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str) -> None:
    radicale_proxy.add(faults.status(429, retry_after="7"))
    answer = radicale.request("PROPFIND", proxied, Depth="0")
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")


def test_a_lost_answer_was_still_applied(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale_proxy.add(faults.lose_answer, method="PUT")
    with pytest.raises(httpx2.RemoteProtocolError):
        put(radicale, proxied)
    assert "new.ics" in radicale.resources("team")
    assert radicale_proxy.requests == [("PUT", "/ann/team/new.ics", 0)]


@pytest.mark.parametrize(("fault", "applied"), [(faults.reset, False), (faults.reset_after, True)])
def test_a_reset_before_or_after_the_write(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str, fault: Any, applied: bool
) -> None:
    radicale_proxy.add(fault, method="PUT")
    with pytest.raises(httpx2.ReadError):
        put(radicale, proxied)
    assert ("new.ics" in radicale.resources("team")) is applied


def test_a_closed_connection_reaches_nobody(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale_proxy.add(faults.close, method="PUT")
    with pytest.raises(httpx2.RemoteProtocolError):
        put(radicale, proxied)
    assert "new.ics" not in radicale.resources("team")


def test_a_truncated_listing_is_broken_xml(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str, calendar: str
) -> None:
    whole = radicale.request("PROPFIND", calendar, Depth="1").body
    radicale_proxy.add(faults.truncate(0.5), when=faults.is_listing)
    assert radicale.request("PROPFIND", proxied, Depth="1").body == whole[: len(whole) // 2]


def test_a_listing_may_break_off_in_the_middle(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale_proxy.add(faults.truncate(0.5, admit=False), when=faults.is_listing)
    with pytest.raises(http.client.IncompleteRead):
        radicale.request("PROPFIND", proxied, Depth="1")


@pytest.mark.parametrize(("kept", "left"), [({"count": 1}, 1), ({"share": 0.5}, 5), ({"count": 99}, 11)])
def test_a_listing_is_short_and_well_formed(
    radicale: Radicale,
    radicale_proxy: fault_proxy.FaultProxy,
    proxied: str,
    kept: dict[str, Any],
    left: int,
) -> None:
    radicale_proxy.add(faults.keep_responses(**kept), when=faults.is_listing)
    answer = radicale.request("PROPFIND", proxied, Depth="1")
    assert answer.body.count(b"<response>") == left
    assert answer.body.rstrip().endswith(b"</multistatus>")


def test_a_single_look_is_no_listing(radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str) -> None:
    rule = radicale_proxy.add(faults.status(503), when=faults.is_listing)
    assert radicale.request("PROPFIND", proxied, Depth="0").status == 207
    assert radicale.request("REPORT", proxied, body=SYNC).status == 503
    assert rule.hits == 1


def test_a_hang_lasts_and_then_goes_on(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale_proxy.add(faults.hang(0.3))
    started = time.monotonic()
    assert radicale.request("PROPFIND", proxied, Depth="0").status == 207
    assert time.monotonic() - started >= 0.3


def test_a_stopped_proxy_lets_go_of_who_hangs(radicale: Radicale, calendar: str) -> None:
    proxy = fault_proxy.FaultProxy(radicale.url)
    proxy.start()
    rule = proxy.add(faults.hang(60))
    lost: list[BaseException] = []

    def ask() -> None:
        try:
            radicale.request("PROPFIND", proxy.through(calendar), Depth="0")
        except (http.client.HTTPException, OSError) as error:
            lost.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not rule.hits:
        time.sleep(0.01)
    proxy.stop()
    asking.join(10)
    assert len(lost) == 1


def test_a_stopped_server_is_a_bad_gateway(
    radicale: Radicale, radicale_proxy: fault_proxy.FaultProxy, proxied: str
) -> None:
    radicale.stop()
    assert radicale.request("PROPFIND", proxied, Depth="0").status == 502
