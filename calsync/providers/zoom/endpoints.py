"""Where Zoom is. Replaced as a whole by tests; nothing that a user gives ever changes an address.

Token answers name the region in which a person's data is (`api_url`). Calls go there if the address is one of Zoom's
known ones (contract section 18.4); the global one always works as well, so that no answer decides where tokens go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

REGIONS = ("api", "api-au", "api-ca", "api-eu", "api-in", "api-sa", "api-sg", "api-uk", "api-us")
"""Names of hosts of the API below zoom.us: the global one and its regions."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the API and of the sign-in (contract section 18.1)."""

    api: str = "https://api.zoom.us/v2"
    authorize: str = "https://zoom.us/oauth/authorize"
    token: str = "https://zoom.us/oauth/token"  # noqa: S105 (an address)
    revoke: str = "https://zoom.us/oauth/revoke"
    domains: tuple[str, ...] = ("zoom.us",)
    bases: tuple[str, ...] = tuple(f"https://{name}.zoom.us" for name in REGIONS)

    def of_region(self, api_url: str) -> Endpoints:
        """Return the addresses for a person whose token answer named this one; an unknown one changes nothing."""
        base = api_url.rstrip("/")
        return replace(self, api=f"{base}/v2") if base in self.bases else self


ZOOM = Endpoints()


def at(base_url: str) -> Endpoints:
    """Return the addresses of a server that stands in for all of Zoom's."""
    return Endpoints(
        api=f"{base_url}/v2",
        authorize=f"{base_url}/oauth/authorize",
        token=f"{base_url}/oauth/token",
        revoke=f"{base_url}/oauth/revoke",
        domains=(),
        bases=(base_url,),
    )
