"""The entries of the Help page: what people see, why, what to do, and the page whose button mends it.

`anchor` is the id that error texts (`words/failures.py`) and pages link to: url_for("help.index") + "#" + anchor.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """`steps` are sentences. `endpoint` and `button` name the page that mends it; "" where there is none.

    `for_admins` marks what only an admin can mend; others are told to ask one.
    """

    anchor: str
    title: str
    why: str
    steps: tuple[str, ...]
    endpoint: str = ""
    button: str = ""
    for_admins: bool = False


ENTRIES = (
    HelpEntry(
        "authorisation-never-completes",
        "Signing in at the provider never comes back",
        "The address that the provider sends people back to is not the one registered there.",
        (
            "Open Integrations and copy the Redirect URI.",
            "Enter it at the provider exactly as it is: scheme, host, path, and no slash at the end.",
            "Check that the public address of this installation is the one in your browser.",
        ),
        "integrations.index",
        "Open Integrations",
        for_admins=True,
    ),
    HelpEntry(
        "imported-but-fails",
        "Credentials are imported, but connecting fails",
        "The credentials are of the wrong type, of another project, or the calendar interface is switched off there.",
        (
            "Use credentials of the type Web application.",
            "Switch the calendar interface on in the same project.",
            "While the consent screen is in testing, add the person as a test user.",
            "Run Test on the provider's card: it names what is missing.",
        ),
        "integrations.index",
        "Open Integrations",
        for_admins=True,
    ),
    HelpEntry(
        "cannot-edit",
        "Events sync but cannot be edited",
        "The account was connected for reading only, or the calendar is shared with you as view-only.",
        (
            "If the account was connected for reading only, open it and press Enable write access.",
            "If the calendar belongs to someone else, ask them for edit access, then look for calendars again.",
            "If the account syncs one way, let it sync both ways: you see first what would be written.",
        ),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "some-calendars",
        "Only some calendars should appear",
        "Every calendar of an account is read only if its switch is on.",
        ("Choose the calendars that should sync. One that is off is left as it is; nothing there is deleted.",),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "access-denied",
        "Access denied while signing in at the provider",
        "The person pressed Cancel, left a box unticked, or their organisation does not allow this application.",
        (
            "Connect again and leave all boxes ticked.",
            "If it is refused again, an administrator of that organisation must allow the application.",
        ),
        "integrations.index",
        "Connect again",
    ),
    HelpEntry(
        "needs-approval",
        "An administrator has to allow this application",
        "Many organisations let nobody but their administrator allow an application to write to calendars.",
        (
            "Copy the link for administrators from the page that said so, or ask an admin here for it.",
            "Whoever administers your organisation opens it and agrees, once for everybody in it.",
            "Then connect again. Connecting without write access may work at once.",
        ),
        "integrations.index",
        "Connect again",
    ),
    HelpEntry(
        "secret-ended",
        "A client secret runs out",
        "Some providers let secrets live for a limited time. When one ends, no account there can be synced.",
        (
            "Make a new secret at the provider; the one in use goes on meanwhile.",
            "Give it with its last day on the provider’s card, and sign in once to prove it.",
            "Nobody’s permission ends, and every account goes on by itself.",
        ),
        "integrations.index",
        "Open Integrations",
        for_admins=True,
    ),
    HelpEntry(
        "not-appearing",
        "Events do not appear in the calendar",
        "The next sync has not come yet, or the record is left out by a rule.",
        (
            "Press Sync now on the account.",
            "Open the activity: it says why it is not on a calendar.",
            "With the frequency Manual nothing syncs by itself; choose every 15 minutes.",
        ),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "duplicates",
        "Events appear twice",
        "The same calendar is connected twice, or a copy was made before this installation knew the original.",
        ("Open Duplicates and merge what belongs together; nobody gets mail.",),
        "duplicates.index",
        "Open Duplicates",
    ),
    HelpEntry(
        "wrong-calendar",
        "New activities go to the wrong calendar",
        "One calendar of each person is marked “create events here”.",
        ("Mark the calendar you want as “create events here”. You may move what exists, after a preview.",),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "storage-full",
        "The mailbox is full",
        "The provider has no room left for an account: nothing can be written to its calendars.",
        (
            "Reading goes on, and nothing is lost: changes wait here.",
            "Empty the mailbox, its deleted items too, or get more room there.",
            "Writing is tried again every hour by itself; Retry on the account's Issues does it at once.",
        ),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "rate-limit",
        "Rate limit exceeded",
        "The provider allows only so many requests in a short time.",
        (
            "Nothing is lost: syncing goes on when the provider allows it again.",
            "If it happens often, switch the account to Hourly.",
        ),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "access-revoked",
        "The sign-in no longer works",
        "The password changed, access was taken back at the provider, or the application is still in testing there, "
        "which ends every sign-in after seven days.",
        ("Open the account and press Reconnect.", "Syncing goes on where it stopped; nothing comes twice."),
        "accounts.index",
        "Open Accounts",
    ),
    HelpEntry(
        "refused-data",
        "The provider refuses a record",
        "A value of it is not accepted there, for example an end before the start or a text that is too long.",
        (
            "Open the run in Sync History: it names the value.",
            "Correct the activity and press Retry.",
        ),
        "history.index",
        "Open Sync History",
    ),
    HelpEntry(
        "unreachable",
        "The provider does not answer",
        "The network, the server, or the provider has a fault.",
        (
            "It is tried again by itself, at growing intervals.",
            "For your own calendar server: check its address, its certificate, and that it runs.",
        ),
        "history.index",
        "Open Sync History",
    ),
    HelpEntry(
        "changed-meanwhile",
        "Changed meanwhile",
        "Someone changed the event between reading and writing.",
        ("Nothing to do: it is read again and decided anew in the next run.",),
    ),
    HelpEntry(
        "interrupted",
        "Interrupted",
        "The program ended in the middle of a run: a restart, a power cut or a crash.",
        (
            "Nothing to do: the next run goes on from there, and nothing is done twice.",
            "If it happens often, look into the log of the server, and whether its memory suffices.",
        ),
    ),
    HelpEntry(
        "program-fault",
        "A fault in this program",
        "Something happened that nobody planned for. The record was left as it was.",
        ("Press Retry once.", "If it fails again, give the technical details of the run to your administrator."),
        "history.index",
        "Open Sync History",
    ),
)
