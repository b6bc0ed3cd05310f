"""Webhooks: signed, validated every three days, retried by the emulator's clock (contract section 22)."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.zoom import bodies
from tests.emulators.zoom.world import Client, Delivery, Json, Meeting, User, World

RETRIES = (timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=60))
VALID_FOR = timedelta(hours=72)
MOST_FAILURES = 6
PATIENCE_S = 3

_sending = threading.Lock()


# --- what is told


def tell(world: World, event: str, meeting: Meeting, by: User, **more: Any) -> None:
    """Tell what happened to a whole meeting, or to the occurrences in `more`."""
    shown = {k: v for k, v in bodies.whole(world, meeting).items() if k not in ("start_url", "settings", "status")}
    shown = {k: v for k, v in shown.items() if event == "meeting.created" or k not in ("recurrence", "occurrences")}
    occurrences = more.pop("occurrences", None)
    shown |= {"occurrences": occurrences} if occurrences else {}
    payload = {"operator": by.email, "operator_id": by.id, **more, "object": _numbered(world, shown)}
    _queue(world, world.host_of(meeting), event, payload)


def tell_change(world: World, meeting: Meeting, by: User, old: Json, new: Json) -> None:
    """Tell only what changed, beside the id; nothing where nothing did."""
    changed = [k for k in new if k != "start_url" and old.get(k) != new[k]]
    if not changed:
        return
    kept = {"id": meeting.id, "uuid": meeting.uuid}
    payload: Json = {
        "operator": by.email,
        "operator_id": by.id,
        "scope": "single" if "occurrences" in old and len(old) == 1 else "all",
        "object": _numbered(world, kept | {k: new[k] for k in changed}),
        "old_object": _numbered(world, kept | {k: old.get(k) for k in changed}),
        "time_stamp": _ms(world),
    }
    _queue(world, world.host_of(meeting), "meeting.updated", payload)


def tell_instance(world: World, event: str, meeting: Meeting) -> None:
    """Tell that a meeting began or ended; its id has been seen as text in these (section 22.4)."""
    shown = bodies.short(meeting, world.host_of(meeting))
    shown["id"] = str(meeting.id) if event == "meeting.ended" else meeting.id
    _queue(world, world.host_of(meeting), event, {"object": shown})


def tell_deauthorized(world: World, user: User, client: Client) -> None:
    """Tell an application that a person removed it, in either of the two shapes that were seen (section 22.5)."""
    payload: Json = {
        "account_id": user.account_id,
        "user_id": user.id,
        "signature": secrets.token_hex(16),
        "deauthorization_time": world.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "client_id": client.client_id,
    }
    body: Json = {"event": "app_deauthorized", "event_ts": _ms(world), "payload": payload}
    if world.settings.bare_deauthorization:
        body = {
            "event": "app_deauthorized",
            "payload": payload | {"event_ts": world.now().strftime("%Y-%m-%d %H:%M:%S")},
        }
    _send_later(world, client, body)


def _numbered(world: World, shown: Json) -> Json:
    return shown | {"id": str(shown["id"])} if world.settings.string_ids else shown


def _ms(world: World) -> int:
    return int(world.now().timestamp() * 1000)


def _queue(world: World, host: User, event: str, payload: Json) -> None:
    body = {"event": event, "event_ts": _ms(world), "payload": {"account_id": host.account_id, **payload}}
    for client in world.clients.values():
        if client.account_id == host.account_id:
            _send_later(world, client, body)


def _send_later(world: World, client: Client, body: Json) -> None:
    if client.is_hook_on:
        times = 2 if world.settings.repeats_hooks else 1
        raw = json.dumps(body).encode()
        world.waiting += [Delivery(client.client_id, raw, world.now())] * times


# --- sending it


def signature(secret: str, timestamp: str, raw: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256).hexdigest()


def release(world: World) -> None:
    """Deliver what is due from a thread of its own, unless tests keep it."""
    if world.settings.delivers and world.waiting:
        threading.Thread(target=deliver_due, args=(world,), daemon=True).start()


def deliver_due(world: World) -> list[Json]:
    """Validate addresses whose time it is, send what is due, and return the tries."""
    with _sending:
        with world.lock:
            stale = [c for c in world.clients.values() if _is_stale(world, c)]
        made = [validate(world, client) for client in stale]
        with world.lock:
            now = world.now()
            due = [d for d in world.waiting if d.due_at <= now]
            world.waiting = [d for d in world.waiting if d.due_at > now]
        return made + [_deliver(world, each) for each in due]


def _is_stale(world: World, client: Client) -> bool:
    return (
        client.is_hook_on and client.hook_checked_at is not None and client.hook_checked_at + VALID_FOR <= world.now()
    )


def validate(world: World, client: Client) -> Json:
    """Ask an address to prove that it knows the secret; after six failures in a row it is told nothing more."""
    plain = secrets.token_urlsafe(16)
    body = {"event": "endpoint.url_validation", "event_ts": _ms(world), "payload": {"plainToken": plain}}
    tried = _post(world, client, json.dumps(body).encode(), 0)
    expected = hmac.new(client.hook_secret.encode(), plain.encode(), hashlib.sha256).hexdigest()
    with world.lock:
        is_good = tried["status"] == 200 and _said(tried) == {"plainToken": plain, "encryptedToken": expected}
        is_first = client.hook_checked_at is None
        client.hook_checked_at = world.now()
        client.hook_failures = 0 if is_good else client.hook_failures + 1
        client.is_hook_on = is_good or (not is_first and client.hook_failures < MOST_FAILURES)
    return tried


def _said(tried: Json) -> Any:
    try:
        return json.loads(tried["answer"])
    except ValueError:
        return None


def _deliver(world: World, delivery: Delivery) -> Json:
    """Send once; a 5xx and silence are tried again later, everything else is over (section 22.1)."""
    client = world.clients[delivery.client_id]
    tried = _post(world, client, delivery.body, delivery.attempt)
    is_lost = tried["status"] is None or tried["status"] >= 500
    if is_lost and delivery.attempt < len(RETRIES):
        with world.lock:
            due_at = world.now() + RETRIES[delivery.attempt]
            world.waiting.append(Delivery(delivery.client_id, delivery.body, due_at, delivery.attempt + 1))
    return tried


def _post(world: World, client: Client, raw: bytes, attempt: int) -> Json:
    with world.lock:
        timestamp, url = str(int(world.now().timestamp())), client.hook_url
        for public, local in world.settings.webhook_rewrites.items():
            url = url.replace(public, local, 1)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-zm-request-timestamp": timestamp,
        "x-zm-signature": signature(client.hook_secret, timestamp, raw),
    }
    status, answer, error = _send(url, raw, headers)
    tried: Json = {
        "url": url,
        "headers": headers,
        "body": json.loads(raw),
        "attempt": attempt,
        "status": status,
        "error": error,
        "answer": answer,
    }
    with world.lock:
        world.tries.append(tried)
    return tried


def _send(url: str, raw: bytes, headers: dict[str, str]) -> tuple[int | None, str, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request("POST", parts.path or "/", raw, headers)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace"), ""
    except (OSError, http.client.HTTPException) as wrong:
        return None, "", type(wrong).__name__
    finally:
        connection.close()
