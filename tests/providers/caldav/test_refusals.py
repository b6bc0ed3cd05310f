"""What a person is told who typed an address behind which no calendars were found."""

import http.server
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from calsync.errors import Refused
from calsync.providers import http as our_http
from calsync.providers import network
from calsync.providers.caldav import discovery, refusals
from tests.parts import web
from tests.parts.process import HOST


def refused(url, **options):
    with pytest.raises(Refused) as raised:
        discovery.connect(url, "ann", "secret", True, **options)
    assert "secret" not in str(raised.value)
    return raised.value


def answering(status, headers=(), body=b""):
    def site(environ, start):
        start(status, list(headers))
        return [body]

    return web.serve(site)


# --- certificates -------------------------------------------------------------------------------------------


def certificate(folder, name, ends_in):
    """Write a self-signed certificate with its key; returns the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + ends_in)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file, public = folder / f"{name}.pem", folder / f"{name}.crt"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    file.write_bytes(private + public.read_bytes())
    return file, public


@contextmanager
def https(file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with http.server.ThreadingHTTPServer((HOST, 0), http.server.BaseHTTPRequestHandler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda *_: None
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://localhost:{running.server_port}/"
        running.shutdown()


@pytest.mark.parametrize(
    ("name", "ends_in", "is_known", "said"),
    [
        ("localhost", timedelta(days=1), False, "signed by nobody whom this machine knows"),
        ("localhost", timedelta(days=-1), True, "has run out"),
        ("other.example", timedelta(days=1), True, "made for another name"),
    ],
)
def test_each_fault_of_a_certificate_has_its_own_way_out(tmp_path, monkeypatch, name, ends_in, is_known, said):
    file, public = certificate(tmp_path, name, ends_in)
    trust = ssl.create_default_context(cafile=public if is_known else None)
    monkeypatch.setattr(network, "tls", lambda: trust)
    with https(file) as url:
        why = refused(url)
    assert (why.code, said in why.reason) == ("certificate", True)
    assert "_ssl.c" not in why.reason


def test_a_server_that_speaks_no_tls():
    with answering("200 OK") as url:
        why = refused(url.removeprefix("http://"))
    assert why.code == "unreachable"
    assert f"{HOST} does not speak https there" in why.reason


# --- redirects ----------------------------------------------------------------------------------------------


def elsewhere(request):
    """x.example sends everybody to y.example, which wants a password."""
    if request.url.host == "x.example":
        return httpx2.Response(301, headers={"Location": f"https://y.example{request.url.path}"})
    return httpx2.Response(401, headers={"WWW-Authenticate": "Basic"})


def test_a_host_that_was_not_named_is_told_of_rather_than_the_password():
    why = refused("https://x.example/", transport=httpx2.MockTransport(elsewhere), resolve=nothing)
    assert (why.code, why.field) == ("other_host", "url")
    assert "x.example leads to y.example" in why.reason


def nothing(domain):
    return discovery.Services([], "")


@pytest.mark.parametrize("location", ["http://[::1/", "ftp://x.example/", "//[x", "http://℀.example/"])
def test_a_redirect_to_what_is_no_address(location):
    def site(environ, start):
        start("301 Moved", [("Location", location.encode().decode("latin-1"))])
        return [b""]

    with web.serve(site) as url:
        assert refused(url).code == "not_caldav"


@pytest.mark.parametrize("href", ["http://[::1/", "//[", "http://℀.example/", "[]"])
def test_addresses_in_an_answer_that_nobody_can_take_apart(href):
    body = (
        f'<?xml version="1.0"?><multistatus xmlns="DAV:"><response><href>{href}</href><propstat><prop>'
        f"<current-user-principal><href>{href}</href></current-user-principal></prop>"
        "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
    )
    with answering("207 Multi-Status", [("Content-Type", "application/xml")], body.encode()) as url:
        assert refused(url).code == "not_caldav"


# --- servers that are not well ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        ("500 Oh", [], b"oops", "answers with a fault of its own"),
        ("503 Later", [("Retry-After", "120")], b"", "answers with a fault of its own"),
        ("429 Slow", [("Retry-After", "120")], b"", "wants to be left alone until 20"),
        ("207 Multi-Status", [], b"", "answers with a fault of its own"),
        ("404 Gone", [], b"", "there is no CalDAV service"),
        ("200 OK", [], b"", "there is no CalDAV service"),
    ],
)
def test_a_server_that_answers_is_not_called_unreachable(status, headers, body, said):
    with answering(status, headers, body) as url:
        assert said in refused(url).reason


def test_a_server_that_hangs_is_asked_once(monkeypatch):
    monkeypatch.setattr(discovery, "LIMITS", our_http.Limits(silence_s=0.2))
    asked = []
    with socket.create_server((HOST, 0)) as silent:
        threading.Thread(target=lambda: asked.append(silent.accept()), daemon=True).start()
        why = refused(f"http://{HOST}:{silent.getsockname()[1]}/")
        silent.settimeout(0.3)
        with pytest.raises(TimeoutError):
            silent.accept()
    assert len(asked) == 1
    assert f"{HOST} takes the connection and does not answer" in why.reason


def test_a_name_that_leads_nowhere_is_said_without_numbers():
    assert "calendar.invalid cannot be reached (calendar.invalid does not exist)" in refused("calendar.invalid").reason


@pytest.mark.parametrize(
    ("address", "host"), [("https://[::1]:5232/x", "::1"), ("https://x:port", ""), ("http://[::1", ""), ("nothing", "")]
)
def test_the_host_in_an_address(address, host):
    assert refusals.host_of(address) == host


@pytest.mark.parametrize(
    ("detail", "plain"),
    [
        ("PROPFIND x.example: xn--x: [Errno -2] Name or service not known", "Name or service not known"),
        ("PROPFIND x.example: [Errno 111] Connection refused", "Connection refused"),
        ("PROPFIND x.example: _ssl.c:989: The handshake operation timed out", "The handshake operation timed out"),
        ("PROPFIND x.example: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF (_ssl.c:1006)", "EOF"),
        ("PROPFIND x.example/ answered 500 oops", "PROPFIND x.example/ answered 500 oops"),
    ],
)
def test_reasons_are_said_without_what_programmers_read(detail, plain):
    why = refusals.refusal([("https://x.example/", network.Unreachable(detail))], "https://x.example/")
    assert f"({plain})" in why.reason
