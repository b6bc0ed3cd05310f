"""Who may do what, as one table: every route of the application has a line here, or `test_permissions.py` fails.

A line is Route(endpoint, method, path, verdicts). The path may name rows of the world that the test builds, all of
which belong to Eli: {account} {calendar} {activity} {run} {conflict} {step} {notice} {event}, the people {ada} {eli}
{vic} {sam}, {login} (one of Eli's), {preview}, {push}, {move} (previews of Eli's account), and {resource} (mapped to
Eli's calendar) with its {group} and {event_type}; {booking} of Eli with its {token} and the {slug} of its event type;
a {webhook} with the {delivery} of a test.
Verdicts are for, in this order: anonymous, Vic (client, a stranger to the rows), Sam (staff, a stranger), Eli (staff,
whose rows they are), Ada (admin).
"""

from dataclasses import dataclass

OK = "ok"  # let in: any answer but those below
LOGIN = "login"  # sent to the login page
NO = "403"
HIDDEN = "404"

EVERYONE = (OK, OK, OK, OK, OK)
SIGNED_IN = (LOGIN, OK, OK, OK, OK)
ADMINS = (LOGIN, NO, NO, NO, OK)
ADMINS_MISS = (LOGIN, NO, NO, NO, HIDDEN)  # there are no credentials
TEAM = (LOGIN, NO, OK, OK, OK)
OWN = (LOGIN, HIDDEN, HIDDEN, OK, OK)  # rows of an account: its owner and admins
OWN_ONLY = (LOGIN, HIDDEN, HIDDEN, OK, HIDDEN)
TEAM_SEES = (LOGIN, HIDDEN, OK, OK, OK)  # activities: staff see everyone's
WRITES = (LOGIN, HIDDEN, NO, OK, OK)  # activities: their owner and admins
CONNECTS = (LOGIN, NO, OK, OK, OK)  # what clients may do only when an admin allows it; off in the test
OWN_CONNECTS = (LOGIN, NO, HIDDEN, OK, OK)  # the same, on rows of an account


@dataclass(frozen=True)
class Route:
    endpoint: str
    method: str
    path: str
    verdicts: tuple[str, str, str, str, str]

    def __str__(self) -> str:
        return f"{self.endpoint}-{self.method}"


ROUTES = (
    # frame
    Route("static", "GET", "/static/calsync.css", EVERYONE),
    Route("brand.style", "GET", "/brand/style.css", EVERYONE),
    Route("brand.icon", "GET", "/brand/icon.svg", EVERYONE),
    Route("brand.logo", "GET", "/brand/logo", (HIDDEN,) * 5),  # there is no logo
    Route("api_docs", "GET", "/api/docs", EVERYONE),
    Route("home.index", "GET", "/", SIGNED_IN),
    Route("theme.choose", "POST", "/theme", SIGNED_IN),
    Route("help.index", "GET", "/help/", SIGNED_IN),
    Route("search.index", "GET", "/search?q=kick", SIGNED_IN),
    Route("support.bundle", "POST", "/support/bundle.zip?run={run}", ADMINS),
    Route("notices.index", "GET", "/notices/", SIGNED_IN),
    Route("notices.seen", "POST", "/notices/{notice}/seen", OWN_ONLY),
    Route("notices.seen_all", "POST", "/notices/seen", SIGNED_IN),
    Route("notices.reconnect", "GET", "/notices/reconnect", ADMINS),
    Route("notices.ask", "POST", "/notices/reconnect", ADMINS),
    # tokens of the API
    Route("tokens.own", "GET", "/profile/tokens", SIGNED_IN),
    Route("tokens.own", "POST", "/profile/tokens", SIGNED_IN),
    Route("tokens.revoke", "POST", "/profile/tokens/unknown/revoke", (LOGIN, HIDDEN, HIDDEN, HIDDEN, HIDDEN)),
    Route("tokens.service", "GET", "/people/tokens", ADMINS),
    Route("tokens.service", "POST", "/people/tokens", ADMINS),
    Route("tokens.redirects", "POST", "/people/tokens/redirects", ADMINS),
    # mail
    Route("mail.index", "GET", "/mail/", ADMINS),
    Route("mail.save_server", "POST", "/mail/server", ADMINS),
    Route("mail.test", "POST", "/mail/test", ADMINS),
    Route("mail.again", "POST", "/mail/again", ADMINS),
    Route("mail.save_digest", "POST", "/mail/digest", ADMINS),
    # webhooks
    Route("webhooks.index", "GET", "/webhooks/", ADMINS),
    Route("webhooks.inbound", "GET", "/webhooks/inbound", ADMINS),
    Route("webhooks.renew", "POST", "/webhooks/inbound/1/renew", ADMINS_MISS),  # there is no channel
    Route("webhooks.new", "GET", "/webhooks/new", ADMINS),
    Route("webhooks.new", "POST", "/webhooks/new", ADMINS),
    Route("webhooks.show", "GET", "/webhooks/{webhook}", ADMINS),
    Route("webhooks.edit", "GET", "/webhooks/{webhook}/edit", ADMINS),
    Route("webhooks.edit", "POST", "/webhooks/{webhook}/edit", ADMINS),
    Route("webhooks.switch", "POST", "/webhooks/{webhook}/switch", ADMINS),
    Route("webhooks.secret", "POST", "/webhooks/{webhook}/secret", ADMINS),
    Route("webhooks.rotate", "POST", "/webhooks/{webhook}/rotate", ADMINS),
    Route("webhooks.test", "POST", "/webhooks/{webhook}/test", ADMINS),
    Route("webhooks.resend_failed", "POST", "/webhooks/{webhook}/resend-failed", ADMINS),
    Route("webhooks.message", "GET", "/webhooks/{webhook}/messages/{delivery}", ADMINS),
    Route("webhooks.resend", "POST", "/webhooks/{webhook}/messages/{delivery}/resend", ADMINS),
    Route("webhooks.remove", "POST", "/webhooks/{webhook}/remove", ADMINS),
    # health
    Route("health.healthz", "GET", "/healthz", EVERYONE),
    Route("health.readyz", "GET", "/readyz", (OK, OK, OK, OK, OK)),
    Route("health.prometheus", "GET", "/metrics", EVERYONE),  # this machine; see test_health.py
    # signing in
    Route("login.form", "GET", "/login", EVERYONE),
    Route("login.form", "POST", "/login", EVERYONE),
    Route("login.code", "GET", "/login/code", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),  # nothing to confirm
    Route("login.code", "POST", "/login/code", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),
    Route("login.logout", "POST", "/logout", (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN)),
    Route("login.invite", "GET", "/invite/unknown", EVERYONE),  # answers 409: a bad link
    Route("login.invite", "POST", "/invite/unknown", EVERYONE),
    # set-up
    Route("setup.admin", "GET", "/setup/", EVERYONE),  # done: leads home
    Route("setup.admin", "POST", "/setup/", EVERYONE),
    Route("setup.look", "GET", "/setup/organisation", ADMINS),
    Route("setup.look", "POST", "/setup/organisation", ADMINS),
    Route("setup.place", "GET", "/setup/address", ADMINS),
    Route("setup.place", "POST", "/setup/address", ADMINS),
    # organisation
    Route("organisation.edit", "GET", "/organisation/", ADMINS),
    Route("organisation.save_look", "POST", "/organisation/look", ADMINS),
    Route("organisation.save_place", "POST", "/organisation/address", ADMINS),
    Route("organisation.hours", "GET", "/organisation/hours", ADMINS),
    Route("organisation.hours", "POST", "/organisation/hours", ADMINS),
    Route("organisation.pause_writes", "POST", "/organisation/pause-writes", ADMINS),
    Route("organisation.resume_writes", "POST", "/organisation/resume-writes", ADMINS),
    # people
    Route("people.index", "GET", "/people/", ADMINS),
    Route("people.switches", "POST", "/people/switches", ADMINS),
    Route("people.invite", "GET", "/people/invite", ADMINS),
    Route("people.invite", "POST", "/people/invite", ADMINS),
    Route("people.show", "GET", "/people/{eli}", ADMINS),
    Route("people.hours", "GET", "/people/{eli}/hours", ADMINS),
    Route("people.hours", "POST", "/people/{eli}/hours", ADMINS),
    Route("people.role", "POST", "/people/{eli}/role", ADMINS),
    Route("people.link", "POST", "/people/{eli}/link", ADMINS),
    Route("people.disable", "POST", "/people/{eli}/disable", ADMINS),
    Route("people.enable", "POST", "/people/{eli}/enable", ADMINS),
    Route("people.log_out", "POST", "/people/{eli}/log-out", ADMINS),
    Route("people.remove_factor", "POST", "/people/{eli}/remove-second-factor", ADMINS),
    Route("people.give", "POST", "/people/{eli}/hand-over", ADMINS),
    # profile
    Route("profile.index", "GET", "/profile/", SIGNED_IN),
    Route("profile.index", "POST", "/profile/", SIGNED_IN),
    Route("profile.password", "GET", "/profile/password", SIGNED_IN),
    Route("profile.password", "POST", "/profile/password", SIGNED_IN),
    Route("profile.factor", "GET", "/profile/second-factor", SIGNED_IN),
    Route("profile.begin_factor", "POST", "/profile/second-factor/begin", SIGNED_IN),
    Route("profile.enable_factor", "POST", "/profile/second-factor/enable", SIGNED_IN),
    Route("profile.renew_codes", "POST", "/profile/second-factor/codes", SIGNED_IN),
    Route("profile.remove_factor", "POST", "/profile/second-factor/remove", SIGNED_IN),
    Route("profile.hours", "GET", "/profile/hours", SIGNED_IN),
    Route("profile.hours", "POST", "/profile/hours", SIGNED_IN),
    Route("profile.active_logins", "GET", "/profile/logins", SIGNED_IN),
    Route("profile.end_login", "POST", "/profile/logins/{login}/end", OWN),
    Route("profile.end_all_logins", "POST", "/profile/logins/end-all", (LOGIN,) * 5),  # afterwards nobody is
    Route("profile.notices", "GET", "/profile/notices", SIGNED_IN),
    Route("profile.notices", "POST", "/profile/notices", SIGNED_IN),
    # integrations
    Route("integrations.index", "GET", "/integrations/", CONNECTS),
    Route("integrations.connect", "GET", "/integrations/caldav/connect", CONNECTS),
    Route("integrations.connect", "POST", "/integrations/caldav/connect", CONNECTS),
    Route("integrations.travel_note_seen", "POST", "/integrations/travel-note", SIGNED_IN),
    Route("integrations.credentials", "GET", "/integrations/google/credentials", ADMINS),
    Route("integrations.credentials", "POST", "/integrations/google/credentials", ADMINS),
    Route("integrations.save_secret_end", "POST", "/integrations/google/secret-end", ADMINS_MISS),
    Route("integrations.import_credentials", "POST", "/integrations/google/credentials/import", ADMINS),
    Route("integrations.test_credentials", "POST", "/integrations/google/credentials/test", ADMINS_MISS),
    Route("integrations.prove_credentials", "POST", "/integrations/google/credentials/prove", ADMINS_MISS),
    Route("integrations.drop_credentials", "POST", "/integrations/google/credentials/drop", ADMINS),
    Route("integrations.remove_credentials", "GET", "/integrations/google/credentials/remove", ADMINS),
    Route("integrations.remove_credentials", "POST", "/integrations/google/credentials/remove", ADMINS_MISS),
    Route("integrations.save_hook_secret", "POST", "/integrations/google/hook-secret", ADMINS_MISS),
    Route("integrations.provider_settings", "GET", "/integrations/google/settings", ADMINS),
    Route("integrations.provider_settings", "POST", "/integrations/google/settings", ADMINS),
    # signing in elsewhere
    Route("oauth.begin", "GET", "/oauth/google/connect", CONNECTS),
    Route("oauth.begin", "GET", "/oauth/google/connect?account={account}", OWN_CONNECTS),
    Route("oauth.begin", "POST", "/oauth/google/connect", CONNECTS),
    Route("oauth.begin", "POST", "/oauth/google/connect?account={account}", OWN_CONNECTS),
    Route("oauth.callback", "GET", "/oauth/google/callback?state=s&code=c", EVERYONE),  # answers 409: nothing was begun
    Route("hooks.take", "POST", "/hooks/google", EVERYONE),  # answers 204 whatever comes
    Route("hooks.take", "POST", "/push/google", EVERYONE),  # the same
    # accounts
    Route("accounts.index", "GET", "/accounts/", CONNECTS),
    Route("accounts.several", "POST", "/accounts/bulk?ids={account}", CONNECTS),
    Route("accounts.row", "GET", "/accounts/{account}/row", OWN_CONNECTS),
    # its provider has calendars and hosts no meetings
    Route("accounts.meetings", "GET", "/accounts/{account}/meetings", (LOGIN, NO, HIDDEN, HIDDEN, HIDDEN)),
    Route("accounts.save_meetings", "POST", "/accounts/{account}/meetings", (LOGIN, NO, HIDDEN, HIDDEN, HIDDEN)),
    Route("meetings.index", "GET", "/meetings/", SIGNED_IN),
    Route("meetings.repair", "POST", "/meetings/1/repair", (LOGIN, *(HIDDEN,) * 4)),  # there is none
    Route("accounts.show", "GET", "/accounts/{account}", OWN_CONNECTS),
    Route("accounts.live", "GET", "/accounts/{account}/live", OWN_CONNECTS),
    Route("accounts.sync_now", "POST", "/accounts/{account}/sync", OWN_CONNECTS),
    Route("accounts.full_sync", "POST", "/accounts/{account}/full-sync", OWN_CONNECTS),
    Route("accounts.pause", "GET", "/accounts/{account}/pause", OWN_CONNECTS),
    Route("accounts.pause", "POST", "/accounts/{account}/pause", OWN_CONNECTS),
    Route("accounts.resume", "POST", "/accounts/{account}/resume", OWN_CONNECTS),
    Route("accounts.choose", "GET", "/accounts/{account}/choose", OWN_CONNECTS),
    Route("accounts.choose", "POST", "/accounts/{account}/choose", OWN_CONNECTS),
    Route("accounts.ask_preview", "POST", "/accounts/{account}/preview", OWN_CONNECTS),
    Route("accounts.first", "GET", "/accounts/{account}/first?run={preview}", OWN_CONNECTS),
    Route("accounts.start", "POST", "/accounts/{account}/start", OWN_CONNECTS),
    Route("accounts.reconnect", "GET", "/accounts/{account}/reconnect", OWN_CONNECTS),
    Route("accounts.reconnect", "POST", "/accounts/{account}/reconnect", OWN_CONNECTS),
    Route("accounts.disconnect", "GET", "/accounts/{account}/disconnect", OWN_CONNECTS),
    Route("accounts.disconnect", "POST", "/accounts/{account}/disconnect", OWN_CONNECTS),
    Route("accounts.set_calendar", "POST", "/accounts/{account}/calendars/{calendar}", OWN_CONNECTS),
    Route("accounts.refresh_calendars", "POST", "/accounts/{account}/refresh-calendars", OWN_CONNECTS),
    Route("accounts.write_target", "POST", "/accounts/{account}/write-target?calendar={calendar}", OWN_CONNECTS),
    Route("accounts.move", "GET", "/accounts/{account}/move?source={calendar}&target={calendar}", OWN_CONNECTS),
    Route("accounts.move", "POST", "/accounts/{account}/move?source={calendar}&target={calendar}", OWN_CONNECTS),
    Route(
        "accounts.apply_move",
        "POST",
        "/accounts/{account}/move/{move}/apply?source={calendar}&target={calendar}",
        OWN_CONNECTS,
    ),
    Route("accounts.rules", "GET", "/accounts/{account}/rules", OWN_CONNECTS),
    Route("accounts.rules", "POST", "/accounts/{account}/rules", OWN_CONNECTS),
    Route("accounts.hourly", "POST", "/accounts/{account}/hourly", OWN_CONNECTS),
    Route("accounts.ask_two_way", "POST", "/accounts/{account}/two-way/ask", OWN_CONNECTS),
    Route("accounts.both_ways", "GET", "/accounts/{account}/two-way?run={preview}", OWN_CONNECTS),
    Route("accounts.confirm_two_way", "POST", "/accounts/{account}/two-way/{preview}", OWN_CONNECTS),
    Route("accounts.records", "GET", "/accounts/{account}/records", OWN_CONNECTS),
    Route("accounts.issues", "GET", "/accounts/{account}/issues", OWN_CONNECTS),
    Route("accounts.retry_failing", "POST", "/accounts/{account}/issues/retry", OWN_CONNECTS),
    Route("accounts.timeline", "GET", "/accounts/{account}/timeline", OWN_CONNECTS),
    Route("accounts.capabilities", "GET", "/accounts/{account}/capabilities", OWN_CONNECTS),
    Route("accounts.push", "GET", "/accounts/{account}/push", OWN_CONNECTS),
    Route("accounts.push", "POST", "/accounts/{account}/push", OWN_CONNECTS),
    Route("accounts.apply_push", "POST", "/accounts/{account}/push/{push}/apply", OWN_CONNECTS),
    # overview
    Route("overview.index", "GET", "/overview/", SIGNED_IN),
    # sync history
    Route("history.index", "GET", "/history/", SIGNED_IN),
    Route("history.retry_several", "POST", "/history/retry?ids={run}", OWN),
    Route("history.export_csv", "GET", "/history/export.csv", SIGNED_IN),
    Route("history.export_json", "GET", "/history/export.json", SIGNED_IN),
    Route("history.show", "GET", "/history/{run}", OWN),
    Route("history.records_csv", "GET", "/history/{run}/records.csv", OWN),
    Route("history.records_json", "GET", "/history/{run}/records.json", OWN),
    Route("history.retry_run", "POST", "/history/{run}/retry", OWN),
    Route("history.archive_failed", "POST", "/history/{run}/archive", OWN),
    Route("history.undo", "GET", "/history/{run}/undo", OWN),
    Route("history.undo_run", "POST", "/history/{run}/undo", OWN),
    Route("history.approve", "POST", "/history/{run}/approve", ADMINS),
    Route("history.discard", "POST", "/history/{run}/discard", ADMINS),
    # conflicts
    Route("conflicts.index", "GET", "/conflicts/", SIGNED_IN),
    Route("conflicts.show", "GET", "/conflicts/{conflict}", OWN),
    Route("conflicts.later", "POST", "/conflicts/{conflict}/later", OWN),
    Route("conflicts.resolve", "POST", "/conflicts/{conflict}", OWN),
    # sync settings
    Route("settings.index", "GET", "/settings/", ADMINS),
    Route("settings.edit", "GET", "/settings/general", ADMINS),
    Route("settings.edit", "POST", "/settings/general", ADMINS),
    Route("settings.sentence", "POST", "/settings/general/sentence", ADMINS),
    Route("settings.preset", "POST", "/settings/presets/usual", ADMINS),
    Route("settings.preview", "GET", "/settings/preview", ADMINS),
    Route("settings.apply", "POST", "/settings/preview/apply", ADMINS),
    Route("settings.apply_in_stages", "POST", "/settings/preview/stages", ADMINS),
    Route("settings.drop", "POST", "/settings/preview/drop", ADMINS),
    # duplicates
    Route("duplicates.index", "GET", "/duplicates/", TEAM),
    Route("duplicates.search", "POST", "/duplicates/search", TEAM),
    Route("duplicates.show", "GET", "/duplicates/{activity}/{activity}", (LOGIN, NO, HIDDEN, OK, OK)),
    Route("duplicates.merge", "POST", "/duplicates/{activity}/{activity}", (LOGIN, NO, HIDDEN, OK, OK)),
    Route("duplicates.different", "POST", "/duplicates/{activity}/{activity}/different", (LOGIN, NO, HIDDEN, OK, OK)),
    Route("duplicates.clean_up", "POST", "/duplicates/orphans/99/remove", (LOGIN, NO, HIDDEN, HIDDEN, HIDDEN)),
    Route("duplicates.keep_orphan", "POST", "/duplicates/orphans/99/keep", (LOGIN, NO, HIDDEN, HIDDEN, HIDDEN)),
    Route("duplicates.undo", "POST", "/duplicates/merges/99/undo", (LOGIN, NO, HIDDEN, HIDDEN, HIDDEN)),
    # calendar and activities
    Route("calendar.index", "GET", "/calendar/", SIGNED_IN),
    Route("calendar.feed", "GET", "/calendar/events.json?start=2030-01-07T00:00&end=2030-01-14T00:00", SIGNED_IN),
    Route("calendar.move", "POST", "/calendar/move/{activity}", WRITES),
    Route("activities.index", "GET", "/activities/", SIGNED_IN),
    Route("activities.new", "GET", "/activities/new", SIGNED_IN),
    Route("activities.new", "POST", "/activities/new", SIGNED_IN),
    Route("activities.show", "GET", "/activities/{activity}", TEAM_SEES),
    Route("activities.edit", "GET", "/activities/{activity}/edit", WRITES),
    Route("activities.edit", "POST", "/activities/{activity}/edit", WRITES),
    Route("activities.cancel", "POST", "/activities/{activity}/cancel", WRITES),
    Route("activities.revive", "POST", "/activities/{activity}/revive", WRITES),
    Route("activities.done", "POST", "/activities/{activity}/done", WRITES),
    Route(
        "activities.answer", "POST", "/activities/{activity}/answer", (LOGIN, HIDDEN, NO, HIDDEN, HIDDEN)
    ),  # no guest
    Route("explain.activity", "GET", "/activities/{activity}/explain", TEAM_SEES),
    Route("explain.event", "GET", "/events/{event}", OWN),
    # event types
    Route("event_types.index", "GET", "/event-types/", TEAM),
    Route("event_types.new", "GET", "/event-types/new", TEAM),
    Route("event_types.new", "POST", "/event-types/new", TEAM),
    Route("event_types.show", "GET", "/event-types/{event_type}", TEAM),
    Route("event_types.edit", "GET", "/event-types/{event_type}/edit", ADMINS),  # of a room
    Route("event_types.edit", "POST", "/event-types/{event_type}/edit", ADMINS),
    Route("event_types.slots", "GET", "/event-types/{event_type}/slots?day=2030-01-08&at=14:00", TEAM),
    Route("event_types.hours", "GET", "/event-types/{event_type}/hours", ADMINS),
    Route("event_types.hours", "POST", "/event-types/{event_type}/hours", ADMINS),
    # resources
    Route("resources.index", "GET", "/resources/", TEAM),
    Route("resources.new", "GET", "/resources/new", ADMINS),
    Route("resources.new", "POST", "/resources/new", ADMINS),
    Route("resources.show", "GET", "/resources/{resource}", TEAM),
    Route("resources.edit", "GET", "/resources/{resource}/edit", ADMINS),
    Route("resources.edit", "POST", "/resources/{resource}/edit", ADMINS),
    Route("resources.map_calendar", "POST", "/resources/{resource}/calendar", ADMINS),
    Route("resources.unmap", "POST", "/resources/{resource}/calendar/remove", ADMINS),
    Route("resources.ask", "POST", "/resources/{resource}/asked", ADMINS),
    Route("resources.room_list", "GET", "/resources/{resource}/rooms/{account}", ADMINS),
    Route("resources.choose_room", "POST", "/resources/{resource}/rooms/{account}", ADMINS),
    Route("resources.stop_asking", "POST", "/resources/{resource}/asked/remove", ADMINS),
    Route("resources.disable", "POST", "/resources/{resource}/disable", ADMINS),
    Route("resources.enable", "POST", "/resources/{resource}/enable", ADMINS),
    Route("resources.hours", "GET", "/resources/{resource}/hours", ADMINS),
    Route("resources.hours", "POST", "/resources/{resource}/hours", ADMINS),
    Route("resources.group_list", "GET", "/resources/groups/", TEAM),
    Route("resources.new_group", "GET", "/resources/groups/new", ADMINS),
    Route("resources.new_group", "POST", "/resources/groups/new", ADMINS),
    Route("resources.group", "GET", "/resources/groups/{group}", ADMINS),
    Route("resources.group", "POST", "/resources/groups/{group}", ADMINS),
    # bookings, for the team
    Route("bookings.index", "GET", "/bookings/", SIGNED_IN),
    Route("bookings.show", "GET", "/bookings/{booking}", OWN),
    Route("bookings.reschedule", "GET", "/bookings/{booking}/reschedule", OWN),
    Route("bookings.move", "POST", "/bookings/{booking}/reschedule", OWN),
    Route("bookings.cancel", "POST", "/bookings/{booking}/cancel", OWN),
    Route("bookings.settle", "POST", "/bookings/{booking}/overlap", OWN),
    Route("new_booking.index", "GET", "/bookings/new/", TEAM),
    Route("new_booking.slots", "GET", "/bookings/new/{event_type}", TEAM),
    Route("new_booking.book", "POST", "/bookings/new/{event_type}", TEAM),
    # the pages of guests
    Route("public_booking.index", "GET", "/book/{slug}", EVERYONE),
    Route("public_booking.book", "POST", "/book/{slug}", EVERYONE),
    Route("guest.show", "GET", "/booking/{token}", EVERYONE),
    Route("guest.calendar_file", "GET", "/booking/{token}/event.ics", EVERYONE),
    Route("guest.reschedule", "GET", "/booking/{token}/reschedule", EVERYONE),
    Route("guest.move", "POST", "/booking/{token}/reschedule", EVERYONE),
    Route("guest.ask_cancel", "GET", "/booking/{token}/cancel", EVERYONE),
    Route("guest.cancel", "POST", "/booking/{token}/cancel", EVERYONE),
    # audit log
    Route("audit.index", "GET", "/audit/", ADMINS),
    Route("audit.export", "GET", "/audit/export.csv", ADMINS),
    Route("audit.check", "GET", "/audit/check", ADMINS),
)
