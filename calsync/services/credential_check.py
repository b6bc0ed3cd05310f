"""Trying an installation's credentials at a provider, without a person."""

from __future__ import annotations

from calsync.errors import NotAllowed, NotFound
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import Check
from calsync.runtime import Actor, Runtime
from calsync.services import credentials, grants, refusals
from calsync.store import audit
from calsync.store import credentials as rows
from calsync.store import tables as t


def run(rt: Runtime, provider: str, *, by: Actor) -> list[Check]:
    """Try the pair in use, or the candidate where one waits, without a person. Raises NotFound, NotAllowed."""
    if not by.is_admin:
        raise NotAllowed("test a provider's credentials")
    registration = credentials.registration_of(rt, provider)
    with rt.reading() as session:
        row = rows.find(session, provider, "candidate") or rows.find(session, provider)
    if row is None:
        raise NotFound("credentials", provider)
    pair = grants.pair_of(rt, row.id)
    checks = registration.examine(pair, credentials.redirect_uri(rt, provider), rt.now())
    _note_standing(rt, row, pair, checks)
    with rt.writing() as session:
        after = {check.label: check.is_good for check in checks}
        audit.record(session, by, "credentials.tested", credentials.thing_of(row), at=rt.now(), after=after)
    return checks


def _note_standing(rt: Runtime, row: t.ProviderCredential, pair: ClientPair, checks: list[Check]) -> None:
    """A test tells what a run would find out later: that the pair in use is refused, or accepted again."""
    for check in checks:
        if row.state == "current" and check.is_of_pair and check.is_good is not None:
            if check.is_good:
                refusals.note_accepted(rt, row.id)
            else:
                refusals.note_refused(rt, row.id, pair, check.said)
