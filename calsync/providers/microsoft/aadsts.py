"""What the numbers in Microsoft's refusals mean, and who can do something about it (contract section A1.6).

Decisions stand on the error's own word; the number explains. Microsoft may change numbers, so one that is not listed
means what its word means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"AADSTS(\d{4,8})")

YOU, ADMIN, OPERATOR, NOBODY = "you", "administrator", "operator", "nobody"
"""Who can mend it: who signs in, the administrator of their organisation, whoever runs this installation, or time."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """`said` is a whole sentence or two for `who`; `why` is our word for how a grant ended, "" where it did not.

    `is_approval` marks what an administrator mends by the link that asks once for everybody.
    """

    who: str
    said: str
    why: str = ""
    is_approval: bool = False


_APPROVAL = Meaning(
    ADMIN,
    "Your organisation lets only its administrator approve this app. Ask them to open the link for administrators.",
    "admin_policy",
    is_approval=True,
)
_POLICY = Meaning(
    ADMIN, "Your organisation’s rules do not let you use this app from here. Ask its administrator.", "admin_policy"
)
_PROOF = Meaning(
    YOU, "Your organisation wants a second proof of who you are. Sign in again and give it.", "reauth_needed"
)
_PASSWORD = Meaning(YOU, "The password was changed or has run out. Sign in again.", "invalid_grant")
_TENANT = Meaning(
    OPERATOR,
    "The app registration does not take accounts of this kind: its supported account types and the tenant on the card "
    "must fit.",
)
_SECRET = Meaning(
    OPERATOR,
    "This is not the secret’s value, which is shown once, when it is made. What stands beside it is its ID.",
)
_UNKNOWN_APP = Meaning(
    OPERATOR, "No app with this application ID is known in this tenant. Was it deleted, or is the tenant another?"
)
_PERMISSION = Meaning(
    OPERATOR, "The app registration lacks a permission that was asked for. Add it under API permissions."
)
_CODE = Meaning(YOU, "The answer was used already, or is too old. Begin again.")
_BUSY = Meaning(NOBODY, "Microsoft’s sign-in is busy. Try again in a few minutes.")

MEANINGS: dict[int, Meaning] = {
    16000: Meaning(YOU, "Several accounts are signed in there. Choose one.", "reauth_needed"),
    50011: Meaning(OPERATOR, "The Redirect URI is not registered for this app, exactly as it stands on the card."),
    50020: Meaning(
        YOU, "This account does not belong to the organisation whose people may sign in here.", "invalid_grant"
    ),
    50034: Meaning(YOU, "Microsoft knows no such account there.", "invalid_grant"),
    50055: _PASSWORD,
    50057: Meaning(
        ADMIN, "Your account at Microsoft is disabled. Ask your organisation’s administrator.", "admin_policy"
    ),
    50072: _PROOF,
    50074: _PROOF,
    50076: _PROOF,
    50078: _PROOF,
    50079: _PROOF,
    50105: Meaning(
        ADMIN, "You were not given this app. Ask your organisation’s administrator to assign it to you.", "admin_policy"
    ),
    50126: _PASSWORD,
    50132: _PASSWORD,
    50133: _PASSWORD,
    50173: Meaning(YOU, "The permission was withdrawn, as when a password is reset. Sign in again.", "invalid_grant"),
    50194: _TENANT,
    50196: Meaning(NOBODY, "We asked too often. It goes on by itself."),
    53000: _POLICY,
    53003: _POLICY,
    530032: _POLICY,
    54005: _CODE,
    65001: Meaning(YOU, "The permission was never given, or was taken back. Sign in again and give it.", "scope_lost"),
    65004: Meaning(YOU, "You did not give permission, so nothing has changed."),
    65005: _PERMISSION,
    650056: _PERMISSION,
    70000: Meaning(YOU, "Microsoft no longer takes this permission. Sign in again.", "invalid_grant"),
    70008: Meaning(YOU, "The permission has run out or was withdrawn. Sign in again.", "invalid_grant"),
    70011: _PERMISSION,
    70043: Meaning(YOU, "Your organisation wants you to sign in from time to time. Do so again.", "reauth_needed"),
    700005: _CODE,
    700016: _UNKNOWN_APP,
    700022: _PERMISSION,
    700082: Meaning(YOU, "The permission was not used for 90 days. Sign in again.", "grant_unused"),
    700084: Meaning(
        OPERATOR,
        "The Redirect URI is registered for a single-page app, whose permissions last a day. Make it one of Web.",
        "invalid_grant",
    ),
    90002: Meaning(OPERATOR, "There is no such tenant. Look at the tenant on the card."),
    90006: _BUSY,
    90024: _BUSY,
    90033: _BUSY,
    90055: _BUSY,
    90094: _APPROVAL,
    90095: _APPROVAL,
    501481: _CODE,
    7000215: _SECRET,
    7000218: Meaning(OPERATOR, "The secret is missing. Is the Redirect URI one of the platform Web?"),
    7000222: Meaning(OPERATOR, "The secret has run out. Make a new one in Entra and enter it on the card."),
    9002332: _TENANT,
}

MISSET = frozenset(number for number, meaning in MEANINGS.items() if meaning.who == OPERATOR and not meaning.why)
"""Numbers that say that our registration does not fit: no grant has ended."""


def number_in(text: str) -> int | None:
    """Return the first number in Microsoft's words."""
    found = _NUMBER.search(text)
    return None if found is None else int(found[1])


def meaning_of(text: str) -> Meaning | None:
    """Return what Microsoft's words mean; None for a number that is not listed, or none."""
    number = number_in(text)
    return None if number is None else MEANINGS.get(number)
