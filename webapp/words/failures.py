"""What failed, in words: a fixed title, cause, fix, button and help entry for every error class."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """Texts of one error class. `anchor` is the id of the entry on the Help page that tells more."""

    title: str
    cause: str
    fix: str
    button: str
    colour: str
    icon: str
    anchor: str

    @property
    def label(self) -> str:
        """Let an error class be shown with the same badge macro as a state."""
        return self.title

    @property
    def help(self) -> str:
        return self.cause


_CLASSES = {
    "auth": ErrorWords(
        "Sign-in refused",
        "The provider no longer accepts the sign-in: the password changed, or access was taken back.",
        "Reconnect the account. Nothing is lost, and syncing goes on from where it stopped.",
        "Reconnect",
        "red",
        "key",
        "access-revoked",
    ),
    "permission": ErrorWords(
        "No permission",
        "The calendar is shared as view-only, or write access was not granted.",
        "Enable write access, or ask the calendar's owner for edit access.",
        "Enable write access",
        "red",
        "lock",
        "cannot-edit",
    ),
    "not_found": ErrorWords(
        "Not found",
        "The event or calendar no longer exists at the provider.",
        "Retry: the next run reads the calendar again and decides anew.",
        "Retry",
        "amber",
        "search",
        "not-appearing",
    ),
    "invalid_data": ErrorWords(
        "Refused by the provider",
        "The provider does not accept a value of this record.",
        "Open the record, correct the value named below and retry.",
        "Open record",
        "red",
        "alert-triangle",
        "refused-data",
    ),
    "rate_limit": ErrorWords(
        "Rate limit exceeded",
        "Too many requests in a short time; the provider asked for a pause.",
        "Nothing to do: it goes on by itself. If it happens often, switch to hourly.",
        "Switch to hourly",
        "amber",
        "hourglass",
        "rate-limit",
    ),
    "network": ErrorWords(
        "Provider not reachable",
        "No answer came: the network, a time-out, or the server is down.",
        "It is tried again by itself. Retry now once the server is back.",
        "Retry",
        "amber",
        "cloud",
        "unreachable",
    ),
    "provider": ErrorWords(
        "Fault at the provider",
        "The provider answered with an error of its own.",
        "It is tried again by itself. If it stays, look at the provider's status page.",
        "Retry",
        "amber",
        "cloud",
        "unreachable",
    ),
    "storage": ErrorWords(
        "The mailbox is full",
        "The provider has no room left for this account, so nothing can be written to its calendars.",
        "Empty it or get more room there. Reading goes on meanwhile, and writing is tried again every hour by itself.",
        "Retry",
        "red",
        "archive",
        "storage-full",
    ),
    "duplicate": ErrorWords(
        "Exists already",
        "The calendar holds an event with the same id already.",
        "Retry: the next run links the two instead of making a second one.",
        "Retry",
        "amber",
        "copy",
        "duplicates",
    ),
    "conflict": ErrorWords(
        "Changed meanwhile",
        "Someone changed the event between reading and writing.",
        "It is read again and decided anew by itself.",
        "Retry",
        "amber",
        "arrows-left-right",
        "changed-meanwhile",
    ),
    "interrupted": ErrorWords(
        "Interrupted",
        "The program ended in the middle: a restart, a power cut or a crash.",
        "Nothing is lost: the next run goes on from there by itself. If it happens often, look into the server’s log.",
        "Retry",
        "amber",
        "power",
        "interrupted",
    ),
    "bug": ErrorWords(
        "Fault in this program",
        "Something happened that nobody planned for. The record was left as it was.",
        "Retry once. If it fails again, send the technical details to your administrator.",
        "Retry",
        "red",
        "code",
        "program-fault",
    ),
}


def error_class(value: str) -> ErrorWords:
    """Return the texts of an error class; an unknown one is treated as a fault in this program."""
    return _CLASSES.get(str(value)) or _CLASSES["bug"]
