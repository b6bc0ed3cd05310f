"""Webhooks in words: how one stands, what became of a message, what each event means."""

from __future__ import annotations

from calsync.engine.webhooks import Happening
from webapp.words.states import Word

_STANDING = {
    "on": Word("On", "green", "check", "It takes what it is told."),
    "new": Word("On, nothing sent yet", "grey", "clock", "Send a test to see whether it answers."),
    "failing": Word("Failing", "amber", "alert-triangle", "It is tried again; after five days it is switched off."),
    "off": Word("Off", "grey", "player-pause", "Somebody switched it off. Nothing is kept for it."),
    "failed": Word("Switched off", "red", "x", "It took nothing for five days. What happens is kept until it is on."),
}
_DELIVERY = {
    "delivered": Word("Delivered", "green", "check"),
    "waiting": Word("Pending", "blue", "clock"),
    "retrying": Word("Tried again", "amber", "repeat"),
    "failed": Word("Given up", "red", "x"),
}
_CHANNEL = {
    "open": Word("Open", "green", "check", "The provider tells us of changes."),
    "opening": Word("Being opened", "blue", "clock"),
    "closing": Word("Being stopped", "grey", "clock"),
}
_ERRORS = {
    "unreachable": "Nobody answers at this address, or its name leads nowhere.",
    "timeout": "No answer within 15 seconds.",
    "certificate": "Its certificate does not prove who it is.",
    "private_network": "The address leads into a private network, which the operator does not allow.",
    "insecure": "The address is not https and not on a private network.",
    "redirect": "It answered with a redirect, which is not followed. Give the address that it leads to.",
    "refused": "It answered that it does not take the message.",
    "broken": "The connection broke before the answer was complete.",
    "invalid": "This is no address that can be connected to.",
}
_EVENTS = {
    Happening.INTEGRATION_CONNECTED: "An account was connected, or works again",
    Happening.INTEGRATION_SYNCED: "A sync that changed something, or was asked for, has ended",
    Happening.INTEGRATION_ERROR: "Syncs of an account begin to fail, or need a person",
    Happening.INTEGRATION_TOKEN_EXPIRED: "An account has to be reconnected",
    Happening.INTEGRATION_DISCONNECTED: "An account was disconnected",
    Happening.INTEGRATION_RATE_LIMITED: "A provider asks to wait",
    Happening.ACTIVITY_CREATED: "An activity is new, planned here or found in a calendar",
    Happening.ACTIVITY_UPDATED: "An activity changed",
    Happening.ACTIVITY_CANCELLED: "An activity was cancelled",
    Happening.CONFLICT_OPENED: "A record changed on both sides and waits for a person",
    Happening.CONFLICT_RESOLVED: "A conflict was decided, or settled itself",
    Happening.RUN_HELD: "A run stopped at a safety limit and waits for approval",
    Happening.BOOKING_CREATED: "Somebody booked",
    Happening.BOOKING_RESCHEDULED: "A booking moved",
    Happening.BOOKING_CANCELLED: "A booking was cancelled",
}


def webhook_standing(standing: str) -> Word:
    """Return the badge of a webhook."""
    return _STANDING.get(standing) or Word(standing.capitalize(), "grey", "info-circle")


def delivery_state(state: str) -> Word:
    """Return the badge of a message."""
    return _DELIVERY.get(state) or Word(state.capitalize(), "grey", "info-circle")


def channel_state(state: str) -> Word:
    """Return the badge of a channel by which a provider tells us."""
    return _CHANNEL.get(state) or Word(state.capitalize(), "grey", "info-circle")


def delivery_error(error: str) -> str:
    """Return why a try failed, "" for one that did not."""
    return _ERRORS.get(error, error.replace("_", " ").capitalize())


def event_meaning(event: str) -> str:
    """Return when a message of this type is sent."""
    return _EVENTS.get(Happening(event), "") if event in list(Happening) else ""
