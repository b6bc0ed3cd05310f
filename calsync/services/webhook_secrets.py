"""The secrets that messages to programs are signed with, and the signing, by the Standard Webhooks specification.

A secret that was replaced signs beside the new one for a day, so that a receiver has time to take the new one over.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from standardwebhooks import Webhook as Signer

from calsync.engine.webhooks import BOTH_SIGN
from calsync.runtime import Runtime
from calsync.store import tables as t

PREFIX = "whsec_"
HINT = 4


@dataclass(frozen=True, slots=True)
class Keys:
    """The secret in force, and those before it with when each stops signing."""

    current: str = field(repr=False)
    old: Sequence[tuple[str, datetime]] = field(default=(), repr=False)

    def signing(self, now: datetime) -> list[str]:
        """Return the secrets that sign at this moment, the one in force first."""
        return [self.current, *(secret for secret, until in self.old if until > now)]


def new() -> str:
    """Return a secret that nobody has seen: 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def of(rt: Runtime, webhook: t.Webhook) -> Keys:
    """Return a webhook's secrets in the clear. Raises WrongKey."""
    value = json.loads(rt.secrets.unseal(webhook.secret or b""))
    return Keys(value["current"], [(secret, datetime.fromisoformat(until)) for secret, until in value["old"]])


def put(rt: Runtime, webhook: t.Webhook, keys: Keys) -> None:
    """Write secrets into a webhook's row."""
    old = [(secret, until.isoformat()) for secret, until in keys.old]
    webhook.secret = rt.secrets.seal(json.dumps({"current": keys.current, "old": old}))
    webhook.secret_hint = keys.current.rstrip("=")[-HINT:]
    webhook.old_secret_until = max((until for _, until in keys.old), default=None)


def rotated(keys: Keys, now: datetime) -> Keys:
    """Return a new secret with those that go on signing beside it for a while."""
    alive = [(secret, until) for secret, until in keys.old if until > now]
    return Keys(new(), [(keys.current, now + BOTH_SIGN), *alive])


def headers(keys: Keys, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of one try to deliver a message: one signature for each secret that signs."""
    signatures = [Signer(secret).sign(message_id, now, body) for secret in keys.signing(now)]
    return {
        "Content-Type": "application/json",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": " ".join(signatures),
    }
