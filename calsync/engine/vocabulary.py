"""Every closed list of words: states, reasons, actions, error classes.

Stored by value. Changing a value is a migration. Labels for people live in `webapp/words/`.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    STAFF = "staff"
    CLIENT = "client"


class Kind(StrEnum):
    """Kinds of activity."""

    MEETING = "meeting"
    CALL = "call"
    TASK = "task"
    APPOINTMENT = "appointment"
    BOOKING = "booking"


class EventKind(StrEnum):
    """What an event in a calendar is; all but the first are no appointment that people made with each other."""

    DEFAULT = "default"
    OUT_OF_OFFICE = "out_of_office"
    FOCUS = "focus"
    WORK_PLACE = "work_place"
    BIRTHDAY = "birthday"
    BLOCK = "block"  # one of ours that takes the time of somebody's other calendars (engine/busy_blocks.py)
    FROM_MAIL = "from_mail"  # found by the provider in somebody's mail: flights, reservations
    OTHER = "other"  # a kind that we do not know: it only blocks time


class Taking(StrEnum):
    """What an activity or event says by itself of the time that it takes, whoever asks."""

    NEVER = "never"
    PLAIN = "plain"  # all of it, from its first whole second to its last
    UNFOLDED = "unfolded"  # only its content tells: a series, a day, a changed occurrence, something that was declined


class Direction(StrEnum):
    """Which way an account syncs. A step's direction is inbound or outbound only."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    BOTH = "both"


class Policy(StrEnum):
    """Who wins a clash."""

    CRM = "crm"
    EXTERNAL = "external"
    LAST_MODIFIED = "last_modified"
    MANUAL = "manual"


class AccountState(StrEnum):
    """What is stored. Every other account state that people see is derived (`engine/status.py`)."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


class LinkState(StrEnum):
    ACTIVE = "active"
    PARKED = "parked"  # left scope: both sides stay as they are, snapshots kept
    CANCELLED = "cancelled"  # both sides agreed that it is over; kept so that neither side recreates it


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # succeeded with errors
    FAILED = "failed"
    HELD = "held"
    CANCELLED = "cancelled"
    NO_CHANGES = "no_changes"
    PREVIEW = "preview"  # a plan nobody applies


class StepState(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    APPLYING = "applying"
    DONE = "done"
    SKIPPED = "skipped"
    CONFLICT = "conflict"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    SUPERSEDED = "superseded"
    UNDONE = "undone"
    PREVIEW = "preview"  # belongs to a dry run; never applied


OPEN_STEP_STATES = (StepState.PLANNED, StepState.HELD, StepState.APPLYING, StepState.FAILED, StepState.IN_DOUBT)


class Action(StrEnum):
    """What a step does to the side it writes to."""

    CREATE = "create"
    UPDATE = "update"
    CANCEL = "cancel"  # mark as cancelled; the record stays
    DELETE = "delete"  # remote only: erase
    LINK = "link"  # pair two existing records; writes nothing on either side
    UNLINK = "unlink"  # park
    NONE = "none"  # a decision without a write: skipped, merged into agreement, conflict


class Reason(StrEnum):
    """Why a step exists. The first block leads to writes, the second explains why there is none."""

    LOCAL_CREATED = "local_created"
    LOCAL_EDITED = "local_edited"
    LOCAL_CANCELLED = "local_cancelled"
    LOCAL_REVIVED = "local_revived"
    REMOTE_CREATED = "remote_created"
    REMOTE_EDITED = "remote_edited"
    REMOTE_DELETED = "remote_deleted"
    REMOTE_CANCELLED = "remote_cancelled"
    REMOTE_REVIVED = "remote_revived"
    MERGED = "merged"
    CRM_WINS = "crm_wins"
    EXTERNAL_WINS = "external_wins"
    LATER_EDIT_WINS = "later_edit_wins"
    TIE_TO_CRM = "tie_to_crm"
    RESOLVED = "resolved"
    MATCHED_OUR_ID = "matched_our_id"
    MATCHED_UID = "matched_uid"
    MATCHED_CONTENT = "matched_content"
    MOVED = "moved"
    PROJECTION_CHANGED = "projection_changed"
    UNDO = "undo"
    DISCONNECTED = "disconnected"
    CLEANED_UP = "cleaned_up"  # a duplicate or orphan that a person had removed
    BLOCK_WANTED = "block_wanted"  # a busy block of another calendar's event: made, put right, removed
    BLOCK_FOLLOWS = "block_follows"
    BLOCK_OVER = "block_over"
    RETRY = "retry"
    BOTH_EQUAL = "both_equal"

    OUTSIDE_WINDOW = "outside_window"
    FILTERED_TYPE = "filtered_type"
    ONLY_BLOCKS = "only_blocks"
    LEFT_OUT = "left_out"
    BUSY_BLOCK = "busy_block"
    READ_ONLY_KIND = "read_only_kind"
    PRIVATE_POLICY = "private_policy"
    DECLINED = "declined"
    CANCELLED_BEFORE_FIRST_SYNC = "cancelled_before_first_sync"
    NOT_OWNER = "not_owner"
    READ_ONLY_CALENDAR = "read_only_calendar"
    ONE_WAY = "one_way"
    ALREADY_INVITED = "already_invited"
    TOO_OLD = "too_old"
    PAUSED_CALENDAR = "paused_calendar"
    NO_WRITE_TARGET = "no_write_target"
    DRIFT = "drift"
    NEEDS_CHOICE = "needs_choice"
    DUPLICATE_MATCH = "duplicate_match"
    DELETION_UNLINKS = "deletion_unlinks"
    SERVER_KEEPS_CHANGING = "server_keeps_changing"
    WOULD_MAIL = "would_mail"
    BRAKE_DELETIONS = "brake_deletions"
    BRAKE_CREATES = "brake_creates"
    BRAKE_MAILS = "brake_mails"
    FIRST_PLAN_HELD = "first_plan_held"
    BROKEN_EVENT = "broken_event"
    ALL_DAY_EXCLUDED = "all_day_excluded"
    UNSUPPORTED = "unsupported"
    WRITES_PAUSED = "writes_paused"


class ConflictKind(StrEnum):
    BOTH_CHANGED = "both_changed"
    CHANGED_DELETED = "changed_deleted"
    DUPLICATE_MATCH = "duplicate_match"
    SERIES = "series"  # a moved series no longer yields an override


class ErrorClass(StrEnum):
    """What people see of an error; derived from the exception once, when the step is closed."""

    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    INVALID_DATA = "invalid_data"
    RATE_LIMIT = "rate_limit"
    NETWORK = "network"
    PROVIDER = "provider"
    STORAGE = "storage"  # no room left there
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INTERRUPTED = "interrupted"  # the program ended meanwhile
    BUG = "bug"


class Trigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    PUSH = "push"
    EDIT = "edit"
    RETRY = "retry"
    UNDO = "undo"
    API = "api"
    FIRST = "first"
    PREVIEW = "preview"  # a plan that somebody wants to see first
    CLEANUP = "cleanup"  # what a person removed as a duplicate or orphan
    EXISTING = "existing"  # activities that exist already are pushed into a calendar
    DISCONNECT = "disconnect"  # what an account brought about is deleted, then it is disconnected
    MOVE = "move"  # our events move to another calendar


class MailRule(StrEnum):
    NEVER = "never"
    EXTERNAL = "external"
    ALL = "all"


class Deletions(StrEnum):
    """What a deletion on one side does to the other."""

    FOLLOW = "follow"
    UNLINK = "unlink"
    ASK = "ask"


class ResourceKind(StrEnum):
    ROOM = "room"
    EQUIPMENT = "equipment"
    PERSON = "person"


class GroupMode(StrEnum):
    """What a booking of a group takes: every member, or one."""

    ALL_OF = "all_of"
    ANY_OF = "any_of"


class Pick(StrEnum):
    """Which free member of a group takes a booking."""

    ROUND_ROBIN = "round_robin"  # whoever was picked longest ago
    FEWEST = "fewest"  # whoever has the fewest bookings ahead


class RoomAnswer(StrEnum):
    """What a room said that a booking invited."""

    WAITING = "waiting"  # nothing yet
    ACCEPTED = "accepted"
    DECLINED = "declined"
    OFF = "off"  # somebody took it off the event


class Unreachable(StrEnum):
    """What to believe of a calendar that could not be read lately."""

    FAIL_CLOSED = "fail_closed"  # nothing is free
    LAST_KNOWN = "last_known"  # what was read last, up to an age; then nothing is free
    IGNORE = "ignore"  # the calendar blocks nothing


class BookingState(StrEnum):
    HELD = "held"  # the time is taken until the hold expires
    BOOKED = "booked"
    CANCELLED = "cancelled"


class Scope(StrEnum):
    """What a token of the API may do. Each includes the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ChangeKind(StrEnum):
    """What the feed of changes says of an activity."""

    CREATED = "created"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    RESTORED = "restored"
