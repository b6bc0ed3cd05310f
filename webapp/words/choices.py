"""Labels of what people choose: kinds, directions, policies, roles, frequencies, and the fields of a record."""

from __future__ import annotations

_KINDS = {
    "meeting": "Meeting",
    "call": "Call",
    "task": "Task",
    "appointment": "Appointment",
    "booking": "Booking",
}
_ACTIONS = {
    "create": "Create",
    "update": "Update",
    "cancel": "Cancel",
    "delete": "Delete",
    "link": "Link",
    "unlink": "Unlink",
    "none": "No write",
}
_TRIGGERS = {
    "schedule": "Schedule",
    "manual": "Sync now",
    "push": "Provider notice",
    "edit": "Edited activity",
    "retry": "Retry",
    "undo": "Undo",
    "api": "API",
    "first": "First sync",
    "preview": "Preview",
    "cleanup": "Clean-up",
    "existing": "Push existing data",
    "disconnect": "Disconnect",
    "move": "Move events",
}
_POLICY_MEANINGS = {
    "crm": "The CRM's value overwrites the calendar's. Applies only where both sides changed the same field.",
    "external": "The calendar's value overwrites the CRM's. Applies only where both sides changed the same field.",
    "last_modified": "The later of the two changes stands. The earlier value is kept in the history.",
    "manual": "Nothing of that record is written until a person chooses on the Conflicts page.",
}
_MAIL_RULES = {"never": "Never", "external": "External guests only", "all": "All guests"}
_DELETIONS = {
    "follow": "Cancel it on the other side too",
    "unlink": "Keep the other side and stop syncing it",
    "ask": "Ask a person",
}
_ROLES = {"admin": "Admin", "staff": "Staff", "client": "Client"}
_ROLE_MEANINGS = {
    "admin": "Sets up providers and rules, sees all accounts, approves held runs, manages people.",
    "staff": "Connects own calendars, plans activities, resolves own conflicts.",
    "client": "Connects an own calendar where allowed; sees only own things.",
}
_FIELDS = {
    "summary": "Title",
    "time": "Time",
    "exdates": "Removed occurrences",
    "description": "Description",
    "location": "Location",
    "status": "Status",
    "transparency": "Shown as",
    "classification": "Visibility",
    "attendees": "Attendees",
    "responses": "Responses",
    "reminders": "Reminders",
    "conference": "Video meeting",
    "url": "Link",
}


def kind(value: str) -> str:
    return _label(_KINDS, value)


def action(value: str) -> str:
    return _label(_ACTIONS, value)


def trigger(value: str) -> str:
    return _label(_TRIGGERS, value)


def mail_rule(value: str) -> str:
    return _label(_MAIL_RULES, value)


def deletions(value: str) -> str:
    return _label(_DELETIONS, value)


def role(value: str) -> str:
    return _label(_ROLES, value)


def role_meaning(value: str) -> str:
    return _ROLE_MEANINGS.get(str(value), "")


def field(name: str) -> str:
    """Return the label of a merge unit (`engine.event.FIELDS`)."""
    return _label(_FIELDS, name)


def direction(value: str, short: str = "Calendar") -> str:
    """Return "Google to CRM", "CRM to Google" or "Both"; `short` is the provider's name in sentences."""
    return {"inbound": f"{short} to CRM", "outbound": f"CRM to {short}", "both": "Both"}.get(str(value), str(value))


def policy(value: str, short: str = "Calendar") -> str:
    """Return the name of a conflict policy; `short` is the provider's name in sentences."""
    names = {
        "crm": "CRM Wins",
        "external": f"{short} Wins",
        "last_modified": "Last Modified Wins (recommended)",
        "manual": "Ask a person",
    }
    return names.get(str(value), str(value))


def policy_meaning(value: str) -> str:
    return _POLICY_MEANINGS.get(str(value), "")


def frequency(value: str) -> str:
    """Return the label of a frequency: "realtime", "manual", or whole minutes as text."""
    names = {"realtime": "Real-time", "manual": "Manual", "60": "Hourly", "1440": "Daily", "1": "Every minute"}
    text = str(value)
    return names.get(text) or f"Every {text} minutes"


def _label(table: dict[str, str], value: str) -> str:
    text = str(value)
    return table.get(text) or text.replace("_", " ").capitalize()
