"""Every table. Import names from here: `from calsync.store import tables as t`.

`table=True` models do not validate; services and forms do, and CHECK constraints are the last net.
"""

from sqlalchemy.orm import configure_mappers
from sqlmodel import SQLModel

from calsync.store.tables.accounts import Account, Calendar, Channel, ProviderCredential, SignInAttempt
from calsync.store.tables.activities import Activity
from calsync.store.tables.api import ApiToken, Change, ChangeHead, IdempotencyKey
from calsync.store.tables.blocks import BusyBlock
from calsync.store.tables.columns import LONG, NEVER, pk
from calsync.store.tables.conferences import Conference, MeetingHost
from calsync.store.tables.outbox import Mail, Notice
from calsync.store.tables.people import Invite, Login, RecoveryCode, SignInFailure, User
from calsync.store.tables.records import AuditEntry, Instance, Setting
from calsync.store.tables.scheduling import (
    AskedBusy,
    Booking,
    EventType,
    GroupMember,
    Hours,
    Placement,
    Resource,
    ResourceGroup,
    Taken,
)
from calsync.store.tables.sync import Conflict, Link, MirrorEvent, MirrorResource, Run, Step
from calsync.store.tables.usage import UsageDay
from calsync.store.tables.webhooks import Delivery, DeliveryTry, Webhook

metadata = SQLModel.metadata

configure_mappers()  # at start, and not in the first question of a run or a page

__all__ = [
    "LONG",
    "NEVER",
    "Account",
    "Activity",
    "ApiToken",
    "AskedBusy",
    "AuditEntry",
    "Booking",
    "BusyBlock",
    "Calendar",
    "Change",
    "ChangeHead",
    "Channel",
    "Conference",
    "Conflict",
    "Delivery",
    "DeliveryTry",
    "EventType",
    "GroupMember",
    "Hours",
    "IdempotencyKey",
    "Instance",
    "Invite",
    "Link",
    "Login",
    "Mail",
    "MeetingHost",
    "MirrorEvent",
    "MirrorResource",
    "Notice",
    "Placement",
    "ProviderCredential",
    "RecoveryCode",
    "Resource",
    "ResourceGroup",
    "Run",
    "Setting",
    "SignInAttempt",
    "SignInFailure",
    "Step",
    "Taken",
    "UsageDay",
    "User",
    "Webhook",
    "metadata",
    "pk",
]
