"""Which addresses the one HTTP client talks to, and servers that are silent, slow or not there."""

import socket
import threading
from contextlib import contextmanager

import pytest

from calsync.errors import Unavailable
from calsync.providers import network
from calsync.providers.http import Http, Limits


def test_a_silent_server_and_a_trickle_end(silent_server, trickling_server):
    for address, limits in ((silent_server, Limits(silence_s=0.2)), (trickling_server, Limits(total_s=0.4))):
        made = Http(allow_private_network=True, limits=limits)
        with pytest.raises(Unavailable) as raised:
            made.request("PUT", address, is_write=True)
        assert raised.value.is_in_doubt
        made.close()


def test_nobody_there_is_not_in_doubt(closed_port):
    made = Http(allow_private_network=True)
    with pytest.raises(network.Unreachable) as raised:
        made.request("PUT", f"http://127.0.0.1:{closed_port}/", is_write=True)
    assert not raised.value.is_in_doubt


def test_a_name_that_does_not_exist_is_unreachable():
    with pytest.raises(network.Unreachable):
        Http().request("GET", "https://calendar.invalid/")


# --- private networks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::1", "198.18.0.1", "192.0.2.1",
    ],
)  # fmt: skip
def test_what_is_not_public(address):
    assert not network.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(address):
    assert network.is_public(address)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_this_machine_is_private_however_it_is_written(name, closed_port):
    with pytest.raises((network.PrivateNetwork, network.Unreachable)):
        Http().request("GET", f"http://{name}:{closed_port}/")
    with pytest.raises(network.Unreachable):  # allowed, and nobody there
        Http(allow_private_network=True).request("GET", f"http://{name}:{closed_port}/")


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch, silent_server):
    """A name that answers with a public address first and a private one later reaches nothing private."""
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    connected = []

    def resolve(host, port, timeout_s):
        return next(answers)

    def connect(address, *rest, **options):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(network, "_resolve", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    made = Http()
    with pytest.raises(network.Unreachable):
        made.request("GET", "https://rebinding.example/")
    with pytest.raises(network.PrivateNetwork):
        made.request("GET", "https://rebinding.example/")
    assert connected == ["8.8.8.8"]


def test_a_redirect_into_the_private_network_is_refused(monkeypatch, redirecting_server):
    made = Http()
    monkeypatch.setattr(network, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(
        network, "_resolve", lambda host, port, timeout_s: ["127.0.0.1" if host == "a.example" else "10.0.0.1"]
    )
    monkeypatch.setattr(network.Patience, "is_plain", property(lambda self: False, lambda self, value: None))
    with pytest.raises(network.PrivateNetwork):
        made.request("GET", f"http://a.example:{redirecting_server}/")
    assert made.requests == 2


def test_a_password_does_not_travel_readable_over_a_public_network(monkeypatch):
    monkeypatch.setattr(network, "_resolve", lambda host, port, timeout_s: ["8.8.8.8"])
    for allowed in (False, True):
        with pytest.raises(network.Insecure):
            Http(allow_private_network=allowed).request("GET", "http://x.example/")


# --- parts --------------------------------------------------------------------------------------------------


@contextmanager
def listening(serve):
    """A server on a free port; `serve(connection, stop)` gets each connection in a thread."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def accept():
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=serve, args=(connection, stop), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        thread.join()


@pytest.fixture
def silent_server():
    def serve(connection, stop):
        with connection:
            stop.wait(10)

    with listening(serve) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def trickling_server():
    def serve(connection, stop):
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            try:
                while not stop.wait(0.05):
                    connection.sendall(b"X-More: yes\r\n")
            except OSError:
                return

    with listening(serve) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def redirecting_server():
    def serve(connection, stop):
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\nContent-Length: 0\r\n\r\n")

    with listening(serve) as port:
        yield port


@pytest.fixture
def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
