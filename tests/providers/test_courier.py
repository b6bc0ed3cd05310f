"""Handing messages over: what a receiver gets, and what no address may lead us to."""

import socket
import threading
from collections.abc import Iterator

import pytest

from calsync.providers import network
from calsync.providers.courier import KEPT_BYTES, Courier
from tests.parts.process import HOST, free_port
from tests.parts.receiver import Answer, Receiver


@pytest.fixture
def courier() -> Iterator[Courier]:
    made = Courier(allow_private_network=True)
    yield made
    made.close()


def test_a_message_arrives_as_it_is(courier: Courier, receiver: Receiver) -> None:
    reply = courier.hand_over(receiver.url, {"Webhook-Id": "msg_1"}, b'{"a":1}')
    (got,) = receiver.got
    assert (got.path, got.body, got.id) == ("/hooks", b'{"a":1}', "msg_1")
    assert (reply.status, reply.is_success, reply.error) == (204, True, "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(courier: Courier, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda got: Answer(status, (("Location", f"{receiver.url}/elsewhere"),))
    reply = courier.hand_over(receiver.url, {}, b"{}")
    assert (reply.status, reply.is_success, reply.error) == (status, False, "redirect")
    assert [got.path for got in receiver.got] == ["/hooks"]


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_what_is_no_success_is_a_failure(courier: Courier, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda got: Answer(status, body=b"not now")
    reply = courier.hand_over(receiver.url, {}, b"{}")
    assert (reply.status, reply.is_success, reply.error, reply.answer) == (status, False, "refused", "not now")


def test_of_an_answer_two_kilobytes_are_kept(courier: Courier, receiver: Receiver) -> None:
    receiver.answer = lambda got: Answer(200, body=b"x" * 1_000_000)
    reply = courier.hand_over(receiver.url, {}, b"{}")
    assert (reply.is_success, reply.answer) == (True, "x" * KEPT_BYTES)


def test_an_answer_that_is_no_text_is_kept_as_far_as_it_is(courier: Courier, receiver: Receiver) -> None:
    receiver.answer = lambda got: Answer(200, body=b"\xff\x00ok")
    assert courier.hand_over(receiver.url, {}, b"{}").answer == "\N{REPLACEMENT CHARACTER}ok"


def test_a_silent_receiver_is_left_in_time() -> None:
    with socket.create_server((HOST, 0)) as silent:
        courier = Courier(allow_private_network=True, within_s=0.2)
        reply = courier.hand_over(f"http://{HOST}:{silent.getsockname()[1]}/", {}, b"{}")
        courier.close()
    assert (reply.status, reply.error) == (None, "timeout")
    assert 150 < reply.took_ms < 5_000


def test_a_trickling_receiver_is_left_in_time() -> None:
    """Each byte comes in time, the answer never ends."""
    with socket.create_server((HOST, 0)) as server:
        stop = threading.Event()

        def trickle() -> None:
            caller, _ = server.accept()
            with caller:
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
                while not stop.wait(0.05):
                    try:
                        caller.sendall(b"x")
                    except OSError:
                        return

        threading.Thread(target=trickle, daemon=True).start()
        courier = Courier(allow_private_network=True, within_s=0.4)
        reply = courier.hand_over(f"http://{HOST}:{server.getsockname()[1]}/", {}, b"{}")
        stop.set()
        courier.close()
    assert (reply.status, reply.error) == (None, "timeout")


def test_a_receiver_that_hangs_up_is_no_success(courier: Courier) -> None:
    with socket.create_server((HOST, 0)) as server:

        def hang_up() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1000)
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")

        threading.Thread(target=hang_up, daemon=True).start()
        reply = courier.hand_over(f"http://{HOST}:{server.getsockname()[1]}/", {}, b"{}")
    assert (reply.status, reply.error, reply.is_success) == (None, "broken", False)


def test_what_is_no_address_is_said_to_be_none(courier: Courier) -> None:
    assert courier.hand_over("http://[::1/", {}, b"{}").error == "invalid"


def test_nobody_there(courier: Courier) -> None:
    assert courier.hand_over(f"http://{HOST}:{free_port()}/", {}, b"{}").error == "unreachable"
    assert courier.hand_over("https://crm.invalid/", {}, b"{}").error == "unreachable"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_private_networks_are_refused(receiver: Receiver, host: str) -> None:
    courier = Courier()
    reply = courier.hand_over(f"http://{host}:{receiver.port}/", {}, b"{}")
    courier.close()
    assert (reply.status, reply.error) == (None, "private_network")
    assert receiver.got == []


def test_plain_http_reaches_nobody_in_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_resolve", lambda host, port, timeout_s: ["8.8.8.8"])
    for allowed in (True, False):
        courier = Courier(allow_private_network=allowed)
        assert courier.hand_over("http://crm.example/", {}, b"{}").error == "insecure"
        courier.close()


def test_a_name_that_changes_its_mind_reaches_nothing_private(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """It is looked up once, and what was checked is what is connected to."""
    answers = iter([["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]])
    connected: list[str] = []

    def connect(address: tuple[str, int], *rest: object, **options: object) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(network, "_resolve", lambda host, port, timeout_s: next(answers))
    monkeypatch.setattr(socket, "create_connection", connect)
    courier = Courier()
    replies = [courier.hand_over(f"https://rebinding.example:{receiver.port}/", {}, b"{}") for _ in range(2)]
    courier.close()
    assert [reply.error for reply in replies] == ["unreachable", "private_network"]
    assert connected == ["8.8.8.8"]
