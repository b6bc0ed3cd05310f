"""Rotation of the encryption key: a new key, and everything sealed anew with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from calsync import config, key_files
from calsync.errors import ConfigError, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import instance
from calsync.store import audit, sealed
from calsync.store.secrets import WrongKey, make_key

LOCK_FILE = "rotation.lock"


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets were sealed anew, whether a key was made, and how many older keys are still kept.

    `unreadable` secrets were left as they are: no key opens them, and their accounts have to reconnect.
    """

    secrets: int
    made_key: bool
    older_keys: int
    unreadable: int = 0


def rotate(rt: Runtime, *, drop_old: bool = False, by: Actor) -> Rotated:
    """Seal everything with the newest key, which is made first where the keys stand in a file.

    Where the environment holds the keys, put a new one before the others, restart, and call this. Other
    processes notice a new key in the file by themselves. Older keys stay in the file, because older backups
    need them; `drop_old` removes them at the end. It may be repeated after a crash. With nothing changed it
    raises WrongKey when the key at hand is not the database's, ConfigError when the key file cannot be replaced,
    and Refused (code `busy`) while another process rotates: one of two new keys would be lost, with what it sealed.
    """
    path = rt.settings.key_file
    if drop_old and path is None:
        raise ConfigError(config.env_name("encryption_keys"), "older keys are dropped by removing them there", "")
    with rt.reading() as session:
        if not sealed.key_fits(session, rt.secrets):
            raise WrongKey(rt.secrets.source)
    if path is None:
        count, unreadable = _seal_all(rt, by)
        return Rotated(count, False, 0, unreadable)
    with _alone(rt):
        _replace(path, (make_key(), *key_files.read(path)))
        rt.secrets.refresh()
        count, unreadable = _seal_all(rt, by)
        keys = key_files.read(path)
        if drop_old:
            _seal_all(rt, by)  # what others sealed before they saw the new key and saved after we had passed
            key_files.write(path, keys[:1])
            rt.secrets.refresh()
    return Rotated(count, True, 0 if drop_old else len(keys) - 1, unreadable)


@contextlib.contextmanager
def _alone(rt: Runtime) -> Iterator[None]:
    """Keep other processes of this installation from rotating meanwhile."""
    held = instance.locked(rt.settings.instance_dir / LOCK_FILE)
    if held is None:
        raise Refused("The encryption key is being rotated right now. Wait until that is done.", code="busy")
    with held:
        yield


def _replace(path: Path, keys: tuple[str, ...]) -> None:
    try:
        key_files.write(path, keys)
    except OSError as error:
        problem = f"{path} cannot be replaced ({error.strerror}): put a new key before the others in it yourself"
        raise ConfigError(
            config.env_name("encryption_keys"), problem, "(the output of: python -m calsync.config)"
        ) from error


def _seal_all(rt: Runtime, by: Actor) -> tuple[int, int]:
    """Seal everything with the newest key; return how many secrets that were, and how many no key opened."""
    lost: list[bytes] = []

    def anew(token: bytes) -> bytes:
        try:
            return rt.secrets.rotate(token)
        except WrongKey:
            lost.append(token)
            return token

    count = 0
    for column in sealed.columns():
        last, found = 0, sealed.BATCH
        while found == sealed.BATCH:
            with rt.writing() as session:
                last, found = sealed.reseal(session, column, last, anew)
            count += found
    with rt.writing() as session:
        count += sealed.reseal_settings(session, anew)
        sealed.bind_key(session, rt.secrets)
        facts = {"count": count - len(lost), "unreadable": len(lost)}
        audit.record(session, by, "encryption.rotated", ("instance", "1", ""), at=rt.now(), after=facts)
    return count - len(lost), len(lost)
