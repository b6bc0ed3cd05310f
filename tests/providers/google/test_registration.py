"""Google's credentials: files that are taken and refused, addresses compared, and the test without a person."""

import json
from datetime import timedelta

import pytest

from calsync.errors import Refused
from calsync.providers.google import endpoints
from calsync.providers.google.registration import GoogleRegistration
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import Difference, compare
from tests.emulators.google.cast import CALLBACK, NOW
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
OURS = "https://cal.example.com/oauth/google/callback"


@pytest.fixture
def registration(google: GoogleServer) -> GoogleRegistration:
    return GoogleRegistration(endpoints.at(google.base_url), allow_private_network=True)


def test_the_file_of_the_console_is_read(registration: GoogleRegistration, switch: Switchboard) -> None:
    found = registration.read_file(json.dumps(switch.client_file()).encode())
    assert (found.pair, found.redirect_uris) == (PAIR, (CALLBACK,))
    assert found.project
    registration.check(found.pair)
    assert CLIENT_SECRET not in repr(found)


def test_a_file_without_redirect_addresses_is_read() -> None:
    content = {"web": {"client_id": f" {CLIENT_ID}\n", "client_secret": CLIENT_SECRET}}
    found = GoogleRegistration().read_file(b"\xef\xbb\xbf" + json.dumps(content).encode())
    assert (found.pair, found.redirect_uris) == (PAIR, ())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[1]", "no credentials"),
        (b"{}", "Web application"),
        (b'{"installed": {"client_id": "1"}}', "Desktop app"),
        (b'{"type": "service_account", "private_key": "k"}', "service account"),
        (b'{"type": "authorized_user"}', "one person"),
        (b'{"web": {"client_id": "1"}}', "no client secret"),
        (b'{"web": {"client_id": ["1"], "client_secret": 2}}', "no client secret"),
        (b" " * (64 * 1024 + 1), "larger than 64 KB"),
    ],
)
def test_other_files_are_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said) as raised:
        GoogleRegistration().read_file(content)
    assert raised.value.field == "file"


@pytest.mark.parametrize(
    ("client_id", "secret", "field"),
    [
        ("123", CLIENT_SECRET, "client_id"),
        (CLIENT_SECRET, CLIENT_ID, "client_secret"),  # the wrong way round
        (CLIENT_ID, "short", "client_secret"),
        (CLIENT_ID, "has blanks in the middle of it", "client_secret"),
    ],
)
def test_a_pair_of_another_shape_is_refused_at_its_field(client_id: str, secret: str, field: str) -> None:
    with pytest.raises(Refused) as raised:
        GoogleRegistration().check(ClientPair(client_id, secret))
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("theirs", "differences"),
    [
        (OURS.replace("https", "http"), (Difference.SCHEME,)),
        (OURS.replace("cal.", "www."), (Difference.HOST,)),
        (OURS.replace(".com", ".com:8443"), (Difference.PORT,)),
        (OURS.replace(".com", ".com:443"), (Difference.PORT,)),
        (OURS.replace("google", "calendar"), (Difference.PATH,)),
        (OURS + "/", (Difference.SLASH,)),
        (OURS.replace("cal.", "CAL."), (Difference.OTHER,)),
        (OURS + "?x=1", (Difference.OTHER,)),
        (OURS.replace("https", "http") + "/", (Difference.SCHEME, Difference.SLASH)),
    ],
)
def test_addresses_are_compared_character_by_character(theirs: str, differences: tuple[Difference, ...]) -> None:
    found = compare(OURS, ["https://elsewhere.example/", theirs])
    assert (found.nearest, found.differences, found.is_match) == (theirs, differences, False)
    assert any(not is_same for _, is_same in found.pieces)
    assert "".join(text for text, _ in found.pieces).replace("…", "") == theirs


def test_a_registered_address_matches_and_none_does_not() -> None:
    assert compare(OURS, ["https://elsewhere.example/", OURS]).is_match
    assert compare(OURS, []) == compare(OURS, ())
    assert not compare(OURS, []).is_match


def good(registration: GoogleRegistration, pair: ClientPair = PAIR) -> list[bool | None]:
    return [line.is_good for line in registration.examine(pair, CALLBACK, NOW)]


def test_good_credentials_pass(registration: GoogleRegistration) -> None:
    assert good(registration) == [True, True, True, True]


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (ClientPair(CLIENT_ID, "GOCSPX-anotheranotheranother"), "not its secret"),
        (ClientPair("123-unknown.apps.googleusercontent.com", CLIENT_SECRET), "does not know this Client ID"),
    ],
)
def test_a_wrong_client_is_told_from_a_wrong_secret(
    registration: GoogleRegistration, pair: ClientPair, said: str
) -> None:
    line = registration.examine(pair, CALLBACK, NOW)[1]
    assert line.is_good is False
    assert said in line.said
    assert pair.secret not in repr(line)


def test_a_wrong_clock_is_found(registration: GoogleRegistration) -> None:
    line = registration.examine(PAIR, CALLBACK, NOW + timedelta(minutes=10))[3]
    assert (line.is_good, "600 seconds ahead of" in line.said) == (False, True)
    assert abs(registration.clock_offset(NOW) or timedelta(1)) < timedelta(seconds=5)


def test_what_does_not_answer_is_a_line(registration: GoogleRegistration, switch: Switchboard) -> None:
    switch.fault("drop_before", method="oauth.discovery")
    switch.fault("status", method="oauth.token", status=503)
    lines = registration.examine(PAIR, CALLBACK, NOW)
    assert [line.is_good for line in lines] == [False, None, True, True]
    assert registration.clock_offset(NOW) is None
