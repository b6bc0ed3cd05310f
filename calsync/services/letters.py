"""The texts of our mails: what happened, why, what to do, and a link to where it can be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine import zones
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import tables as t

REASONS = {
    "wrong_password": "The password was refused. It may have been changed, or an app password was revoked.",
    "invalid_grant": "The permission was withdrawn, the password was changed, or it was unused for a long time.",
    "grant_expired": "The permission was given for a limited time, which is over. An app in testing gets seven days.",
    "grant_unused": "The permission was not used for six months.",
    "reauth_needed": "The organisation asks for a new sign-in from time to time.",
    "admin_policy": "The organisation's administrator no longer allows this app.",
    "scope_lost": "A permission that syncing needs was taken away.",
    "client_refused": (
        "The provider does not know this installation any more. An admin has been told and has to mend that; "
        "your own permission is not the reason."
    ),
    "credentials_removed": "An admin removed this provider's credentials. Once there are new ones you can reconnect.",
    "deauthorized": "Somebody removed this app at the provider, which ended the permission.",
    "secret_lost": "What is stored of the sign-in can no longer be decrypted: its encryption key is gone.",
    "host_gone": "The provider says that this person is no longer in its account.",
    "client_changed": "An admin gave this provider other credentials, so every permission has to be given once more.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose installation writes, and where its pages are ("" when no public address is set)."""

    organisation: str
    url: str
    labels: dict[str, str]  # provider -> label

    def link(self, path: str) -> str:
        """Return a line that leads to a page, or says where to find it."""
        return f"{self.url}{path}" if self.url else f"Sign in to {self.organisation} and open {path}."


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str


def place(rt: Runtime) -> Place:
    """Return what every letter of this installation says about it."""
    with rt.reading() as session:
        organisation = settings.organisation_of(session)[0]
    url = rt.settings.public_url or organisation.public_url
    labels = {name: provider.info.label for name, provider in rt.providers.items()}
    return Place(organisation.name, url, labels)


def about(notice: t.Notice, user: t.User, place: Place) -> Letter:
    """Return the mail about one notice to one person."""
    facts = {
        "provider": place.labels.get(notice.facts.get("provider", ""), "the calendar"),
        "account": notice.facts.get("account", ""),
        "why": notice.facts.get("why", ""),
        "count": notice.facts.get("count", 0),
        "ends": _read(str(notice.facts.get("ends_at", "")), user.tz),
        "starts": _read(str(notice.facts.get("starts_at", "")), user.tz),
    }
    subject, what, path = _LETTERS[notice.kind](facts, notice)
    return _letter(subject, [what, place.link(path)], place)


def digest(lines: list[str], place: Place) -> Letter:
    """Return the weekly mail to admins."""
    return _letter("This week in calendar sync", ["\n".join(lines), place.link("/")], place)


def counted(count: int, one: str, many: str) -> str:
    """Return "1 change" or "3 changes"."""
    return f"{count} {one if count == 1 else many}"


def _letter(subject: str, paragraphs: list[str], place: Place) -> Letter:
    end = f"-- \n{place.organisation}\nWhich mails you get is set on your profile: {place.link('/profile')}"
    return Letter(f"{place.organisation}: {subject}", "\n\n".join([*paragraphs, end]) + "\n")


def _reconnect(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    why = REASONS.get(facts["why"], "The provider no longer accepts the stored login.")
    what = (
        f"{facts['provider']} no longer accepts the login of {facts['account']}, so nothing is synced for it.\n"
        f"{why}\nNothing was lost: changes wait and go out after reconnecting.\n\nReconnect it here:"
    )
    return f"{facts['account']} has to be reconnected", what, f"/accounts/{notice.account_id}"


def _read(moment: str, zone: str) -> str:
    """Return a stored moment as people read it, "" for none."""
    if not moment:
        return ""
    there = datetime.fromisoformat(moment).astimezone(ZoneInfo(zones.resolve(zone) or "UTC"))
    return f"{there.day} {there:%B %Y, %H:%M} ({there.tzname()})"


def _ending(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    what = (
        f"The permission that you gave for {facts['account']} ends by itself on {facts['ends']}. Until you give it "
        f"anew, nothing is synced from then on.\nNothing is lost: reconnecting takes a minute, before or after.\n\n"
        "Reconnect it here:"
    )
    return f"{facts['account']} has to be reconnected soon", what, f"/accounts/{notice.account_id}"


def _credentials(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    what = (
        f"{facts['provider']} refuses the Client ID or the Client Secret of this installation, so nobody's account "
        f"there can be synced:\n{facts['why']}\nThe client may have been deleted, or its secret replaced. Nobody's "
        "permission has ended by it: everything goes on by itself once the credentials are right.\n\nMend them here:"
    )
    return (
        f"{facts['provider']} no longer knows this installation",
        what,
        f"/integrations/{_provider(notice)}/credentials",
    )


def _secret(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    days = int(notice.facts.get("days", 0))
    when = f"runs out on {facts['ends']}" if days else f"ran out on {facts['ends']}"
    what = (
        f"The secret of this installation at {facts['provider']} {when}. From then on nobody's account there is "
        "synced, until there is a new one.\nMake a new secret now: both are good until the old one ends, so nothing "
        "stops. Nobody's permission ends by it.\n\nGive the new one here:"
    )
    left = f"runs out within {counted(days, 'day', 'days')}" if days else "has run out"
    return f"The secret for {facts['provider']} {left}", what, f"/integrations/{_provider(notice)}/credentials"


def _provider(notice: t.Notice) -> str:
    return str(notice.facts.get("provider", ""))


def _recovered(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    if notice.account_id is None:
        what = (
            f"{facts['provider']} accepts the credentials of this installation again; waiting changes are being synced."
        )
        return f"{facts['provider']} works again", what, "/integrations/"
    what = f"{facts['account']} is connected again, and waiting changes are being synced."
    return f"{facts['account']} is connected again", what, f"/accounts/{notice.account_id}"


def _held(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    steps = counted(facts["count"], "change", "changes")
    what = (
        f"A sync of {facts['account']} wanted to do more than the safety limits allow, so {steps} "
        "were held back. Nothing of it was done.\n\nLook at it, then approve or discard it:"
    )
    return f"{steps} of {facts['account']} wait for approval", what, f"/accounts/{notice.account_id}"


def _failing(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    why = REASONS.get(facts["why"], facts["why"])
    what = (
        f"The last syncs of {facts['account']} ({facts['provider']}) failed:\n{why}\n\n"
        "It is tried again by itself, less and less often. Details:"
    )
    return f"{facts['account']} could not be synced", what, f"/accounts/{notice.account_id}"


def _conflict(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    records = counted(facts["count"], "record", "records")
    what = (
        f"{records} of {facts['account']} changed on both sides at once and wait for your choice. "
        "Until then nothing of them is written on either side.\n\nChoose here:"
    )
    return f"{records} of {facts['account']} need a decision", what, "/conflicts"


def _webhook(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    what = (
        f"{facts['account']} took none of our messages for five days, so its webhook was switched off.\n"
        "Nothing is lost: what happens is kept and leaves once you switch it on again. What was given up before that "
        "can be sent again there, too.\n\nSee what it answered:"
    )
    return f"The webhook to {facts['account']} was switched off", what, f"/webhooks/{notice.facts['webhook']}"


_MEETINGS = {
    "gone": ("was deleted there", "Its link leads nowhere. A new one goes out with the event."),
    "failed": ("could not be made", "The provider refuses it as it is; the list of meetings says why."),
    "no_host": (
        "has nobody who could host it",
        "Connect an account that hosts meetings: the link is then made by itself. Or choose another place.",
    ),
}
"""Why a meeting needs its owner -> what happened, and what that means."""


def _meeting(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    happened, means = _MEETINGS.get(facts["why"], _MEETINGS["failed"])
    subject = f"A meeting at {facts['account']} {happened}"
    return (
        subject,
        f"The meeting at {facts['account']} on {facts['starts']} {happened}.\n{means}\n\nSee it:",
        "/meetings/",
    )


def _room(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    what = (
        f"{facts['account']} did not take the booking on {facts['starts']}: it is in use then, or its rules say no. "
        "The booking stands, without the room.\n\nChoose another time, or another room, here:"
    )
    return f"{facts['account']} declined a booking", what, f"/bookings/{notice.facts.get('booking', '')}"


def _disconnected(facts: dict[str, Any], notice: t.Notice) -> tuple[str, str, str]:
    what = f"{facts['account']} ({facts['provider']}) was disconnected by {facts['why']}. It is no longer synced."
    return f"{facts['account']} was disconnected", what, "/accounts"


_LETTERS: dict[str, Callable[[dict[str, Any], t.Notice], tuple[str, str, str]]] = {
    "reconnect": _reconnect,
    "ending": _ending,
    "credentials": _credentials,
    "secret": _secret,
    "recovered": _recovered,
    "held": _held,
    "failing": _failing,
    "conflict": _conflict,
    "meeting": _meeting,
    "room": _room,
    "webhook": _webhook,
    "disconnected": _disconnected,
}
