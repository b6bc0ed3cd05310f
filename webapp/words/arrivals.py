"""How changes at a provider come to us: at once, or with the next poll, and why."""

from __future__ import annotations

_REFUSALS = {
    "unsupported": "{short} cannot tell of changes in this calendar, as in holidays and other derived ones.",
    "permission": "{short} does not accept our public address, or does not tell of this calendar.",
    "not_found": "{short} does not find this calendar.",
    "rate limited until": "{short} asked us to wait.",
}
_SILENT = {
    "address": "Changes at {short} come with the next poll: to be told at once, the public address has to be https.",
    "manual": "Changes at {short} come when somebody asks for a sync; nothing is told to us meanwhile.",
    "resting": "While the account does not sync, {short} tells us nothing.",
}


def refusal(error: str, short: str) -> str:
    """Return in words why a provider does not tell us of a calendar. `error` is as stored: a code, then its words."""
    for code, text in _REFUSALS.items():
        if error.startswith(code):
            return text.format(short=short)
    return f"{short} did not take our request to be told."


def silence(reason: str, short: str) -> str:
    """Return why a provider tells nothing about any calendar of an account."""
    return _SILENT[reason].format(short=short)
