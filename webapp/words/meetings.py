"""How meetings at providers stand, as badges and sentences."""

from __future__ import annotations

from webapp.words.states import Word

_STANDING = {
    "ready": Word("Ready", "green", "check", "The link works."),
    "waiting": Word("Waiting", "blue", "clock", "It is made or changed in a moment."),
    "limited": Word("Waiting for tomorrow", "amber", "hourglass", "The provider makes no more of them for now."),
    "no_host": Word("No host", "amber", "user", "Its owner has connected no account that could host it."),
    "host_gone": Word("Host is away", "amber", "key", "The account that hosts it is paused or must be reconnected."),
    "failed": Word("Refused", "red", "x", "The provider will not make it as it is."),
    "missing": Word("Missing", "red", "alert-triangle", "It was deleted at the provider: the link leads nowhere."),
    "changed": Word("Changed there", "amber", "edit", "Somebody changed it at the provider."),
    "ending": Word("Being deleted", "grey", "trash", "Nothing needs it any more."),
    "orphan": Word("Left over", "amber", "unlink", "It carries our mark, and no activity has it."),
}
_REPAIR = {
    "missing": "Make it anew",
    "failed": "Try again",
    "changed": "Write ours over it",
    "orphan": "Delete it there",
}
_HELP = {
    "no_host": "It is made as soon as the owner connects an account that hosts meetings.",
    "host_gone": "It goes on by itself once the account is connected again.",
    "missing": "Nobody can join by the old link. A new meeting gets a new one, which goes out with the event.",
    "orphan": "A meeting of ours that was made twice, or whose activity is gone.",
}


def meeting_standing(standing: str) -> Word:
    """Return the badge of how a meeting stands."""
    return _STANDING.get(standing) or Word(standing.replace("_", " ").capitalize(), "grey", "help")


def meeting_repair(standing: str) -> str:
    """Return the button that mends it, "" where nothing is to be mended."""
    return _REPAIR.get(standing, "")


def meeting_help(standing: str) -> str:
    """Return one sentence more where people should know it."""
    return _HELP.get(standing, "")
