"""The one HTTP client: what it sends where, and what it makes of answers."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

import calsync.runtime
from calsync.errors import RateLimited, Rejected, SignInNeeded, Unavailable, VersionMismatch
from calsync.providers import redact, redirects
from calsync.providers.auth import BearerAuth, PasswordAuth
from calsync.providers.http import Http, Limits
from calsync.store.db import Database

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


def client(answer, **options):
    """A client whose server is `answer(request)`; `sent` collects the requests."""
    sent = []

    def handle(request):
        sent.append(request)
        return answer(request)

    made = Http(transport=httpx2.MockTransport(handle), now=lambda: NOW, **options)
    return made, sent


def status(code, body=b"", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx2.Response(code, headers=names, content=body)


# --- statuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "code_of_ours"),
    [
        (400, Rejected, "invalid"),
        (401, SignInNeeded, None),
        (403, Rejected, "permission"),
        (404, Rejected, "not_found"),
        (405, Rejected, "unsupported"),
        (409, Rejected, "duplicate"),
        (410, Rejected, "not_found"),
        (412, VersionMismatch, None),
        (413, Rejected, "too_large"),
        (423, Unavailable, None),
        (429, RateLimited, None),
        (500, Unavailable, None),
        (503, Unavailable, None),
        (507, Rejected, "quota"),
    ],
)
def test_a_status_is_read_in_one_place(code, kind, code_of_ours):
    made, _ = client(status(code))
    with pytest.raises(kind) as raised:
        made.request("GET", "https://x.example/")
    assert getattr(raised.value, "code", None) == code_of_ours


def test_an_error_names_the_request_for_the_providers_support():
    made, _ = client(status(500, b"Sorry", X_Request_Id="4f2a-77"))
    with pytest.raises(Unavailable, match=r"answered 500 Sorry \(request id 4f2a-77\)"):
        made.request("GET", "https://cal.example/a")


def test_an_expected_status_is_an_answer():
    made, _ = client(status(412, b"so it is"))
    answer = made.request("PUT", "https://x.example/", expect=(412,))
    assert (answer.status, answer.text) == (412, "so it is")


def test_a_provider_may_read_an_answer_its_own_way():
    made, _ = client(status(403), read_error=lambda answer: RateLimited(NOW))
    with pytest.raises(RateLimited):
        made.request("GET", "https://x.example/")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("Mon, 07 Jan 2030 09:01:30 GMT", 90), ("99999999", 86400), ("soon", 60), ("", 60)],
)
def test_how_long_to_wait(value, seconds):
    made, _ = client(status(429, Retry_After=value))
    with pytest.raises(RateLimited) as raised:
        made.request("GET", "https://x.example/")
    assert raised.value.until == NOW + timedelta(seconds=seconds)


def test_a_date_to_wait_for_is_read_by_the_servers_clock():
    made, _ = client(status(503, Date="Mon, 07 Jan 2030 10:00:00 GMT", Retry_After="Mon, 07 Jan 2030 10:00:30 GMT"))
    with pytest.raises(Unavailable) as raised:
        made.request("GET", "https://x.example/")
    assert raised.value.after_s == 30
    assert made.clock_offset == timedelta(hours=1)


@pytest.mark.parametrize(("code", "is_in_doubt"), [(500, False), (502, True), (503, False), (504, True)])
def test_a_write_behind_a_gateway_that_gave_up_is_in_doubt(code, is_in_doubt):
    made, _ = client(status(code))
    for is_write in (True, False):
        with pytest.raises(Unavailable) as raised:
            made.request("PUT", "https://x.example/", is_write=is_write)
        assert raised.value.is_in_doubt == (is_in_doubt and is_write)


@pytest.mark.parametrize(
    ("error", "is_in_doubt"),
    [
        (httpx2.ReadTimeout, True),
        (httpx2.RemoteProtocolError, True),
        (httpx2.ReadError, True),
        (httpx2.WriteError, True),
        (httpx2.ConnectError, False),  # nothing was sent
        (httpx2.ConnectTimeout, False),
    ],
)
def test_a_write_without_an_answer_is_in_doubt_once_it_was_sent(error, is_in_doubt):
    def fail(request):
        raise error("no luck", request=request)

    made, _ = client(fail)
    with pytest.raises(Unavailable) as raised:
        made.request("PUT", "https://x.example/", is_write=True)
    assert raised.value.is_in_doubt == is_in_doubt
    with pytest.raises(Unavailable) as raised:
        made.request("GET", "https://x.example/")
    assert not raised.value.is_in_doubt


# --- redirects ----------------------------------------------------------------------------------------------


def moved(table):
    def answer(request):
        target = table.get(str(request.url))
        return httpx2.Response(307, headers={"Location": target}) if target else httpx2.Response(200)

    return answer


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_keeps_method_and_body(code):
    made, sent = client(
        lambda r: httpx2.Response(code, headers={"Location": "/b"}) if r.url.path == "/a" else httpx2.Response(207)
    )
    answer = made.request("PROPFIND", "https://x.example/a", body=b"<x/>")
    assert [(r.method, r.url.path, r.content) for r in sent] == [
        ("PROPFIND", "/a", b"<x/>"),
        ("PROPFIND", "/b", b"<x/>"),
    ]
    assert answer.url == "https://x.example/b"


def test_circles_and_long_ways_end():
    made, sent = client(moved({"https://x.example/a": "/b", "https://x.example/b": "/a"}))
    with pytest.raises(redirects.Loop):
        made.request("GET", "https://x.example/a")
    assert len(sent) == 2
    made, sent = client(moved({f"https://x.example/{n}": f"/{n + 1}" for n in range(100)}))
    with pytest.raises(redirects.Loop):
        made.request("GET", "https://x.example/0")
    assert len(sent) == redirects.MOST + 1


@pytest.mark.parametrize("target", ["http://x.example/", "file:///etc/passwd", "ftp://x.example/"])
def test_https_is_never_left(target):
    made, sent = client(moved({"https://x.example/a": target}))
    with pytest.raises(Rejected):
        made.request("GET", "https://x.example/a")
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("home", "target", "is_told"),
    [
        ("x.example", "https://x.example/b", True),
        ("x.example", "https://sub.x.example/b", False),
        ("x.example", "https://evil.example/b", False),
        ("caldav.icloud.com", "https://p07-caldav.icloud.com/b", True),
        ("caldav.icloud.com", "https://icloud.com.evil.example/b", False),
        ("x.example", "https://p07-caldav.icloud.com/b", False),
    ],
)
def test_credentials_stay_at_home(home, target, is_told):
    made, sent = client(
        moved({f"https://{home}/a": target}), auth=PasswordAuth("ann", "secret"), trusted_domains=("icloud.com",)
    )
    made.request("GET", f"https://{home}/a")
    assert "authorization" in sent[0].headers
    assert ("authorization" in sent[1].headers) == is_told


def test_an_address_given_later_is_not_home():
    made, sent = client(status(200), auth=PasswordAuth("ann", "secret"), home="x.example")
    made.request("GET", "https://y.example/")
    assert "authorization" not in sent[0].headers


# --- signing in ---------------------------------------------------------------------------------------------


def test_digest_is_answered_and_then_used_at_once():
    challenge = 'Digest realm="cal", nonce="abc", qop="auth", algorithm=SHA-256'
    shown = []

    def answer(request):
        shown.append(request.headers["authorization"])
        return httpx2.Response(200 if shown[-1].startswith("Digest ") else 401, headers={"WWW-Authenticate": challenge})

    made, _ = client(answer, auth=PasswordAuth("ann", "secret"))
    for _ in range(2):
        assert made.request("PROPFIND", "https://x.example/", body=b"<x/>").status == 200
    assert [value.partition(" ")[0] for value in shown] == ["Basic", "Digest", "Digest"]
    assert made.requests == 3
    assert 'username="ann"' in shown[1]


def test_a_refused_token_is_renewed_once():
    asked = []

    def bearer(fresh):
        asked.append(fresh)
        return "new" if fresh else "old"

    made, sent = client(
        lambda r: httpx2.Response(200 if r.headers["authorization"] == "Bearer new" else 401), auth=BearerAuth(bearer)
    )
    assert made.request("GET", "https://x.example/").status == 200
    assert asked == [False, True]
    made, sent = client(status(401), auth=BearerAuth(bearer))
    with pytest.raises(SignInNeeded):
        made.request("GET", "https://x.example/")
    assert len(sent) == 2


# --- limits -------------------------------------------------------------------------------------------------


def test_a_long_answer_is_cut_off():
    made, _ = client(status(200, b"x" * 1001), limits=Limits(max_bytes=1000))
    with pytest.raises(Rejected) as raised:
        made.request("GET", "https://x.example/")
    assert raised.value.code == "too_large"


def test_no_request_inside_a_database_session(empty_database_url):
    assert calsync.runtime.Runtime  # importing it forbids network there
    made, sent = client(status(200))
    database = Database(empty_database_url)
    for session in (database.reading, database.writing):
        with session(), pytest.raises(RuntimeError, match="inside a database session"):
            made.request("GET", "https://x.example/")
    database.close()
    assert sent == []
    assert made.request("GET", "https://x.example/").status == 200


# --- secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "GET https://ann:hunter22@x.example/ failed",
        "Authorization: Basic YW5uOmh1bnRlcjIy",
        "token Bearer hunter22.hunter22",
        '{"access_token": "hunter22"}',
        "https://x.example/?code=hunter22&state=1",
        "client_secret=hunter22",
        "the password hunter22 is wrong",
    ],
)
def test_secrets_are_hidden(text):
    cleaned = redact.redact(text, ("hunter22",))
    assert "hunter22" not in cleaned
    assert "YW5uOmh1bnRlcjIy" not in cleaned


def test_an_error_does_not_repeat_a_secret():
    made, _ = client(status(400, b"<html><style>p{}</style><p>bad password hunter22</p></html>"), secrets=("hunter22",))
    with pytest.raises(Rejected) as raised:
        made.request("GET", "https://x.example/path")
    assert str(raised.value) == "invalid: GET x.example/path answered 400 bad password ***"
