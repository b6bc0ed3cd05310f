"""Where Google is. Replaced as a whole by tests; nothing that a user gives ever changes an address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the API and of the sign-in (contract sections 1.1 and 2)."""

    api: str = "https://www.googleapis.com/calendar/v3"
    batch: str = "https://www.googleapis.com/batch/calendar/v3"
    authorize: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
    revoke: str = "https://oauth2.googleapis.com/revoke"
    tokeninfo: str = "https://oauth2.googleapis.com/tokeninfo"
    keys: str = "https://www.googleapis.com/oauth2/v3/certs"
    discovery: str = "https://accounts.google.com/.well-known/openid-configuration"
    issuers: tuple[str, ...] = ("https://accounts.google.com", "accounts.google.com")


GOOGLE = Endpoints()


def at(base_url: str) -> Endpoints:
    """Return the addresses of a server that stands in for all of Google's."""
    return Endpoints(
        api=f"{base_url}/calendar/v3",
        batch=f"{base_url}/batch/calendar/v3",
        authorize=f"{base_url}/o/oauth2/v2/auth",
        token=f"{base_url}/token",
        revoke=f"{base_url}/revoke",
        tokeninfo=f"{base_url}/tokeninfo",
        keys=f"{base_url}/oauth2/v3/certs",
        discovery=f"{base_url}/.well-known/openid-configuration",
    )
