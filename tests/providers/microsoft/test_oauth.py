"""Signing in at Microsoft: the page's address, codes to tokens, who it was, refreshing, and what refusals mean."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from calsync.errors import RateLimited, Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import oauth
from calsync.providers.microsoft import aadsts, endpoints
from calsync.providers.microsoft.oauth import MicrosoftAuthorizer
from calsync.providers.oauth import Attempt, ClientPair, ClientRefused, Identity, Tokens, Wish
from tests.emulators.microsoft.cast import ADA, CALLBACK, ELI, NOW, VIC
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer, Switchboard

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
SCOPES = "openid profile email offline_access User.Read"


@pytest.fixture
def sign_in(microsoft: MicrosoftServer) -> MicrosoftAuthorizer:
    microsoft.switch.script_consent("allow", ADA)
    return MicrosoftAuthorizer(endpoints.at(microsoft.base_url), allow_private_network=True)


def asked(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def go(address: str) -> dict[str, str]:
    """Follow a person to Microsoft's page and back; return what came to our callback."""
    answer = httpx2.get(address, verify=False)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def attempt_and_code(
    sign_in: MicrosoftAuthorizer, wish: Wish | None = None, pair: ClientPair = PAIR
) -> tuple[Attempt, str]:
    attempt = oauth.begin(CALLBACK)
    back = go(sign_in.url(pair, attempt, wish or Wish()))
    return attempt, oauth.read_callback(attempt, back, (), sign_in)


def signed_in(
    sign_in: MicrosoftAuthorizer, wish: Wish | None = None, pair: ClientPair = PAIR
) -> tuple[Tokens, Identity]:
    attempt, code = attempt_and_code(sign_in, wish, pair)
    return sign_in.exchange(pair, attempt, code, NOW)


# --- the page


def test_the_first_time_a_person_chooses_the_account_and_only_reading_is_asked_for() -> None:
    address = MicrosoftAuthorizer().url(PAIR, oauth.begin(CALLBACK), Wish())
    query = asked(address)
    assert address.startswith("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?")
    assert query["scope"] == f"{SCOPES} Calendars.Read"
    assert (query["prompt"], query["response_mode"], query["redirect_uri"]) == ("select_account", "query", CALLBACK)
    assert query["code_challenge_method"] == "S256"


@pytest.mark.parametrize(
    ("tenant", "more"),
    [
        ("", ""),
        ("common", ""),
        ("consumers", ""),  # a personal account cannot give it, and would be refused altogether
        ("organizations", " OnlineMeetings.ReadWrite"),
        ("contoso.example", " OnlineMeetings.ReadWrite"),
    ],
)
def test_writing_asks_for_meetings_where_only_organisations_sign_in(tenant: str, more: str) -> None:
    address = MicrosoftAuthorizer().url(replace(PAIR, tenant=tenant), oauth.begin(CALLBACK), Wish(can_write=True))
    assert f"/{tenant or 'common'}/oauth2/" in address
    assert asked(address)["scope"] == f"{SCOPES} Calendars.ReadWrite{more}"


@pytest.mark.parametrize("needs_consent", [False, True])
def test_consent_is_never_demanded(needs_consent: bool) -> None:
    """A demand stops people whose administrator agreed for them; what is missing the page asks for by itself."""
    wish = Wish(login_hint=ADA, needs_consent=needs_consent)
    query = asked(MicrosoftAuthorizer().url(PAIR, oauth.begin(CALLBACK), wish))
    assert (query.get("prompt"), query.get("login_hint")) == (None, ADA)


# --- codes


def test_a_code_brings_tokens_and_who_gave_it(sign_in: MicrosoftAuthorizer) -> None:
    tokens, who = signed_in(sign_in)
    tenant, _, person = who.subject.partition(".")
    assert (who.address, who.name, who.domain) == (ADA, "Ada Adams", "example.com")
    assert (len(tenant), len(person)) == (36, 36)
    assert tokens.refresh
    assert tokens.expires_at > NOW + timedelta(minutes=30)
    assert sign_in.missing(tokens.scopes, can_write=False) == ()
    assert sign_in.missing(tokens.scopes, can_write=True) == ("Calendars.ReadWrite",)


def test_a_person_stays_the_same_under_another_address(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    first, again = signed_in(sign_in)[1], signed_in(sign_in, Wish(can_write=True))[1]
    switch.script_consent("allow", ELI)
    assert first.subject == again.subject != signed_in(sign_in)[1].subject


def test_a_personal_account_has_no_organisation(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    switch.script_consent("allow", VIC)
    _, who = signed_in(sign_in, Wish(can_write=True))
    assert who.subject.startswith(endpoints.PERSONAL)
    assert (who.address, who.domain) == (VIC, "")


def test_writing_can_be_added_later(sign_in: MicrosoftAuthorizer) -> None:
    signed_in(sign_in)
    tokens, _ = signed_in(sign_in, Wish(can_write=True, login_hint=ADA))
    assert sign_in.missing(tokens.scopes, can_write=True) == ()


def test_scopes_that_carry_their_api_count(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    switch.settings(prefixes_scopes=True)
    tokens, _ = signed_in(sign_in, Wish(can_write=True))
    assert "Calendars.ReadWrite" in tokens.scopes
    assert sign_in.missing(tokens.scopes, can_write=True) == ()


def test_a_code_is_good_once(sign_in: MicrosoftAuthorizer) -> None:
    attempt, code = attempt_and_code(sign_in)
    sign_in.exchange(PAIR, attempt, code, NOW)
    with pytest.raises(Refused) as caught:
        sign_in.exchange(PAIR, attempt, code, NOW)
    assert caught.value.code == "code_expired"


def test_a_code_of_another_attempt_is_refused(sign_in: MicrosoftAuthorizer) -> None:
    _, code = attempt_and_code(sign_in)
    with pytest.raises(Refused) as caught:
        sign_in.exchange(PAIR, oauth.begin(CALLBACK), code, NOW)
    assert caught.value.code == "code_expired"


def test_a_proof_of_another_attempt_is_no_identity(sign_in: MicrosoftAuthorizer) -> None:
    attempt, code = attempt_and_code(sign_in)
    with pytest.raises(Refused) as caught:
        sign_in.exchange(PAIR, replace(attempt, nonce="another"), code, NOW)
    assert caught.value.code == "no_identity"


def test_a_proof_of_somebody_else_than_microsoft_is_no_identity(
    sign_in: MicrosoftAuthorizer, switch: Switchboard
) -> None:
    switch.settings(issuer_base="https://login.example.com")
    with pytest.raises(Refused) as caught:
        signed_in(sign_in)
    assert caught.value.code == "no_identity"


@pytest.mark.parametrize(
    ("number", "error", "code", "begins"),
    [
        (65004, "access_denied", "access_denied", "You did not give permission"),
        (90094, "consent_required", "needs_admin", "Your organisation lets only its administrator"),
        (90095, "access_denied", "needs_admin", "Your organisation lets only its administrator"),
        (53003, "interaction_required", "admin_policy_enforced", "Your organisation’s rules"),
        (50105, "interaction_required", "admin_policy_enforced", "You were not given this app"),
        (650056, "invalid_client", "misconfigured", "The app registration lacks a permission"),
        (50076, "interaction_required", "sign_in_failed", "Your organisation wants a second proof"),
        (90033, "temporarily_unavailable", "temporarily_unavailable", "Microsoft’s sign-in is busy"),
        (99999, "server_error", "server_error", "The sign-in page is out of order"),
    ],
)
def test_a_refusal_is_told_to_whom_it_concerns(
    sign_in: MicrosoftAuthorizer, switch: Switchboard, number: int, error: str, code: str, begins: str
) -> None:
    attempt = oauth.begin(CALLBACK)
    back = {"state": attempt.state, "error": error, "error_description": f"AADSTS{number}: Something. Trace ID: 1"}
    with pytest.raises(Refused) as caught:
        oauth.read_callback(attempt, back, (), sign_in)
    assert (caught.value.code, caught.value.reason.startswith(begins)) == (code, True)


def test_who_needs_an_administrator_is_told_so(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    switch.change_tenant("example.com", user_consent="recommended")
    switch.script_consent("allow", ELI)
    with pytest.raises(Refused) as caught:
        signed_in(sign_in, Wish(can_write=True))
    assert caught.value.code == "needs_admin"


# --- refreshing


def test_refreshing_brings_new_tokens_and_the_old_one_goes_on_working(sign_in: MicrosoftAuthorizer) -> None:
    tokens, _ = signed_in(sign_in)
    first = sign_in.refresh(PAIR, tokens.refresh, NOW)
    again = sign_in.refresh(PAIR, tokens.refresh, NOW)  # as after an answer that was lost
    assert len({tokens.refresh, first.refresh, again.refresh}) == 3
    assert sign_in.missing(again.scopes, can_write=False) == ()


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (50173, "invalid_grant"),
        (70008, "invalid_grant"),
        (700082, "grant_unused"),
        (70043, "reauth_needed"),
        (53003, "admin_policy"),
        (65001, "scope_lost"),
    ],
)
def test_a_dead_grant_says_why(sign_in: MicrosoftAuthorizer, switch: Switchboard, number: int, why: str) -> None:
    tokens, _ = signed_in(sign_in)
    switch.end_grant(ADA, number)
    with pytest.raises(SignInNeeded) as caught:
        sign_in.refresh(PAIR, tokens.refresh, NOW)
    assert caught.value.why == why
    assert caught.value.detail.startswith(aadsts.MEANINGS[number].said)


def test_a_wrong_secret_ends_no_grant(sign_in: MicrosoftAuthorizer) -> None:
    tokens, _ = signed_in(sign_in)
    wrong = replace(PAIR, secret="EXA8Q~AnotherSecretOfTheSameLength.Another")
    with pytest.raises(ClientRefused) as caught:
        sign_in.refresh(wrong, tokens.refresh, NOW)
    assert "not the secret’s value" in caught.value.detail
    assert wrong.secret not in caught.value.detail
    assert sign_in.refresh(PAIR, tokens.refresh, NOW).access


def test_a_secret_that_ran_out_ends_no_grant(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    tokens, _ = signed_in(sign_in)
    secrets = [{"value": CLIENT_SECRET, "expires_at": NOW.isoformat()}, {"value": "EXA8Q~" + "x" * 34}]
    switch.change_client(secrets=secrets)
    with pytest.raises(ClientRefused) as caught:
        sign_in.refresh(PAIR, tokens.refresh, NOW)
    assert "The secret has run out" in caught.value.detail
    assert sign_in.refresh(replace(PAIR, secret="EXA8Q~" + "x" * 34), tokens.refresh, NOW).access


def test_a_tenant_that_does_not_fit_is_ours_to_mend(sign_in: MicrosoftAuthorizer, switch: Switchboard) -> None:
    tokens, _ = signed_in(sign_in)
    switch.change_client(audience="AzureADMyOrg")
    with pytest.raises(ClientRefused) as caught:
        sign_in.refresh(PAIR, tokens.refresh, NOW)
    assert "accounts of this kind" in caught.value.detail


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"kind": "error", "number": 90033, "error": "temporarily_unavailable"}, Unavailable),
        ({"kind": "error", "number": 90055, "error": "invalid_request"}, RateLimited),
        ({"kind": "status", "status": 429, "retry_after": "2.5"}, RateLimited),
        ({"kind": "status", "status": 503}, Unavailable),
        ({"kind": "drop"}, Unavailable),
    ],
)
def test_what_passes_by_itself_ends_no_grant(
    sign_in: MicrosoftAuthorizer, switch: Switchboard, fault: dict[str, object], raised: type[Exception]
) -> None:
    tokens, _ = signed_in(sign_in)
    switch.fault(**{"method": "oauth.token", **fault})
    with pytest.raises(raised):
        sign_in.refresh(PAIR, tokens.refresh, NOW)


def test_only_people_themselves_can_take_a_permission_back(sign_in: MicrosoftAuthorizer) -> None:
    with pytest.raises(Rejected) as caught:
        sign_in.revoke("token", PAIR)
    assert "https://myapps.microsoft.com" in caught.value.detail


# --- the table of numbers


def test_every_number_names_somebody_who_can_do_something() -> None:
    assert {meaning.who for meaning in aadsts.MEANINGS.values()} == {"you", "administrator", "operator", "nobody"}
    assert all(meaning.said.endswith((".", "?")) for meaning in aadsts.MEANINGS.values())


@pytest.mark.parametrize("text", ["", "no number", "AADSTS12", "AADSTS1234567890123"])
def test_what_is_no_number_means_nothing(text: str) -> None:
    assert aadsts.meaning_of(text) is None


# --- what is asked for besides


def test_more_is_asked_for_only_by_name(sign_in: MicrosoftAuthorizer) -> None:
    wish = Wish(can_write=True, login_hint=ADA, extras=(oauth.ROOMS, oauth.ZONE))
    plain = asked(sign_in.url(PAIR, oauth.begin(CALLBACK), Wish(can_write=True)))["scope"].split()
    more = asked(sign_in.url(PAIR, oauth.begin(CALLBACK), wish))["scope"].split()
    assert set(more) - set(plain) == {"Place.Read.All", "MailboxSettings.Read"}
    assert sign_in.allows(oauth.ROOMS, ["https://graph.microsoft.com/place.read.all"])
    assert not sign_in.allows(oauth.ROOMS, ["Calendars.ReadWrite"])


def test_personal_accounts_have_no_rooms(sign_in: MicrosoftAuthorizer) -> None:
    assert isinstance(sign_in, oauth.Extending)
    work = signed_in(sign_in)[1].subject
    personal = f"{endpoints.PERSONAL}.0000"
    offered = [(sign_in.offers(oauth.ROOMS, who), sign_in.offers(oauth.ZONE, who)) for who in (work, personal)]
    assert offered == [(True, True), (False, True)]


def test_listing_rooms_waits_for_an_administrator_and_then_goes_through(
    sign_in: MicrosoftAuthorizer, switch: Switchboard
) -> None:
    switch.script_consent("allow", ELI)
    wish = Wish(login_hint=ELI, extras=(oauth.ROOMS,))
    with pytest.raises(Refused) as refused:
        signed_in(sign_in, wish)
    assert refused.value.code == "needs_admin"
    switch.change_tenant("example.com", admin_consents={CLIENT_ID: ["Place.Read.All"]})
    tokens, _ = signed_in(sign_in, wish)
    assert sign_in.allows(oauth.ROOMS, tokens.scopes)
