"""Zoom's webhooks: only signed ones count, whatever shape their numbers have."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.providers.conference import Told, ToldKind
from calsync.providers.zoom import notices

SECRET = "zoomSecretForTests"
AT = datetime(2025, 1, 1, tzinfo=UTC)
STAMP = "1735689600"
DELETED = (
    b'{"event":"meeting.deleted","event_ts":1735689600000,"payload":{"account_id":"AAA","object":{"id":98884753832}}}'
)


def signed(body: bytes, stamp: str = STAMP, secret: str = SECRET) -> dict[str, str]:
    return {"X-Zm-Request-Timestamp": stamp, "X-Zm-Signature": notices.signature(secret, stamp, body)}


def read(said: dict[str, Any]) -> Told | None:
    body = json.dumps(said).encode()
    return notices.read(signed(body), body, SECRET, AT)


def test_the_published_vectors() -> None:
    expected = "v0=635bfc253477a2623c451e187892a3d02744b95d4fa964b2ae330cea3998d713"
    assert notices.signature(SECRET, STAMP, DELETED) == expected
    proof = "e72e134d51934cc89d167e9bdfc69cbf96e90de97ec21ce5b52320cc9ca7031b"
    assert notices.proof(SECRET, "qgg8vlvZRS6UYooatFL8Aw")["encryptedToken"] == proof


def test_a_deleted_meeting_is_named() -> None:
    assert notices.read(signed(DELETED), DELETED, SECRET, AT) == Told(ToldKind.CHANGED, remote_id="98884753832")


@pytest.mark.parametrize(
    ("headers", "secret", "at"),
    [
        ({}, SECRET, AT),
        (signed(DELETED, secret="other"), SECRET, AT),
        (signed(DELETED + b" "), SECRET, AT),
        (signed(DELETED), "", AT),
        (signed(DELETED), SECRET, AT + timedelta(seconds=301)),
        (signed(DELETED), SECRET, AT - timedelta(seconds=301)),
        (signed(DELETED, "soon"), SECRET, AT),
        (signed(DELETED, "9" * 30), SECRET, AT),
    ],
)
def test_what_is_not_signed_a_moment_ago_is_nothing(headers: dict[str, str], secret: str, at: datetime) -> None:
    assert notices.read(headers, DELETED, secret, at) is None


@pytest.mark.parametrize("event", ["meeting.updated", "meeting.deleted", "meeting.recovered"])
@pytest.mark.parametrize("number", [98884753832, "98884753832"])
def test_ids_are_numbers_or_text(event: str, number: object) -> None:
    told = read({"event": event, "payload": {"object": {"id": number}}})
    assert told == Told(ToldKind.CHANGED, remote_id="98884753832")


def test_a_request_for_a_proof_is_answered() -> None:
    told = read({"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}})
    assert told is not None
    assert told.kind is ToldKind.PROVE
    assert told.answer == notices.proof(SECRET, "abc")


def test_who_removed_the_application_is_named_in_either_shape() -> None:
    payload = {"account_id": "A", "user_id": "U", "client_id": "C"}
    expected = Told(ToldKind.LEFT, subject="U", client_id="C")
    assert read({"event": "app_deauthorized", "event_ts": 1, "payload": payload}) == expected
    bare = payload | {"event_ts": "2024-09-08 15:58:40"}
    assert read({"event": "app_deauthorized", "payload": bare}) == expected


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_anything_signed_that_makes_no_sense_is_nothing(said: Any) -> None:
    body = json.dumps({"event": "meeting.deleted", "payload": said}).encode()
    assert notices.read(signed(body), body, SECRET, AT) is None or "object" in said


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"event": 7}', b'{"event":"meeting.started"}'])
def test_broken_bodies_are_nothing(body: bytes) -> None:
    assert notices.read(signed(body), body, SECRET, AT) is None
