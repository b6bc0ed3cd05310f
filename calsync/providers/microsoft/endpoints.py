"""Where Microsoft is. Replaced as a whole by tests; nothing that a user gives ever changes a host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

COMMON, ORGANIZATIONS, CONSUMERS = "common", "organizations", "consumers"
"""Tenants that stand for many: everybody, every organisation, every personal account (contract section A1.1)."""

PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant in which all personal accounts are."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of Graph and of the sign-in, which has one for each tenant (contract sections A1.1 and A1.5)."""

    api: str = "https://graph.microsoft.com/v1.0"
    login: str = "https://login.microsoftonline.com"
    issuer: str = "https://login.microsoftonline.com"

    def authorize(self, tenant: str) -> str:
        return self._oauth(tenant, "oauth2/v2.0/authorize")

    def token(self, tenant: str) -> str:
        return self._oauth(tenant, "oauth2/v2.0/token")

    def keys(self, tenant: str) -> str:
        return self._oauth(tenant, "discovery/v2.0/keys")

    def discovery(self, tenant: str) -> str:
        return self._oauth(tenant, "v2.0/.well-known/openid-configuration")

    def admin_consent(self, tenant: str) -> str:
        """Return where an administrator allows us for everybody; it takes no tenant that stands for persons, too."""
        return self._oauth(ORGANIZATIONS if tenant in ("", COMMON, CONSUMERS) else tenant, "v2.0/adminconsent")

    def issuer_of(self, tenant_id: str) -> str:
        """Return who proves identities of a tenant (section A1.8)."""
        return f"{self.issuer}/{tenant_id}/v2.0"

    def _oauth(self, tenant: str, path: str) -> str:
        return f"{self.login}/{quote(tenant or COMMON, safe='')}/{path}"


MICROSOFT = Endpoints()


def at(base_url: str) -> Endpoints:
    """Return the addresses of a server that stands in for all of Microsoft's."""
    return Endpoints(api=f"{base_url}/v1.0", login=base_url)
