"""Encryption of what stands in sealed columns. The keys live outside the database.

Fernet is AES-128-CBC with HMAC-SHA256: what was changed or sealed with another key is refused, never
decrypted to something else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from calsync import key_files
from calsync.config import Settings
from calsync.errors import CalsyncError


class WrongKey(CalsyncError):
    """No key at hand opens what is sealed in the database. `source` says where the keys came from."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(
            f"The encryption key in {source} does not fit this database. Put the key that it was encrypted "
            "with back there; without it stored passwords and tokens cannot be read, and every account must "
            "reconnect."
        )


def from_settings(settings: Settings) -> Secrets:
    """Return the secrets of this process; keys in a file are read again when it has changed."""
    path = settings.key_file
    if path is None:
        return Secrets(settings.key_texts, settings.encryption_source)
    read = functools.partial(key_files.read, path)
    return Secrets(settings.key_texts, settings.encryption_source, read, functools.partial(key_files.stamp, path))


def make_key() -> str:
    """Return a new key: 32 random bytes in url-safe base64."""
    return Fernet.generate_key().decode()


class Secrets:
    """Seals with the first key, unseals with any of them. Safe to share between threads.

    `source` names the place of the keys in messages. Where another process may rotate them, `reread` returns the
    keys as they are now and `stamp` something that differs when they have changed: it is compared before each
    sealing, so that nothing is sealed with a key that is about to be dropped.
    """

    def __init__(
        self,
        keys: Sequence[str],
        source: str = "CALSYNC_ENCRYPTION_KEYS",
        reread: Callable[[], Sequence[str]] | None = None,
        stamp: Callable[[], object] = lambda: None,
    ) -> None:
        self.source = source
        self._reread = reread
        self._stamp = stamp
        self._seen = stamp()
        self._take(keys)

    def _take(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(key) for key in self._keys])

    def __repr__(self) -> str:
        return f"Secrets({len(self._keys)} keys from {self.source})"

    def seal(self, text: str) -> bytes:
        """Return `text` encrypted with the newest key."""
        if self._stamp() != self._seen:
            self.refresh()
        return self._fernet.encrypt(text.encode())

    def unseal(self, token: bytes) -> str:
        """Return what was sealed. Raises WrongKey when no key fits or the token was changed."""
        return self._with_known_key(lambda fernet: fernet.decrypt(token)).decode()

    def rotate(self, token: bytes) -> bytes:
        """Return the same secret sealed with the newest key. Raises WrongKey as `unseal` does."""
        return self._with_known_key(lambda fernet: fernet.rotate(token))

    def refresh(self) -> None:
        """Take the keys as they are at their source now."""
        if self._reread is not None:
            self._seen = self._stamp()
            self._take(self._reread())

    def _with_known_key(self, work: Callable[[MultiFernet], bytes]) -> bytes:
        try:
            return work(self._fernet)
        except InvalidToken:
            pass
        known = self._keys
        self.refresh()
        if known == self._keys:
            raise WrongKey(self.source)
        try:
            return work(self._fernet)
        except InvalidToken as error:
            raise WrongKey(self.source) from error
