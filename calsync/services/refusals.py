"""Whether providers still know us: noted when they refuse our credentials, and when they accept them again.

Only an admin can mend that. No grant ends by it, so accounts go on trying and come back by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from calsync.errors import CalsyncError, Refused, SignInNeeded
from calsync.providers.oauth import ClientPair, ClientRefused
from calsync.runtime import Runtime
from calsync.store import credentials as rows
from calsync.store import tables as t


@contextmanager
def noted(rt: Runtime, credential_id: int | None, pair: ClientPair) -> Iterator[None]:
    """Note what a provider's answer says of the pair it was asked with; raises what is raised inside.

    Who refuses a code or a grant has accepted the pair before. No answer says nothing.
    """
    try:
        yield
    except ClientRefused as error:
        note_refused(rt, credential_id, pair, error.detail)
        raise
    except (Refused, SignInNeeded):
        note_accepted(rt, credential_id)
        raise
    note_accepted(rt, credential_id)


def note_refused(rt: Runtime, credential_id: int | None, pair: ClientPair, why: str) -> None:
    """Note that a pair is refused, unless it is not the one in use any more. `why` is the provider's words."""
    with rt.writing() as session:
        row = session.get(t.ProviderCredential, credential_id or 0)
        if row is None or row.refused_at is not None or not _is_in_use(rt, row, pair):
            return
        row.refused_at, row.refused_why = rt.now(), why[:300]
    rt.enqueue("watch_notices")


def note_accepted(rt: Runtime, credential_id: int | None) -> None:
    """Note that credentials are accepted. Where they were refused before, their accounts are due at once."""
    with rt.reading() as session:
        row = session.get(t.ProviderCredential, credential_id or 0)
    if row is None or row.refused_at is None:
        return
    with rt.writing() as session:
        rows.accept(session, t.pk(row), rt.now())
    rt.enqueue("watch_notices")


def is_our_fault(error: CalsyncError) -> bool:
    """Return whether a provider refused our credentials, not the person."""
    return isinstance(error, ClientRefused)


def _is_in_use(rt: Runtime, row: t.ProviderCredential, pair: ClientPair) -> bool:
    """A refusal may come late: the secret may have been replaced since the provider was asked."""
    return row.state == "current" and row.secret is not None and rt.secrets.unseal(row.secret) == pair.secret
