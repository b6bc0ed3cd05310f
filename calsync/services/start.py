"""What is made sure of at every start, before anything else touches the database."""

from __future__ import annotations

from calsync.runtime import Runtime
from calsync.store import revision, sealed
from calsync.store import tables as t
from calsync.store.secrets import WrongKey


def ready(rt: Runtime) -> None:
    """Return when program, database and encryption key belong together; the first start binds the key.

    Raises UnknownSchema, which names the command that mends it, or WrongKey, which names the key's place.
    """
    if not revision.is_current(rt.db):
        from calsync.store import schema  # loads Alembic, which takes longer than most commands

        schema.check(rt.db)
    with rt.reading() as session:
        row = session.get(t.Instance, 1)
        is_bound = row is not None and bool(row.key_check)
        if is_bound and not sealed.key_fits(session, rt.secrets):
            raise WrongKey(rt.secrets.source)
    if not is_bound:
        with rt.writing() as session:
            sealed.bind_key(session, rt.secrets)
