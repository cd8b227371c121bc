"""Signed tokens: made for one audience, and refused unless every part is as it was made."""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal, cast

from jose import JWTError, jwt
from jose.utils import base64url_decode, base64url_encode

from api.auth.keys import ALGORITHM, Keys, SigningKey
from api.problems import ProblemError, unauthorized

ISSUER = "txn_platform"
LEEWAY_SECONDS = 5
"""How far the clocks of two replicas may differ."""
MAX_TOKEN_LENGTH = 2048
_SEGMENTS = 3

Audience = Literal["txn_platform.api", "txn_platform.browser"]
API: Audience = "txn_platform.api"
BROWSER: Audience = "txn_platform.browser"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says.

    Attributes:
        username: Whom it was made for.
        scopes: What it allows.
        session_id: The login that it descends from.
        not_before, expires_at: Half-open time of validity, in seconds since 1970.
        key: The key that signed it.
    """

    username: str
    scopes: frozenset[str]
    session_id: str
    not_before: int
    expires_at: int
    key: SigningKey


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def issue(
        self,
        audience: Audience,
        username: str,
        scopes: frozenset[str],
        session_id: str,
        lifetime_seconds: int,
    ) -> str:
        """A token that is valid from now on, signed with the current key."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": username,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_seconds,
            "jti": secrets.token_urlsafe(16),
            "sid": session_id,
            "scope": " ".join(sorted(scopes)),
        }
        key = self._keys.current
        return jwt.encode(claims, key.key, ALGORITHM, headers={"kid": key.key_id})

    def read(self, token: str, audience: Audience) -> Claims:
        """What a token says, once its signature, times and addressee have proved right.

        Raises:
            ProblemError: 401, in the same words whatever was wrong.
        """
        try:
            key = self._key(token)
            # Types are checked by python-jose (aud, iss, sub, jti, times) and by `_claims`.
            said = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                options={
                    **{f"require_{name}": True for name in _REQUIRED},
                    "leeway": LEEWAY_SECONDS,
                },
            )
            return _claims(said, key)
        except (JWTError, ValueError, OverflowError, _RefusedError):
            # python-jose lets numbers pass that it can't convert, such as an infinite time.
            raise refused() from None

    def session_of(self, token: str, audience: Audience) -> str | None:
        """The session of a valid token, else None."""
        try:
            return self.read(token, audience).session_id
        except ProblemError:
            return None

    def _key(self, token: str) -> SigningKey:
        """The key that the header names; a header with anything unexpected in it is refused."""
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise _RefusedError
        segments = token.split(".")
        if len(segments) != _SEGMENTS or not _is_canonical(segments[-1]):
            raise _RefusedError
        header = jwt.get_unverified_header(token)
        key = self._keys.named(header.get("kid"))
        if key is None or header != {"alg": ALGORITHM, "typ": "JWT", "kid": key.key_id}:
            raise _RefusedError
        return key


_REQUIRED = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")


class _RefusedError(Exception):
    """Something about the token is wrong; nobody is told what."""


def refused() -> ProblemError:
    """401 for a token that can't be used, whatever the reason."""
    return unauthorized("The token is invalid, expired or revoked; sign in again.")


def _claims(said: dict[str, Any], key: SigningKey) -> Claims:
    session_id, scope = said.get("sid"), said.get("scope")
    times = [said["iat"], said["nbf"], said["exp"]]
    if not (isinstance(session_id, str) and session_id and isinstance(scope, str)):
        raise _RefusedError
    if not (said["sub"] and said["jti"]) or any(type(when) is not int for when in times):
        raise _RefusedError
    return Claims(
        username=cast("str", said["sub"]),
        scopes=frozenset(scope.split()),
        session_id=session_id,
        not_before=said["nbf"],
        expires_at=said["exp"],
        key=key,
    )


def _is_canonical(signature: str) -> bool:
    """Whether it is the one way to write these bytes: Python's decoder skips what it can't read."""
    try:
        return base64url_encode(base64url_decode(signature.encode())) == signature.encode()
    except ValueError:
        return False
