"""A local server that behaves as Microsoft's identity platform v2 and Graph's calendars do, for tests.

It runs as a process of its own (`python -m tests.emulators.microsoft --port 0` prints its port), keeps its own
store in memory, and imports nothing from the product. All of Microsoft's addresses are replaced by one base URL:

    https://login.microsoftonline.com -> BASE   (/{tenant}/oauth2/v2.0/authorize and /token,
                                                 /{tenant}/v2.0/adminconsent,
                                                 /{tenant}/v2.0/.well-known/openid-configuration,
                                                 /{tenant}/discovery/v2.0/keys)
    https://graph.microsoft.com       -> BASE   (/v1.0/...)

Issuers stay those of `https://login.microsoftonline.com`, because Microsoft's tokens say so whatever the address;
the setting `issuer_base` changes it. The `Date` of every answer is the emulator's time. Addresses at outlook.com,
hotmail.com, live.com and msn.com are personal accounts; every other domain is a tenant of its own.

Use `tests.emulators.microsoft.server.MicrosoftServer` to start it and `Switchboard` to steer it.


The switchboard
===============

JSON in, JSON out under /_switch. A mistake answers 400 with `{"error": "..."}`. In brackets: optional.

The server itself
  GET  /health             pid, nonce, now
  POST /reset              empty store, default settings, running clock; the signing key stays.
                           [now] [clients: client_id, secret, redirect_uris] [users]: set at once, as below
  GET  /clock              now, is_running
  POST /clock              [now: ISO moment, to stand still there] [run: let time pass from there] [advance_s]
  GET  /settings           all settings
  POST /settings           any of:
    issuer_base, expires_in (null: 60 to 90 minutes by chance), prefixes_scopes (answers name scopes with their
    resource), admin_approval_error (consent_required or access_denied, for 90094 and 90095)
    duplicate_status (409 or 400, for a transaction id used twice), tells_existing_id, accepts_any_iana
    bumps_after_s (1: Exchange touches every item so long after a write, once the clock gets there; null: never)
    teams_delay_s (0: links are there at once), room_delay_s (0: rooms answer at once),
    full_says_token (a delta of a full mailbox complains about its token, not about the room)
    page_cap (no page is longer), empty_pages (every second page is empty), repeats_in_delta (items come twice),
    hides_cancelled_days (a delta says nothing of a deleted occurrence), delta_includes_masters, delta_lag_s (younger
    changes are not in a delta yet), gone_in_small_letters (codes of 410 begin with a small
    letter), gone_has_location, view_expands (false: calendar views show no extended properties)
    batch_order (given, reversed), batch_limit (20), batch_weight (4: the most parts that count as under way)
    most_at_once (4; null: any number), per_10_minutes (10000; null), retry_after ("2"; may be "2.128" or "")
    subscription_minutes (10080), default_only_subscriptions (`me/events` tells of the default calendar only),
    https_only, webhook_rewrites ({"https://cal.example.com": "http://127.0.0.1:5000"}: subscribe the public
    address, deliver to the local one), validation_timeout_s (10), push_timeout_s (3), push_retry_delays_s,
    push_drop_every, push_repeat_every, push_reversed
  POST /faults             kind and [method: regular expression for the whole method id, such as `events.create`,
                           `calendars.calendarView.delta`, `batch`, `oauth.token`] [path: expression found in the path]
                           [user] [every: n] [skip: first calls left alone] [times]. Kinds:
                             status       the call does not happen: status, [code] [message] [body] [html: true]
                                          [headers] [retry_after]; without any of these the body is empty
                             error        the identity platform refuses: number (AADSTS), [error] [status] [more]
                             after        the call happens, and answers like `status`
                             drop_before  the connection closes, nothing happened
                             drop         the call happens, the connection closes without an answer
                             truncate     the call happens, [keep: bytes] (half) of the answer arrive;
                                          [quiet: true] with a matching length, so it is broken JSON
                             slow         the call happens, the answer comes `seconds` later
                             touch        someone edits the event of the path first: a 412 for every If-Match
  GET  /faults             all faults with `seen` and `hits`
  POST /faults/clear       [id]
  GET  /requests           [after: n] [method_id]; the latest 20,000. Each line: n, at, method, path, query, headers,
                           body, method_id, user, status, [batch: lines of the parts]
  POST /requests/clear
  GET  /load               the most calls under way at once, by mailbox, since the log was cleared
  GET  /store              tenants, users, clients, grants, subscriptions
  POST /as                 user, method, path (below /v1.0), [query] [body] [headers]: any call as any person, with
                           immutable ids, without log, faults and limits; answers what Graph answers

People
  POST /clients            client_id and for a new one secret; [secrets: list of value, expires_at] [redirect_uris]
                           [name] [audience] [home_tenant] [permissions: the only ones that may be asked]
  POST /tenants            domain, [name] [user_consent: allowed, recommended, workflow, off]
                           [admin_consents: {client_id: scopes}] [blocked_clients]
  POST /users              email, [name] [time_zone: a Windows name] [is_admin] and fields of `model.User`; a room
                           (kind room) accepts what finds it free and declines the rest, unless `answers` says otherwise
  POST /users/change       email and any field: has_mailbox, is_over_quota, trouble (an AADSTS number that every
                           token request meets), sign_in_trouble (one that the sign-in page shows), ...
  POST /consent            choice: allow, deny or error (with number, [error]); user; [once]: authorization and
                           admin consent are answered by this script and show no page. An empty body ends it.
  POST /tokens             user, client_id, [scopes]: tokens without the dance
  POST /tokens/expire      [user]: access tokens end
  GET  /grants
  POST /grants/end         user, [client_id] [number]: tokens are revoked; refreshing answers AADSTS `number` (50173)
  POST /grants/take        user, scopes, [client_id]: permissions are taken back

Calendars and events (ids as clients with immutable ids see them)
  POST /calendars          mailbox, name, and fields of `model.Calendar`: can_edit, can_see_private, owner, ...
  POST /calendars/change   calendar and any field; is_deleted, is_unavailable (answers 500)
  GET  /calendars          mailbox
  POST /events/add         calendar, body, [organizer: address and name of somebody else]
  POST /events/edit        calendar, event, body: as the owner would; the id of an occurrence changes that one
  POST /events/delete      calendar, event
  POST /events/cancel      calendar, event: the organizer elsewhere called it off
  POST /events/touch       calendar, event: a new change key, nothing else
  POST /events/move        calendar, event, to: another calendar of the mailbox
  POST /events/bulk        calendar, count, start, [every_minutes] [subject]
  GET  /events             calendar: every stored event, deleted ones and exceptions too
  POST /delta/expire       [calendar] [code: SyncStateNotFound, SyncStateInvalid or ResyncRequired] [status: 410]
  GET  /subscriptions
  POST /subscriptions/lifecycle  subscription, event (reauthorizationRequired, subscriptionRemoved, missed): tells its
                           lifecycle address, and does it
  GET  /pushes             every try to deliver: url, headers, body, attempt, status, error
  POST /pushes/wait        returns once nothing is left to deliver
  GET  /mail               whom Exchange mailed: kind (invitation, update, cancellation, answer, forward), to,
                           subject, event, day, comment
  POST /mail/clear


Choices made where Microsoft publishes nothing
==============================================

Ids of the other kind than `Prefer: IdType` asks for are malformed. A `dateTime` with an offset is refused. An
unknown zone is `TimeZoneNotSupportedException`. A series whose start does not fit its pattern begins with the
first day that fits. An exception changes its master's change key. Changing time or pattern of a series ends its
exceptions and brings cancelled days back; other changes are handed down to exceptions that agreed before.
Declining takes the event out of the guest's calendar. An organizer who answers is refused. Occurrences do not
show extended properties of their master, copies of guests do not have them. A mailbox over its quota answers 507.
"""
