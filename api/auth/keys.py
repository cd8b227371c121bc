"""The secrets that sign tokens: a current one, and the previous one while it is being rotated."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeGuard

from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JWKError
from pydantic import SecretStr

from txn_platform.errors import ConfigurationError
from txn_platform.settings import KNOWN_DEFAULT_SECRETS, MIN_SECRET_LENGTH, Settings

ALGORITHM = "HS256"


@dataclass(frozen=True)
class SigningKey:
    """One secret, and what is derived from it.

    Attributes:
        key_id: Names the secret in a token's header without telling anything about it.
        key: Signs and verifies tokens.
    """

    key_id: str
    key: Key = field(repr=False, compare=False)
    _secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "SigningKey":
        """The key made of a secret.

        Raises:
            ConfigurationError: for the text of a public or private key.
        """
        try:
            key = jwk.construct(secret, ALGORITHM)
        except JWKError:
            raise ConfigurationError(
                "JWT_SECRET: got the text of a public or private key; accepted: random text",
                remedy="Make one with `openssl rand -base64 48`.",
            ) from None
        raw = secret.encode()
        return cls(_derived(raw, "key id").hex()[:16], key, raw)

    def derived(self, purpose: str, value: str) -> bytes:
        """A code (32 bytes) that only holders of the secret can compute, for one purpose."""
        return hmac.digest(_derived(self._secret, purpose), value.encode(), "sha256")


@dataclass(frozen=True)
class Keys:
    """What signs tokens, and what still verifies them."""

    current: SigningKey
    previous: SigningKey | None = None

    def named(self, key_id: object) -> SigningKey | None:
        """The key of that name, or None when it is not, or no longer, in use."""
        for key in (self.current, self.previous):
            if key is not None and key.key_id == key_id:
                return key
        return None


def load_keys(settings: Settings) -> Keys:
    """The keys of these settings.

    In the local profile a secret that is missing, short or a published default is replaced by
    a generated one that the state directory keeps.

    Raises:
        ConfigurationError: when a profile other than `local` has no secret.
    """
    previous = settings.jwt_secret_previous
    return Keys(
        current=SigningKey.of(_current(settings)),
        previous=SigningKey.of(previous.get_secret_value()) if _is_strong(previous) else None,
    )


def _current(settings: Settings) -> str:
    given = settings.jwt_secret
    if _is_strong(given):
        return given.get_secret_value()
    if settings.profile != "local":
        raise ConfigurationError(
            f"JWT_SECRET: got none; accepted: a random secret of at least {MIN_SECRET_LENGTH} "
            f"characters in the {settings.profile} profile",
            remedy="Make one with `openssl rand -base64 48`, the same for all replicas.",
        )
    from txn_platform.services.kept_secret import kept_secret  # noqa: PLC0415 - never in gcp

    return kept_secret(settings.home, "jwt_secret")


def _is_strong(secret: SecretStr | None) -> TypeGuard[SecretStr]:
    value = secret.get_secret_value() if secret else ""
    return len(value) >= MIN_SECRET_LENGTH and value not in KNOWN_DEFAULT_SECRETS


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.new(secret, f"txn_platform {purpose}".encode(), sha256).digest()
