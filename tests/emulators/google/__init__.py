"""A local server that behaves as Google OAuth 2.0 and the Calendar API v3 do, for tests.

It runs as a process of its own (`python -m tests.emulators.google --port 0` prints its port), keeps its own
store in memory, and imports nothing from the product. Requests are checked against Google's own discovery
document. All of Google's addresses are replaced by one base URL:

    https://accounts.google.com          -> BASE   (/.well-known/openid-configuration, /o/oauth2/v2/auth,
                                                    /o/oauth2/auth)
    https://oauth2.googleapis.com        -> BASE   (/token, /revoke, /tokeninfo)
    https://openidconnect.googleapis.com -> BASE   (/v1/userinfo)
    https://www.googleapis.com           -> BASE   (/calendar/v3/..., /batch/calendar/v3, /oauth2/v2/userinfo,
                                                    /oauth2/v3/certs, /oauth2/v1/certs,
                                                    /discovery/v1/apis/calendar/v3/rest)

The issuer stays `https://accounts.google.com` in the OpenID document, in `iss` of the redirect and in
id_tokens, because Google's tokens say so whatever the address; the setting `issuer` changes it. The `Date`
of every answer is the emulator's time, so moving its clock is a clock that disagrees with the client's.

Use `tests.emulators.google.server.GoogleServer` to start it and `Switchboard` to steer it.


The switchboard
===============

JSON in, JSON out. A mistake answers 400 with `{"error": "..."}`. In brackets: optional.

The server itself
  GET  /_switch/health            pid, nonce, now
  POST /_switch/reset             empty store, default settings, running clock; the signing key stays.
                                  [now] [clients] [users]: set at once, as below
  GET  /_switch/clock             now, is_running
  POST /_switch/clock             [now: ISO moment, to stand still there] [run: let time pass from there]
                                  [advance_s]
  GET  /_switch/settings          all settings
  POST /_switch/settings          any of: issuer, sends_iss, https_only (false lets channels go to http
                                  addresses), webhook_rewrites ({"https://cal.example.com":
                                  "http://127.0.0.1:5000"}: register the public address, deliver to the local
                                  one), per_minute, per_user_per_minute (null: no quota; both count on the
                                  emulator's clock), quota_status (403 or 429), events_created_limit,
                                  calendars_created_limit, batch_limit (50), batch_order (given, reversed),
                                  page_cap (no page is longer), empty_pages (every second page is empty),
                                  repeats_across_pages, push_drop_every, push_repeat_every,
                                  push_retry_delays_s, sync_before_reply, meet_outcomes, meet_pending_s
  POST /_switch/faults            kind and [method: regular expression for the whole method id, such as
                                  `calendar.events.list`, `batch`, `oauth.token`] [path: expression found in
                                  the path] [user] [every: n] [skip: first calls left alone] [times].
                                  Kinds:
                                    status       the call does not happen: status, [reason] [message] [body]
                                                 [html: true] [headers] [retry_after: s]
                                    drop_before  the connection closes, nothing happened
                                    drop         the call happens, the connection closes without an answer
                                    truncate     the call happens, [keep: bytes] (half) of the answer arrive;
                                                 [quiet: true] with a matching length, so it is broken JSON
                                    slow         the call happens, the answer comes `seconds` later
                                    touch        someone edits the event of the path first: a 412 for every
                                                 conditional write
  GET  /_switch/faults            all faults with `seen` and `hits`
  POST /_switch/faults/clear      [id]
  GET  /_switch/requests          [after: n] [method_id]; the latest 20,000. Each line: n, at, method, path, query,
                                  headers, body, method_id, user, status, [batch: lines of the parts]
                                  [unknown_keys] [warnings]
  POST /_switch/requests/clear
  GET  /_switch/store             users, clients, grants, calendars, channels, groups
  POST /_switch/as                user, method, path, [query] [body] [headers]: any call as any person, without
                                  log, faults and quotas; answers what the API answers

People
  POST /_switch/clients           client_id and, for a new one, client_secret; [redirect_uris] [kind]
                                  [project_id] [is_testing] [test_users] [internal_domain] [is_deleted]
  GET  /_switch/clients/file      client_id: the JSON file that the console offers
  POST /_switch/users             email, [name] [time_zone] [sub] [hd] and fields as below
  POST /_switch/users/change      email and any of has_calendar, is_suspended, needs_rapt, is_policy_blocked,
                                  allows_status_events, name, hd
  POST /_switch/users/settings    email, settings
  POST /_switch/groups            email, members: a group for free/busy
  POST /_switch/consent           choice: allow or deny; user; [scopes: the ticked ones, all when absent]
                                  [refresh_ttl_s: time-limited access] [once]: authorization requests are
                                  answered by this script and show no page. An empty body ends the script.
  POST /_switch/tokens            user, client_id, [scopes] [refresh_ttl_s]: tokens without the dance
  POST /_switch/tokens/expire     [user]: access tokens end
  GET  /_switch/grants
  POST /_switch/grants/revoke     user, [client_id]: as on the person's account page
  POST /_switch/grants/untick     user, scopes, [client_id]: granted scopes are taken back

Calendars and events
  POST /_switch/calendars         owner, summary, [id] [time_zone] [is_watchable] [conference_types]
                                  [auto_accepts: a room that answers by itself]
  POST /_switch/calendars/change  calendar and any field of it
  POST /_switch/calendars/share   calendar, user, role, [listed]; ends the calendar's sync tokens
  POST /_switch/events/add        calendar, body, [by] [query]: insert as that person (the owner when absent)
  POST /_switch/events/edit       calendar, event, body, [by] [query]: patch as that person
  POST /_switch/events/delete     calendar, event, [by]
  POST /_switch/events/seed       calendar, event: stored without the API's rules (foreign organizer, fromGmail,
                                  own created date, ...)
  POST /_switch/events/bulk       calendar, count, start, [every_minutes] [summary]
  POST /_switch/events/touch      calendar, event: a new etag, nothing else
  GET  /_switch/events            calendar: every stored copy
  POST /_switch/sync/expire       [calendar] or [list: email], [reason]: sync tokens answer 410 with
                                  fullSyncRequired, updatedMinTooLongAgo or deleted
  POST /_switch/meet              outcomes: success, failure, pending (success later), doomed (failure later);
                                  [pending_s: when "later" is; without it only on resolve]
  POST /_switch/meet/resolve      [event] [outcome: success or failure]
  GET  /_switch/mail              what sendUpdates sent and kept back: kind invitation, update, cancellation or
                                  answer; sent_to, kept_from
  GET  /_switch/channels
  GET  /_switch/pushes            every try to deliver: url, headers, attempt, status, error
  POST /_switch/pushes/wait       returns once nothing is left to deliver
  POST /_switch/pushes/send       calendar: a notification without a change


Choices made where Google publishes nothing
===========================================

Codes live ten minutes. Sync tokens live thirty days, as long as deleted events are kept; a token that was
never issued is answered like an expired one. Endless series are expanded two years ahead. `maxResults` above
the maximum is clamped. A page token with other parameters is a 400. Rules below daily frequency are refused.
A wrong verb on a known path is a 400. Every write moves the etag, also one that changes nothing. A changed
series keeps exceptions whose slot still exists, hands them the fields they had not changed, and reports the
others as cancelled. `sequence` grows when time, recurrence or place of an event with guests change.
"""
