"""Credentials of Microsoft's: their shape, the link for administrators, and what a test of them finds."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from calsync.errors import Refused
from calsync.providers.microsoft import endpoints
from calsync.providers.microsoft.registration import MicrosoftRegistration
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import (
    Check,
    Consent,
    Consenting,
    Expiring,
    Registration,
    Tenanted,
)
from tests.emulators.microsoft.cast import ADA, CALLBACK, NOW
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer, Switchboard

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)


@pytest.fixture
def registration(microsoft: MicrosoftServer) -> MicrosoftRegistration:
    return MicrosoftRegistration(endpoints.at(microsoft.base_url), allow_private_network=True)


def of_pair(checks: list[Check]) -> list[tuple[bool | None, str]]:
    return [(check.is_good, check.said) for check in checks if check.is_of_pair]


def test_it_has_a_tenant_a_secret_that_runs_out_and_a_link_for_administrators() -> None:
    made: Registration = MicrosoftRegistration()
    assert isinstance(made, Tenanted)
    assert isinstance(made, Expiring)
    assert isinstance(made, Consenting)
    assert made.sign_in_origin == "https://login.microsoftonline.com"


@pytest.mark.parametrize("tenant", ["", "common", "organizations", "consumers", "contoso.example", CLIENT_ID])
def test_a_pair_of_the_right_shape_is_taken(tenant: str) -> None:
    MicrosoftRegistration().check(replace(PAIR, tenant=tenant))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_id": "my app"}, "client_id"),
        ({"secret": CLIENT_ID}, "client_secret"),  # the secret's ID stands beside it and is what people copy
        ({"secret": "short"}, "client_secret"),
        ({"tenant": "contoso"}, "tenant"),
        ({"tenant": "https://contoso.example"}, "tenant"),
    ],
)
def test_what_cannot_be_right_is_refused_at_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as caught:
        MicrosoftRegistration().check(replace(PAIR, **changes))
    assert caught.value.field == field


def test_there_is_no_file() -> None:
    with pytest.raises(Refused) as caught:
        MicrosoftRegistration().read_file(b"{}")
    assert caught.value.field == "file"


@pytest.mark.parametrize("can_write", [False, True])
def test_people_are_told_what_they_agree_to(can_write: bool) -> None:
    scopes = [box.scope for box in MicrosoftRegistration().boxes(can_write=can_write)]
    assert scopes == ["Calendars.ReadWrite" if can_write else "Calendars.Read", "offline_access"]


# --- the test


def test_good_credentials_pass(registration: MicrosoftRegistration) -> None:
    checks = registration.examine(PAIR, CALLBACK, NOW)
    assert [check.is_good for check in checks] == [True] * 4
    assert of_pair(checks)[0][0]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"secret": "EXA8Q~AnotherSecretOfTheSameLength.Another"}, 7000215),
        ({"client_id": "99999999-2222-4333-8444-555555555555"}, 700016),
    ],
)
def test_what_is_wrong_with_a_pair_is_said(
    registration: MicrosoftRegistration, changes: dict[str, str], number: int
) -> None:
    ((is_good, said),) = of_pair(registration.examine(replace(PAIR, **changes), CALLBACK, NOW))
    assert (is_good, f"(AADSTS{number})" in said) == (False, True)


def test_a_secret_that_ran_out_is_said(registration: MicrosoftRegistration, switch: Switchboard) -> None:
    switch.change_client(secrets=[{"value": CLIENT_SECRET, "expires_at": NOW.isoformat()}])
    assert of_pair(registration.examine(PAIR, CALLBACK, NOW)) == [
        (False, "The secret has run out. Make a new one in Entra and enter it on the card. (AADSTS7000222)")
    ]


def test_a_tenant_that_nobody_knows_is_said(registration: MicrosoftRegistration) -> None:
    checks = registration.examine(replace(PAIR, tenant="nobody.example"), CALLBACK, NOW)
    assert checks[0].is_good is False
    assert "AADSTS90002" in checks[0].said


@pytest.mark.parametrize("kind", ["drop", "status"])
def test_what_does_not_answer_says_nothing_of_the_pair(
    registration: MicrosoftRegistration, switch: Switchboard, kind: str
) -> None:
    switch.fault(kind, status=503, method="oauth.*")
    assert of_pair(registration.examine(PAIR, CALLBACK, NOW)) == []


def test_nobody_at_home() -> None:
    away = MicrosoftRegistration(endpoints.at("http://127.0.0.1:9"), allow_private_network=True)
    assert [check.is_good for check in away.examine(PAIR, CALLBACK, NOW)] == [False, None, False, None]
    assert away.clock_offset(NOW) is None


# --- the link for administrators


def test_an_administrator_allows_us_for_everybody(registration: MicrosoftRegistration, switch: Switchboard) -> None:
    address = registration.consent_url(PAIR, CALLBACK, "S1")
    assert "/organizations/v2.0/adminconsent?" in address
    switch.script_consent("allow", ADA)
    back = dict(parse_qsl(urlsplit(httpx2.get(address, verify=False).headers["location"]).query))
    assert back["state"] == "S1"
    assert registration.read_consent(back) == Consent(True)


def test_an_administrator_may_say_no(registration: MicrosoftRegistration, switch: Switchboard) -> None:
    switch.script_consent("deny", ADA)
    address = registration.consent_url(replace(PAIR, tenant="example.com"), CALLBACK, "S1")
    assert "/example.com/v2.0/adminconsent?" in address
    back = dict(parse_qsl(urlsplit(httpx2.get(address, verify=False).headers["location"]).query))
    consent = registration.read_consent(back)
    assert consent is not None
    assert (consent.is_given, bool(consent.said)) == (False, True)


def test_other_answers_are_about_something_else() -> None:
    assert MicrosoftRegistration().read_consent({"code": "1", "state": "S1"}) is None
