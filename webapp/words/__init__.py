"""Words, colours and icons for everything that people see: the only place where a stored value gets a label.

    words.account_state("late")        -> Word("Late", "amber", "clock", "...")
    words.run_state(run.state)         -> Word
    words.outcome("created")           -> Word           what became of one record
    words.reason(step.reason)          -> str            a sentence
    words.error_class(step.error_class)-> ErrorWords     title, cause, fix, button, help anchor
    words.direction("inbound", "Google") -> "Google to CRM"
    words.policy("external", "Google") -> "Google Wins"
    words.title_for(viewer, row)       -> str            hides other people's private titles

Every function takes the stored value (a StrEnum or its text) and never raises for an unknown one: a value from a
newer version is shown as it is. In templates all of this is reachable as `words`, and badges as
`ui.badge(words.run_state(x))`.
"""

from webapp.words.arrivals import refusal, silence
from webapp.words.bookings import booking_state, length, place, place_icon, room_answer
from webapp.words.choices import (
    action,
    deletions,
    direction,
    field,
    frequency,
    kind,
    mail_rule,
    policy,
    policy_meaning,
    role,
    role_meaning,
    trigger,
)
from webapp.words.failures import ErrorWords, error_class
from webapp.words.meetings import meeting_help, meeting_repair, meeting_standing
from webapp.words.reasons import reason
from webapp.words.rules import preset, rule_name, rule_value, rules_sentence
from webapp.words.runs import run_sentence
from webapp.words.scheduling import group_mode, pick, span
from webapp.words.sign_in import SignInWords, sign_in_trouble
from webapp.words.states import Word, account_state, conflict_kind, notice, notice_text, outcome, run_state, step_state
from webapp.words.texts import PRIVATE_TITLE, count, joined, number, roughly, spelled, title_for
from webapp.words.webhooks import channel_state, delivery_error, delivery_state, event_meaning, webhook_standing

__all__ = [
    "PRIVATE_TITLE",
    "ErrorWords",
    "SignInWords",
    "Word",
    "account_state",
    "action",
    "booking_state",
    "channel_state",
    "conflict_kind",
    "count",
    "deletions",
    "delivery_error",
    "delivery_state",
    "direction",
    "error_class",
    "event_meaning",
    "field",
    "frequency",
    "group_mode",
    "joined",
    "kind",
    "length",
    "mail_rule",
    "meeting_help",
    "meeting_repair",
    "meeting_standing",
    "notice",
    "notice_text",
    "number",
    "outcome",
    "pick",
    "place",
    "place_icon",
    "policy",
    "policy_meaning",
    "preset",
    "reason",
    "refusal",
    "role",
    "role_meaning",
    "room_answer",
    "roughly",
    "rule_name",
    "rule_value",
    "rules_sentence",
    "run_sentence",
    "run_state",
    "sign_in_trouble",
    "silence",
    "span",
    "spelled",
    "step_state",
    "title_for",
    "trigger",
    "webhook_standing",
]
