"""Why a step exists, or why nothing was written: a sentence for each reason of the engine's closed list."""

from __future__ import annotations

_REASONS = {
    "local_created": "New in the CRM.",
    "local_edited": "Changed in the CRM.",
    "local_cancelled": "Cancelled in the CRM.",
    "local_revived": "Cancelled before, and taken up again in the CRM.",
    "remote_created": "New in the calendar.",
    "remote_edited": "Changed in the calendar.",
    "remote_deleted": "Deleted in the calendar.",
    "remote_cancelled": "Cancelled in the calendar.",
    "remote_revived": "Cancelled before, and taken up again in the calendar.",
    "merged": "Changed on both sides in different fields; both changes were kept.",
    "crm_wins": "Changed on both sides; the CRM's value was kept, as the settings say.",
    "external_wins": "Changed on both sides; the calendar's value was kept, as the settings say.",
    "later_edit_wins": "Changed on both sides; the later change was kept.",
    "tie_to_crm": "Changed on both sides within five seconds; the CRM's value was kept.",
    "resolved": "A person decided this conflict.",
    "matched_our_id": "Recognised by the mark that travels with our events.",
    "matched_uid": "Recognised by the same event id and organizer.",
    "matched_content": "Recognised by the same kind, start and title.",
    "moved": "Moved to another calendar of the same account.",
    "projection_changed": "The settings now show more or less of it in the calendar.",
    "undo": "Taken back by a person.",
    "disconnected": "Chosen when the account was disconnected.",
    "cleaned_up": "Removed as a duplicate or leftover by a person; nobody was mailed.",
    "retry": "Tried again after a failure.",
    "both_equal": "Both sides were equal already.",
    "outside_window": "Outside the time window that syncs.",
    "filtered_type": "This kind of activity does not sync.",
    "private_policy": "Private, and the settings leave private events out.",
    "declined": "The owner declined this event.",
    "cancelled_before_first_sync": "Cancelled before it was ever synced.",
    "not_owner": "Someone else organizes this event, so only the own response may change.",
    "read_only_calendar": "The calendar can be read but not written.",
    "one_way": "The account syncs in the other direction only.",
    "already_invited": "The owner is a guest of this event already and has it in the calendar.",
    "too_old": "It ended before syncing began.",
    "paused_calendar": "Syncing of this calendar is switched off.",
    "no_write_target": "No calendar is chosen for new activities of this person.",
    "drift": "Changed in the calendar, and stands there until that field changes in the CRM.",
    "needs_choice": "Changed on both sides; the settings leave the decision to a person.",
    "duplicate_match": "Several records might be the same one; a person decides.",
    "deletion_unlinks": "Deleted on one side; the settings keep the other and stop syncing it.",
    "server_keeps_changing": "The server keeps changing this value, so we stopped repeating it.",
    "would_mail": "Writing this would send mail to guests, which the settings forbid.",
    "brake_deletions": "Too many deletions at once; waits for approval.",
    "brake_creates": "Too many new records at once; waits for approval.",
    "brake_mails": "Too many people would get mail; waits for approval.",
    "first_plan_held": "The first changes after a restore or a change of direction wait for approval.",
    "broken_event": "The calendar holds this event in a form that cannot be read.",
    "all_day_excluded": "All-day events are left out by the settings.",
    "unsupported": "The provider cannot hold this.",
    "writes_paused": "All writing is paused by an admin.",
}


def reason(value: str) -> str:
    """Return the sentence for a reason; a value from a newer version is shown as it is."""
    text = str(value)
    return _REASONS.get(text) or text.replace("_", " ").capitalize() + "."
