"""A local server that behaves as Zoom's OAuth, meetings API and webhooks do, for tests.

It runs as a process of its own (`python -m tests.emulators.zoom --port 0` prints its port), keeps its own store in
memory, and imports nothing from the product. All of Zoom's addresses are replaced by one base URL:

    https://zoom.us      -> BASE   (/oauth/authorize, /oauth/token, /oauth/revoke)
    https://api.zoom.us  -> BASE   (/v2/..., /oauth/token)

Use `tests.emulators.zoom.server.ZoomServer` to start it and `Switchboard` to steer it.


The switchboard
===============

JSON in, JSON out under /_switch. A mistake answers 400 with `{"error": "..."}`. In brackets: optional.

The server itself
  GET  /health             pid, nonce, now
  POST /reset              empty store, default settings. [now] [clients] [users]: set at once
  GET  /clock              now
  POST /clock              [now: ISO moment, to stand still there] [advance_s]
  GET  /settings           all settings
  POST /settings           any of: plan (free, pro, business), per_second and per_day ({"Light": n, ...}, instead of the
                           plan's), host_daily (100), meeting_daily (100), page_cap, delivers (false keeps webhooks
                           until /hooks/deliver), repeats_hooks (each is sent twice), string_ids (ids in webhooks are
                           strings), bare_deauthorization (event_ts stands in the payload, as text),
                           webhook_rewrites ({"https://cal.example.com": "http://127.0.0.1:5000"})
  POST /faults             kind and [method: regular expression for the whole method id, such as `meetings.create`,
                           `oauth.token`] [every: n] [skip: first calls left alone] [times]. Kinds:
                             status       the call does not happen: status, [body: JSON or text] [headers]
                             after        the call happens, and answers like `status`
                             drop_before  the connection closes, nothing happened
                             drop         the call happens, the connection closes without an answer
                             truncate     the call happens, half of the answer arrives
                             slow         the call happens, the answer comes `seconds` later
                           A redirect is a status with a `location` header, 200 with an error or XML a body.
  POST /faults/clear
  GET  /requests           each: n, method_id, method, path, query, body, status
  POST /requests/clear

People and applications
  POST /clients            client_id, [client_secret] [redirect_uris] [scopes] [kind: user, admin or s2s] [account_id]
                           [hook_url] [hook_secret] [is_disabled]; setting hook_url validates it
  POST /users              email, [account_id] [type: 1 basic, 2 licensed, 99 none] [timezone] [is_gone]
                           [policy: locked settings] [defaults: settings where a request has none]
  POST /consent            choice: allow or deny, [user] [once]: authorization shows no page. Empty ends the script.
  POST /tokens             user, client_id, [scopes]: tokens without the dance
  POST /tokens/expire      access tokens end
  POST /deauthorize        user, client_id: as if the person removed the application

Meetings
  POST /meetings/add       user, body: as if made in Zoom's own pages; answers the meeting
  POST /meetings/change    id, body: changed there
  POST /meetings/delete    id, [occurrence_id]: deleted there
  POST /meetings/status    id, status (waiting, started, ended)
  GET  /meetings           [user]: all that are stored, deleted ones too
  GET  /hooks              every try to deliver: url, headers, body, attempt, status, error, answer
  POST /hooks/deliver      deliver what is due by the emulator's clock, now; answers the tries


Choices made where Zoom publishes nothing
=========================================

A denied authorization comes back with error=access_denied. A redirect URI matches as a whole. A recurring meeting
expires after 365 days. `me` with Server-to-Server tokens is a 400. A missing duration is 60. Deleted meetings can be
recovered for seven days. Moving a whole recurring meeting without its `recurrence` is a 400.
"""
