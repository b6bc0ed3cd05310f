"""What went wrong on the way to a provider's sign-in page and back: a title and what to do, for each code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignInWords:
    """`steps` are what to do next; `anchor` names an entry of the Help page. `can_retry` shows the button for it."""

    title: str
    steps: tuple[str, ...]
    anchor: str = "access-denied"
    can_retry: bool = True


_DENIED = SignInWords(
    "You did not give permission",
    (
        "If you pressed Cancel by mistake, connect again.",
        "Where the page shows boxes, leave them ticked: each says what it is for.",
    ),
)
_POLICY = SignInWords(
    "Your organisation does not allow this app",
    (
        "Ask an administrator of your organisation at the provider to trust this app, by its Client ID.",
        "Whoever runs this installation finds the Client ID on the Integrations page.",
        "Then connect again; beginning again before that ends here once more.",
    ),
)
_ADMIN = SignInWords(
    "An administrator of your organisation has to allow this app",
    (
        "Send the link to your organisation’s administrator.",
        "They open it and agree, once for everybody; they need no account here.",
        "Then connect again; beginning again before that ends here once more.",
    ),
    "needs-approval",
    can_retry=False,
)
_INTERNAL = SignInWords(
    "This app is for members of one organisation",
    (
        "Sign in with the address that you have in that organisation.",
        "Or tell your admin: the consent screen is set to Internal, and External lets other people in.",
    ),
)
_AGAIN = SignInWords(
    "Your organisation asks for a new sign-in",
    ("Sign out at the provider and in again there, with the second factor if it asks for one.", "Then connect again."),
)
_SCOPES = SignInWords(
    "The permissions cannot be given",
    (
        "Your organisation may have closed its calendars to apps: its administrator can open them.",
        "If nobody can connect, an admin should compare the permissions on the consent screen with the documentation.",
    ),
)
_STATE = SignInWords(
    "This sign-in cannot be continued",
    (
        "It was begun in another browser or at another address, it took over half an hour, or it was used already.",
        "Begin it again from here.",
    ),
    "authorisation-never-completes",
)
_EXPIRED = SignInWords(
    "The answer came too late",
    ("What the provider gave us is good for a few minutes and once. Nothing was connected.", "Begin again."),
    "authorisation-never-completes",
)
_CLOCK = SignInWords(
    "The clock of this server is wrong",
    ("Tell your admin: the server’s clock should be set by the network (NTP).", "Then connect again."),
    "authorisation-never-completes",
)
_NETWORK = SignInWords(
    "The provider could not be reached",
    ("You did give permission, but this server got no answer from the provider. Nothing is lost.", "Try again."),
    "unreachable",
)
_CLIENT = SignInWords(
    "The provider does not accept our credentials",
    ("Tell your admin: the Client ID or the Client Secret is wrong or was removed. Test on the card says which.",),
    "imported-but-fails",
)
_REFUSED = SignInWords(
    "The provider refused to show the calendars",
    (
        "Most often its calendar interface is not enabled in the project of the credentials. An admin can enable it.",
        "Then connect again.",
    ),
    "imported-but-fails",
)
_OTHER = SignInWords(
    "That is another account",
    ("Sign in as the account you wanted to reconnect.", "Or add the other one as an account of its own."),
)
_SETUP = SignInWords(
    "This provider is not ready yet",
    ("Ask your admin to finish setting it up on the Integrations page.",),
    "authorisation-never-completes",
    can_retry=False,
)
_ODD = SignInWords("The sign-in did not work", ("Nothing was connected or changed.", "Begin again."))

_BY_CODE = {
    "access_denied": _DENIED,
    "admin_policy_enforced": _POLICY,
    "needs_admin": _ADMIN,
    "misconfigured": _SETUP,
    "org_internal": _INTERNAL,
    "reauth_needed": _AGAIN,
    "scope_refused": _SCOPES,
    "state_lost": _STATE,
    "code_expired": _EXPIRED,
    "no_identity": _EXPIRED,
    "clock_wrong": _CLOCK,
    "network": _NETWORK,
    "temporarily_unavailable": _NETWORK,
    "server_error": _NETWORK,
    "rate_limited": _NETWORK,
    "client_refused": _CLIENT,
    "refused": _REFUSED,
    "other_subject": _OTHER,
    "not_configured": _SETUP,
    "no_public_url": _SETUP,
}


def sign_in_trouble(code: str) -> SignInWords:
    """Return the words for a code of `services/attempts.py`, or for one of a newer version."""
    return _BY_CODE.get(code, _ODD)
