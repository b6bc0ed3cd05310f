"""What an admin does in Microsoft's Entra admin center, step by step, and what the program sees of each by itself."""

from __future__ import annotations

from calsync.providers.registration import Proof, SetupStep

ENTRA = "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps"

STEPS = (
    SetupStep(
        "Register an application",
        "Under supported account types choose who is to connect: only your organisation, any organisation, personal "
        "accounts, or both. The tenant here must fit.",
        f"{ENTRA}/CreateApplicationBlade/quickStartType~/null/isMSAApp~/false",
        Proof.SAVED,
    ),
    SetupStep(
        "Add the Redirect URI",
        "Of the platform Web, under Authentication, exactly as it stands in the box above. One of a single-page app "
        "gives permissions that last a day.",
        f"{ENTRA}/ApplicationsListBlade",
        Proof.REDIRECT,
    ),
    SetupStep(
        "Add the permissions",
        "Under API permissions, Microsoft Graph, Delegated: Calendars.Read, Calendars.ReadWrite, User.Read, "
        "offline_access, openid, profile and email. Only for what is used: OnlineMeetings.ReadWrite where none but "
        "organisations connect, Place.Read.All to list rooms, MailboxSettings.Read for the mailbox’s time zone.",
        f"{ENTRA}/ApplicationsListBlade",
        Proof.SIGN_IN,
    ),
    SetupStep(
        "Make a client secret",
        "Under Certificates & secrets. Copy its value at once: it is shown only then. Its ID is not the secret. Note "
        "when it runs out, at most two years from now.",
        f"{ENTRA}/ApplicationsListBlade",
        Proof.ACCEPTED,
    ),
    SetupStep(
        "Let an administrator agree",
        "Many organisations let only their administrator allow writing to calendars. The link for administrators asks "
        "once for everybody in the organisation.",
    ),
    SetupStep(
        "Connect a first account",
        "Your own is a good one. It proves everything above.",
        proof=Proof.ANSWER,
    ),
    SetupStep(
        "Let Microsoft reach this server",
        "Optional: with a public https address, changes arrive within minutes instead of with the next poll.",
        proof=Proof.NOTICE,
    ),
)
