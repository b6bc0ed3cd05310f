"""Importing a file with credentials: it is read, checked and compared for review, and never saved by itself.

What was read travels to the review and back sealed, so that no page shows the secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calsync.errors import NotAllowed, Refused
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import LARGEST_FILE, ClientFile, Comparison, compare
from calsync.runtime import Actor, Runtime
from calsync.services import credentials
from calsync.store.secrets import WrongKey

__all__ = ["LARGEST", "Comparison", "Imported", "read", "recall"]

LARGEST = LARGEST_FILE
LASTS = timedelta(hours=1)
"""How long what was imported may wait to be saved."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file said. `token` stands for its secret until it is saved; `hint` is what may be shown of it."""

    client_id: str
    hint: str
    project: str
    redirect: Comparison
    token: str = field(repr=False)


def read(rt: Runtime, provider: str, data: bytes, *, by: Actor) -> Imported:
    """Return a file's credentials for review. Raises NotFound, NotAllowed, and Refused for a file that is no use."""
    registration = credentials.registration_of(rt, provider)
    if not by.is_admin:
        raise NotAllowed("import credentials")
    found = registration.read_file(data)
    registration.check(found.pair)
    return Imported(
        client_id=found.pair.client_id,
        hint=credentials.hint_of(found.pair.secret),
        project=found.project,
        redirect=compare(credentials.redirect_uri(rt, provider), found.redirect_uris),
        token=_seal(rt, provider, found, by),
    )


def recall(rt: Runtime, provider: str, token: str, *, by: Actor) -> ClientFile:
    """Return what a token stands for: the file that was read.

    Raises Refused when it is too old, somebody else's, or for another provider.
    """
    try:
        values = json.loads(rt.secrets.unseal(token.encode()))
        made_at = datetime.fromisoformat(values["at"])
        is_ours = (values["what"], values["provider"], values["by"]) == ("credentials", provider, by.user_id)
    except (WrongKey, ValueError, KeyError, TypeError) as error:
        raise _gone() from error
    if not is_ours or rt.now() - made_at > LASTS:
        raise _gone()
    pair = ClientPair(values["client_id"], values["secret"])
    return ClientFile(pair, tuple(values["redirect_uris"]), values["project"])


def _gone() -> Refused:
    return Refused("What was imported is no longer at hand. Import the file again.", code="import_gone", field="file")


def _seal(rt: Runtime, provider: str, found: ClientFile, by: Actor) -> str:
    values = {
        "what": "credentials",
        "provider": provider,
        "by": by.user_id,
        "at": rt.now().isoformat(),
        "client_id": found.pair.client_id,
        "secret": found.pair.secret,
        "project": found.project,
        "redirect_uris": found.redirect_uris,
    }
    return rt.secrets.seal(json.dumps(values)).decode()
