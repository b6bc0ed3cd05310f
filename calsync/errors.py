"""Every error that Calsync raises on purpose, as one tree.

Errors carry facts as attributes and build their message from them. The words that people read are written at the
edges (`webapp/errors.py`, `webapp/cli`); nothing here knows a page or a command.
"""

from __future__ import annotations

from datetime import datetime


class CalsyncError(Exception):
    """The root. Catch it at the edges only."""


class NotFound(CalsyncError):
    """There is no such row, or the asker may not know that there is one."""

    def __init__(self, kind: str, id: object) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"no {kind} {id}")


class NotAllowed(CalsyncError):
    """The asker is known and may not do this."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"not allowed: {action}")


class Refused(CalsyncError):
    """A rule says no. `reason` is a whole sentence for people; `code` is stable for programs.

    `field` names the form field or option the reason belongs to, or is None.
    """

    def __init__(self, reason: str, *, code: str = "refused", field: str | None = None) -> None:
        self.reason, self.code, self.field = reason, code, field
        super().__init__(reason)


class ConfigError(CalsyncError):
    """A setting of the process cannot be used, or the file of settings (then without an example). Start-up ends with
    this message.
    """

    def __init__(self, setting: str, problem: str, example: str = "") -> None:
        self.setting, self.problem, self.example = setting, problem, example
        super().__init__(f"{setting}: {problem}." + (f" Example: {setting}={example}" if example else ""))


class ProviderError(CalsyncError):
    """A provider said no, or said nothing. Recorded on the step or on the account."""


class Unavailable(ProviderError):
    """Try again later: network, timeout, 5xx.

    `after_s` is what the provider asked for, None when it did not say. `is_in_doubt` is True when a write may have
    taken effect although no answer came. `is_timeout` is True when nothing answered in time.
    """

    def __init__(
        self, detail: str, after_s: float | None = None, *, is_in_doubt: bool = False, is_timeout: bool = False
    ) -> None:
        self.detail, self.after_s = detail, after_s
        self.is_in_doubt, self.is_timeout = is_in_doubt, is_timeout
        super().__init__(detail)


class RateLimited(ProviderError):
    """Try again, but not before `until` (aware UTC)."""

    def __init__(self, until: datetime, detail: str = "") -> None:
        self.until, self.detail = until, detail
        super().__init__(f"rate limited until {until:%Y-%m-%d %H:%M:%SZ}")


class SignInNeeded(ProviderError):
    """The grant is dead: stop the account and ask its owner to reconnect.

    `why` is a short code (`wrong_password`, `invalid_grant`, `scope_lost`, ...); `detail` the provider's words.
    """

    def __init__(self, why: str, detail: str = "") -> None:
        self.why, self.detail = why, detail
        super().__init__(f"sign-in needed: {why}")


class CursorExpired(ProviderError):
    """The provider no longer knows the cursor: read everything now and compare with the mirror."""


class VersionMismatch(ProviderError):
    """The resource is no longer at the version the write was planned against: re-read and decide again."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        super().__init__(f"{handle} changed since it was read")


class Rejected(ProviderError):
    """The provider will never accept this request as it is: 400, 403, validation.

    `code` is one of `permission`, `not_found`, `invalid`, `duplicate`, `too_large`, `quota`, `unsupported`;
    `detail` is the provider's own words, without secrets.
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")
