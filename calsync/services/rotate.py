"""Rotation of the encryption key: a new key, and everything sealed anew with it."""

from __future__ import annotations

from dataclasses import dataclass

from calsync import config, key_files
from calsync.errors import ConfigError
from calsync.runtime import Actor, Runtime
from calsync.store import audit, sealed
from calsync.store.secrets import WrongKey, make_key


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets were sealed anew, whether a key was made, and how many older keys are still kept."""

    secrets: int
    made_key: bool
    older_keys: int


def rotate(rt: Runtime, *, drop_old: bool = False, by: Actor) -> Rotated:
    """Seal everything with the newest key, which is made first where the keys stand in a file.

    Where the environment holds the keys, put a new one before the others, restart, and call this. Other
    processes notice a new key in the file by themselves. Older keys stay in the file, because older backups
    need them; `drop_old` removes them at the end. It may be repeated after a crash. Raises WrongKey before
    anything is changed when a secret cannot be read.
    """
    path = rt.settings.key_file
    if drop_old and path is None:
        raise ConfigError(config.env_name("encryption_keys"), "older keys are dropped by removing them there", "")
    with rt.reading() as session:
        if not sealed.key_fits(session, rt.secrets):
            raise WrongKey(rt.secrets.source)
    if path is not None:
        key_files.write(path, (make_key(), *key_files.read(path)))
        rt.secrets.refresh()
    count = _seal_all(rt, by)
    older = 0
    if path is not None:
        keys = key_files.read(path)
        if drop_old:
            key_files.write(path, keys[:1])
            rt.secrets.refresh()
        older = 0 if drop_old else len(keys) - 1
    return Rotated(count, path is not None, older)


def _seal_all(rt: Runtime, by: Actor) -> int:
    count = 0
    for column in sealed.columns():
        last, found = 0, sealed.BATCH
        while found == sealed.BATCH:
            with rt.writing() as session:
                last, found = sealed.reseal(session, column, last, rt.secrets.rotate)
            count += found
    with rt.writing() as session:
        count += sealed.reseal_settings(session, rt.secrets.rotate)
        sealed.bind_key(session, rt.secrets)
        thing = ("instance", "1", "")
        audit.record(session, by, "encryption.rotated", thing, at=rt.now(), after={"count": count})
    return count
