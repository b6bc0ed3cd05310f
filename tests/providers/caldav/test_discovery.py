"""From what a person typed to a list of calendars, or to the reason why not."""

import http.server
import ssl
import threading
import uuid
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from calsync.errors import Refused
from calsync.providers.caldav import discovery, presets
from calsync.providers.caldav.discovery import Services
from calsync.providers.registry import all_providers
from tests.parts import web


def connect(server, url=None, password=None):
    return all_providers()["caldav"].discover(url or server.url, server.username, password or server.password, True)


@pytest.fixture(params=["radicale", "xandikos"])
def server(request):
    return request.getfixturevalue(request.param)


# --- real servers -------------------------------------------------------------------------------------------


def test_calendars_are_found_with_what_is_said_of_them(server):
    url = server.make_calendar(f"team-{uuid.uuid4().hex[:8]}", title="Team ü", color="#FF8800FF")
    found = {calendar.remote_id: calendar for calendar in connect(server).calendars}
    assert (found[url].name, found[url].color, found[url].access) == ("Team ü", "#ff8800", "owner")


def test_lists_of_tasks_are_no_calendars(server):
    url = server.make_calendar(f"todo-{uuid.uuid4().hex[:8]}", components=("VTODO",))
    assert url not in {calendar.remote_id for calendar in connect(server).calendars}


@pytest.mark.parametrize("where", ["", "ann/", ".well-known/caldav", "nowhere/at/all"])
def test_any_address_of_a_server_leads_to_the_same_account(server, where):
    server.make_calendar(f"one-{uuid.uuid4().hex[:8]}")
    by_root, found = connect(server), connect(server, server.url + where)
    assert {c.remote_id for c in found.calendars} == {c.remote_id for c in by_root.calendars}
    again = connect(server, found.server_url)
    assert again.principal == by_root.principal


def test_the_address_of_a_calendar_leads_to_the_account(server):
    url = server.make_calendar(f"one-{uuid.uuid4().hex[:8]}")
    assert url in {calendar.remote_id for calendar in connect(server, url).calendars}


def test_a_wrong_password_is_said_to_be_one(radicale):
    with pytest.raises(Refused) as raised:
        connect(radicale, password="wrong")
    assert (raised.value.code, raised.value.field) == ("wrong_password", "password")
    assert "wrong" not in str(raised.value).split()


def test_private_networks_need_permission(radicale):
    with pytest.raises(Refused) as raised:
        discovery.connect(radicale.url, radicale.username, radicale.password)
    assert raised.value.code == "private_network"


# --- what is not there --------------------------------------------------------------------------------------


def refusal(url, **options):
    with pytest.raises(Refused) as raised:
        discovery.connect(url, "ann", "secret", True, **options)
    assert "secret" not in str(raised.value)
    return raised.value.code


def test_a_web_site_is_no_caldav_server():
    def site(environ, start):
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<html>Welcome</html>"]

    with web.serve(site) as url:
        assert refusal(url) == "not_caldav"


def test_circles_are_noticed():
    def circle(environ, start):
        start("302 Found", [("Location", "/b" if environ["PATH_INFO"] == "/a" else "/a")])
        return [b""]

    with web.serve(circle) as url:
        assert refusal(url) == "redirect_loop"


def test_nobody_there():
    assert refusal("http://127.0.0.1:9/") == "unreachable"
    assert refusal("https://calendar.invalid") == "unreachable"


def test_a_certificate_that_proves_nothing(untrusted_https_server):
    assert refusal(untrusted_https_server) == "certificate"


@pytest.mark.parametrize(
    "typed", ["", "  ", "https://", "ftp://x.example/", "http://[::1", "two words", "https://x:port/"]
)
def test_what_is_no_address(typed):
    assert refusal(typed) == "invalid_address"


@pytest.mark.parametrize(
    "typed",
    [
        "ann@gmail.com",
        "https://apidata.googleusercontent.com/caldav/v2/",
        "https://www.google.com/calendar/dav/",
        "google.com",
    ],
)
def test_google_is_refused_with_the_reason(typed):
    with pytest.raises(Refused) as raised:
        discovery.connect(typed, "ann", "secret")
    assert (raised.value.code, str(raised.value)) == ("use_google", presets.WHY_NOT_GOOGLE)


# --- services known by name, and DNS ------------------------------------------------------------------------


class World:
    """Hosts that answer by address; everything else is 404. `asked` keeps (address, who asked)."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def __call__(self, request):
        url = str(request.url)
        self.asked.append((url, "authorization" in request.headers))
        answer = self.answers.get(url)
        if answer is None:
            return httpx2.Response(404)
        if isinstance(answer, int):
            return httpx2.Response(answer)
        if answer.startswith(("http", "/")):
            return httpx2.Response(301, headers={"Location": answer})
        body = f'<multistatus xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">{answer}</multistatus>'
        return httpx2.Response(207, content=body.encode())

    def connect(self, typed, username="ann", services=None):
        return discovery.connect(
            typed,
            username,
            "secret",
            transport=httpx2.MockTransport(self),
            resolve=lambda domain: services or Services([], ""),
        )


def said(href, inner):
    status = "<status>HTTP/1.1 200 OK</status>"
    return f"<response><href>{href}</href><propstat><prop>{inner}</prop>{status}</propstat></response>"


def principal(href):
    return said("/", f"<current-user-principal><href>{href}</href></current-user-principal>")


def homes(*hrefs, address="ann@x.example"):
    inner = "".join(f"<href>{href}</href>" for href in hrefs)
    mail = f"<c:calendar-user-address-set><href>mailto:{address}</href></c:calendar-user-address-set>"
    return said("/p/", f"<c:calendar-home-set>{inner}</c:calendar-home-set>{mail}")


def calendar(href, inner="", kinds="<c:calendar/>"):
    return said(href, f"<resourcetype><collection/>{kinds}</resourcetype>{inner}")


def test_icloud_is_known_by_the_address_and_followed_to_its_own_hosts():
    world = World(
        {
            "https://caldav.icloud.com/": principal("/1/principal/"),
            "https://caldav.icloud.com/1/principal/": homes("https://p07-caldav.icloud.com/1/calendars/"),
            "https://p07-caldav.icloud.com/1/calendars/": calendar(
                "/1/calendars/home/", "<displayname>Home</displayname>"
            ),
        }
    )
    found = world.connect("ann@icloud.com", username="")
    assert [(c.remote_id, c.name) for c in found.calendars] == [
        ("https://p07-caldav.icloud.com/1/calendars/home/", "Home")
    ]
    assert all(signed for _, signed in world.asked)


def test_icloud_asks_for_an_app_specific_password():
    with pytest.raises(Refused) as raised:
        World({"https://caldav.icloud.com/": 401}).connect("ann@icloud.com")
    assert "app-specific password" in str(raised.value)


def test_a_home_on_a_strange_host_is_not_told_the_password():
    world = World({"https://x.example/": principal("/p/"), "https://x.example/p/": homes("https://evil.example/h/"),
                   "https://evil.example/h/": calendar("/h/a/")})  # fmt: skip
    world.connect("https://x.example/")
    assert ("https://evil.example/h/", False) in world.asked


def test_several_homes_are_listed_once_each():
    one, two = calendar("/h1/a/"), calendar("/h2/b/") + calendar("/h1/a/")
    world = World({"https://x.example/": principal("/p/"), "https://x.example/p/": homes("/h1/", "/h2/"),
                   "https://x.example/h1/": one, "https://x.example/h2/": two})  # fmt: skip
    found = world.connect("https://x.example/")
    assert [c.remote_id for c in found.calendars] == ["https://x.example/h1/a/", "https://x.example/h2/b/"]


def test_a_bare_domain_is_found_by_its_well_known_address():
    world = World({"https://x.example/.well-known/caldav": "/dav/", "https://x.example/dav/": principal("/p/"),
                   "https://x.example/p/": homes("/h/"), "https://x.example/h/": calendar("/h/a/")})  # fmt: skip
    found = world.connect("x.example")
    assert (found.server_url, len(found.calendars)) == ("https://x.example/dav/", 1)


def test_a_domain_is_found_by_dns():
    world = World({"https://cal.host.net:8443/dav": principal("/p/"), "https://cal.host.net:8443/p/": homes("/h/"),
                   "https://cal.host.net:8443/h/": calendar("/h/a/")})  # fmt: skip
    found = world.connect(
        "ann@company.com", services=Services([("gone.host.net", 443), ("cal.host.net", 8443)], "/dav")
    )
    assert found.server_url == "https://cal.host.net:8443/dav"
    assert [c.remote_id for c in found.calendars] == ["https://cal.host.net:8443/h/a/"]


def test_a_wrong_password_is_tried_once_only():
    world = World({"https://x.example/dav/": 401})
    with pytest.raises(Refused):
        world.connect("https://x.example/dav/")
    assert len(world.asked) == 1


def test_a_server_that_does_not_know_us_refused_the_password():
    with pytest.raises(Refused) as raised:
        World(
            {"https://x.example/": said("/", "<current-user-principal><unauthenticated/></current-user-principal>")}
        ).connect("https://x.example/")
    assert raised.value.code == "wrong_password"


@pytest.mark.parametrize(
    ("inner", "access"),
    [
        ("", "owner"),  # unknown: a refusal will tell
        ("<current-user-privilege-set><privilege><read/></privilege></current-user-privilege-set>", "reader"),
        ("<current-user-privilege-set><privilege><all/></privilege></current-user-privilege-set>", "owner"),
        (
            "<current-user-privilege-set><privilege><read/></privilege><privilege><write-content/></privilege>"
            "</current-user-privilege-set><owner><href>/other/</href></owner>",
            "writer",
        ),
        (
            "<current-user-privilege-set><privilege><c:read-free-busy/></privilege></current-user-privilege-set>",
            "free_busy",
        ),
    ],
)
def test_what_may_be_done(inner, access):
    (found,) = listed(calendar("/h/a/", inner))
    assert found.access == access


def test_subscribed_calendars_are_read_only():
    kinds = '<c:calendar/><subscribed xmlns="http://calendarserver.org/ns/"/>'
    (found,) = listed(calendar("/h/a/", kinds=kinds))
    assert not found.is_writable


def test_inboxes_trash_and_the_home_itself_are_no_calendars():
    trash = '<c:calendar/><deleted-calendar xmlns="http://nextcloud.com/ns"/>'
    inbox = calendar("/h/inbox/", kinds="<c:schedule-inbox/>")
    assert listed(calendar("/h/", kinds=""), inbox, calendar("/h/old/", kinds=trash)) == []


def test_a_calendar_says_its_zone_and_is_named_by_its_address():
    zone = "<c:calendar-timezone>BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:W. Europe Standard Time&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n</c:calendar-timezone>"  # noqa: E501
    (found,) = listed(calendar("/h/my%20work/", zone))
    assert (found.tz, found.name) == ("Europe/Berlin", "my work")


def listed(*calendars):
    world = World({"https://x.example/": principal("/p/"), "https://x.example/p/": homes("/h/"),
                   "https://x.example/h/": "".join(calendars)})  # fmt: skip
    return world.connect("https://x.example/").calendars


def test_presets_say_what_to_type():
    assert [preset.key for preset in presets.PRESETS] == ["icloud", "fastmail", "nextcloud", "other"]
    assert presets.for_host("p07-caldav.icloud.com").key == "icloud"
    assert "app-specific" in presets.for_host("me.com").note
    assert presets.for_host("noticloud.com") is None


# --- parts --------------------------------------------------------------------------------------------------


@pytest.fixture
def untrusted_https_server(tmp_path):
    """A server with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda *_: None
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://localhost:{running.server_port}/"
        running.shutdown()
