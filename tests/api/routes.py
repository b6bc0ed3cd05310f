"""Who may do what by the API, as one table: every operation has a line here, or `test_permissions.py` fails.

Paths name rows of the world that the test builds, which belong to Eli, by their public ids. Verdicts are for, in this
order: nobody, Vic (client), Sam (staff, a stranger), a reading token of Eli's, Eli, Ada (admin), and the service tokens
to read, to write and to administer. People's tokens have the widest scope that their role allows.
"""

from dataclasses import dataclass, field
from typing import Any

OK = "ok"  # let in: any answer but those below
NOBODY = "401"
NO = "403"
HIDDEN = "404"

CALLERS = ("nobody", "vic", "sam", "eli_reads", "eli", "ada", "reads", "writes", "administers")
EVERYONE = (NOBODY, OK, OK, OK, OK, OK, OK, OK, OK)
TEAM = (NOBODY, NO, OK, OK, OK, OK, OK, OK, OK)
OWN = (NOBODY, HIDDEN, HIDDEN, OK, OK, OK, OK, OK, OK)
OWN_TEAM = (NOBODY, NO, HIDDEN, OK, OK, OK, OK, OK, OK)
WRITES = (NOBODY, OK, OK, NO, OK, OK, NO, OK, OK)
WRITES_TEAM = (NOBODY, NO, OK, NO, OK, OK, NO, OK, OK)
WRITES_OWN = (NOBODY, HIDDEN, HIDDEN, NO, OK, OK, NO, OK, OK)
CONNECTS = (NOBODY, NO, OK, NO, OK, OK, NO, OK, OK)  # clients may not connect unless an admin allows it
EDITS_EVENT_TYPE = (NOBODY, NO, NO, NO, NO, OK, NO, OK, OK)  # of a room: staff make those of their own
OF_A_ROOM = (NOBODY, HIDDEN, HIDDEN, NO, NO, OK, NO, OK, OK)  # only admins take a calendar off a resource
ADMINS = (NOBODY, NO, NO, NO, NO, OK, NO, NO, OK)
ADMINS_MISS = (NOBODY, NO, NO, NO, NO, HIDDEN, NO, NO, HIDDEN)  # there is no such row


@dataclass(frozen=True)
class Route:
    operation: str
    method: str
    path: str
    verdicts: tuple[str, ...]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.operation


MEETING = {"title": "x", "start": "2030-01-09T10:00:00Z"}
ANY = {"If-Match": "*"}
WINDOW = "start_date=2030-01-08&end_date=2030-01-09"
LATER = "2030-01-11T10:00:00Z"
BACK = "https://crm.example.com/back"

ROUTES = (
    Route("list_activities", "GET", "/activities", EVERYONE),
    Route("list_changes", "GET", "/activities/changes", EVERYONE),
    Route("show_activity", "GET", "/activities/{activity}", OWN),
    Route("show_activity_sync", "GET", "/activities/{activity}/sync", OWN),
    Route("show_activity_by_external_id", "GET", "/activities/by-external-id/crm-1", OWN),
    Route("create_activity", "POST", "/activities", WRITES, MEETING),
    Route("upsert_activities", "POST", "/activities/bulk", WRITES, {"activities": [{"external_id": "a", **MEETING}]}),
    Route("upsert_activity", "PUT", "/activities/by-external-id/crm-2", WRITES, MEETING),
    Route("edit_activity", "PATCH", "/activities/{activity}", WRITES_OWN, {"title": "y"}),
    Route("cancel_activity", "DELETE", "/activities/{activity}", WRITES_OWN),
    # integrations
    Route("list_integrations", "GET", "/integrations", EVERYONE),
    Route("show_integration", "GET", "/integrations/{account}", OWN),
    Route("show_sync_status", "GET", "/integrations/{account}/sync-status", OWN),
    Route("list_integration_calendars", "GET", "/integrations/{account}/calendars", OWN),
    Route(
        "make_auth_url", "POST", "/integrations/auth-url", WRITES, {"provider": "google", "redirect_uri": BACK}
    ),  # which is refused for an address that no admin allowed
    Route("create_integration", "POST", "/integrations", WRITES, {"code": "x", "state": "y", "provider": "google"}),
    Route("edit_integration", "PATCH", "/integrations/{account}", WRITES_OWN, {"sync_frequency": 30}),
    Route("disconnect_integration", "DELETE", "/integrations/{account}", WRITES_OWN),
    Route("refresh_integration", "POST", "/integrations/{account}/refresh", WRITES_OWN),
    Route("sync_integration", "POST", "/integrations/{account}/sync", WRITES_OWN),
    Route("resync_integration", "POST", "/integrations/{account}/resync", WRITES_OWN),
    # calendars by provider
    Route("connect_calendar", "POST", "/calendars/caldav/connect", WRITES, {}),  # needs a redirect_uri
    Route("list_calendar_events", "GET", "/calendars/CalDAV/{calendar}/events", OWN),
    Route("sync_calendar", "POST", "/calendars/caldav/{calendar}/sync", WRITES_OWN),
    Route("disconnect_calendar", "DELETE", "/calendars/caldav/{calendar}", OF_A_ROOM),
    # runs
    Route("list_runs", "GET", "/runs", EVERYONE),
    Route("show_run", "GET", "/runs/{run}", OWN),
    Route("list_steps", "GET", "/runs/{run}/steps", OWN),
    Route("show_held", "GET", "/runs/{run}/held", OWN),
    Route("preview_undo", "GET", "/runs/{run}/undo", OWN),
    Route("retry_run", "POST", "/runs/{run}/retry", WRITES_OWN),
    Route("undo_run", "POST", "/runs/{run}/undo", WRITES_OWN),
    Route("approve_run", "POST", "/runs/{run}/approve", ADMINS),
    Route("discard_run", "POST", "/runs/{run}/discard", ADMINS),
    # conflicts
    Route("list_conflicts", "GET", "/conflicts", EVERYONE),
    Route("show_conflict", "GET", "/conflicts/{conflict}", OWN),
    Route("resolve_conflict", "POST", "/conflicts/{conflict}/resolve", WRITES_OWN, {"choice": "crm"}),
    Route("put_off_conflict", "POST", "/conflicts/{conflict}/put-off", WRITES_OWN, {}),
    # what can be booked
    Route("list_resources", "GET", "/resources", TEAM),
    Route("show_resource", "GET", "/resources/{resource}", TEAM),
    Route("create_resource", "POST", "/resources", ADMINS, {"name": "Room"}),
    Route("edit_resource", "PATCH", "/resources/{resource}", ADMINS, {"name": "Hall"}),
    Route("list_groups", "GET", "/resource-groups", TEAM),
    Route("show_group", "GET", "/resource-groups/{group}", TEAM),
    Route("create_group", "POST", "/resource-groups", ADMINS, {"name": "Rooms"}),
    Route("edit_group", "PATCH", "/resource-groups/{group}", ADMINS, {"name": "Halls"}),
    Route("list_event_types", "GET", "/event-types", TEAM),
    Route("show_event_type", "GET", "/event-types/{event_type}", TEAM),
    Route("create_event_type", "POST", "/event-types", EDITS_EVENT_TYPE, {"name": "T", "resource_id": "{resource}"}),
    Route("edit_event_type", "PATCH", "/event-types/{event_type}", EDITS_EVENT_TYPE, {"name": "Talks"}),
    Route("list_slots", "GET", "/availability/slots?event_type_id={event_type}&" + WINDOW, TEAM),
    Route("list_overlaps", "GET", "/availability/conflicts?event_type_id={event_type}&" + WINDOW, TEAM),
    Route("list_bookings", "GET", "/bookings", EVERYONE),
    Route("show_booking", "GET", "/bookings/{booking}", OWN),
    Route(
        "create_booking",
        "POST",
        "/bookings",
        WRITES_TEAM,
        {"event_type_id": "{event_type}", "starts_at": "2030-01-09T10:00:00Z"},
    ),
    Route(
        "reschedule_booking",
        "POST",
        "/bookings/{booking}/reschedule",
        WRITES_OWN,
        {"starts_at": "2030-01-11T10:00:00Z"},
    ),
    Route("settle_booking", "POST", "/bookings/{booking}/settle", WRITES_OWN, {"choice": "keep"}),
    Route("cancel_booking", "DELETE", "/bookings/{booking}", WRITES_OWN),
    # for admins
    Route("show_rules", "GET", "/settings/rules", ADMINS),
    Route("edit_rules", "PATCH", "/settings/rules", ADMINS, {"values": {"frequency": "30"}}, ANY),
    Route("show_switches", "GET", "/settings/switches", ADMINS),
    Route("edit_switches", "PATCH", "/settings/switches", ADMINS, {"clients_may_connect": True}, ANY),
    Route("show_api_settings", "GET", "/settings/api", ADMINS),
    Route("edit_api_settings", "PATCH", "/settings/api", ADMINS, {"redirect_uris": [BACK]}, ANY),
    Route("list_providers", "GET", "/providers", ADMINS),
    Route("show_provider", "GET", "/providers/google", ADMINS),
    Route("list_users", "GET", "/users", ADMINS),
    Route("show_user", "GET", "/users/{eli}", ADMINS),
    Route("invite_user", "POST", "/users", ADMINS, {"email": "new@example.com"}),
    Route("edit_user", "PATCH", "/users/{eli}", ADMINS, {"name": "Eli E."}),
    Route("list_audit", "GET", "/audit", ADMINS),
    # webhooks
    Route("list_webhooks", "GET", "/webhooks", ADMINS),
    Route("show_webhook", "GET", "/webhooks/{webhook}", ADMINS),
    Route("show_webhook_health", "GET", "/webhooks/{webhook}/health", ADMINS),
    Route("show_webhook_secret", "GET", "/webhooks/{webhook}/secret", ADMINS),
    Route("list_webhook_messages", "GET", "/webhooks/{webhook}/messages", ADMINS),
    Route("show_webhook_message", "GET", "/webhooks/{webhook}/messages/{message}", ADMINS),
    Route("create_webhook", "POST", "/webhooks", ADMINS, {"url": "https://crm.example.com/2", "events": ["run.held"]}),
    Route("edit_webhook", "PATCH", "/webhooks/{webhook}", ADMINS, {"description": "Ours"}),
    Route("rotate_webhook_secret", "POST", "/webhooks/{webhook}/rotate", ADMINS),
    Route("send_webhook_test", "POST", "/webhooks/{webhook}/test", ADMINS, {"event": "run.held"}),
    Route("resend_webhook_message", "POST", "/webhooks/{webhook}/messages/{message}/resend", ADMINS),
    Route(
        "resend_failed_messages",
        "POST",
        "/webhooks/{webhook}/resend-failed",
        ADMINS,
        {"since": "2030-01-01T00:00:00Z"},
    ),
    Route("remove_webhook", "DELETE", "/webhooks/none", ADMINS_MISS),  # removing works once only
)
