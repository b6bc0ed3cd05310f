"""Where Zoom is. Replaced as a whole by tests; nothing that a user gives ever changes an address.

Token answers name a regional host (`api_url`); the global one always works as well (contract section 18.4), so that
no answer decides where tokens go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the API and of the sign-in (contract section 18.1)."""

    api: str = "https://api.zoom.us/v2"
    authorize: str = "https://zoom.us/oauth/authorize"
    token: str = "https://zoom.us/oauth/token"  # noqa: S105 (an address)
    revoke: str = "https://zoom.us/oauth/revoke"
    domains: tuple[str, ...] = ("zoom.us",)


ZOOM = Endpoints()


def at(base_url: str) -> Endpoints:
    """Return the addresses of a server that stands in for all of Zoom's."""
    return Endpoints(
        api=f"{base_url}/v2",
        authorize=f"{base_url}/oauth/authorize",
        token=f"{base_url}/oauth/token",
        revoke=f"{base_url}/oauth/revoke",
        domains=(),
    )
