"""The signing key of an emulated identity provider: id_tokens with RS256, and what is published to prove them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

Resource = dict[str, Any]

LASTS_S = 3600


class Signer:
    """One RSA key pair, made when first needed, and what is published about it."""

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def _key(self) -> RSAKey:
        pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return RSAKey.import_key(pem)

    @cached_property
    def key_id(self) -> str:
        return hashlib.sha256(self._key.as_pem(private=False)).hexdigest()[:40]

    def sign(self, claims: Resource) -> str:
        """Return a compact JWT."""
        header = {"alg": "RS256", "kid": self.key_id, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=["RS256"])

    def read(self, token: str) -> Resource:
        """Return the claims of a token that this key signed; raises joserfc errors otherwise."""
        return jwt.decode(token, self._key, algorithms=["RS256"]).claims

    def jwks(self) -> Resource:
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def certificates(self) -> Resource:
        """Return self-signed PEM certificates by key id, as the older of Google's endpoints has them."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._private.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
            .sign(self._private, hashes.SHA256())
        )
        return {self.key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}


SIGNER = Signer()
"""One per process: making a key takes longer than most tests."""


def at_hash(access_token: str) -> str:
    """Return the left half of the token's SHA-256, base64url (OpenID Connect Core section 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")
