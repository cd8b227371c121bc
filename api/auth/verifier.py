"""From the text of a token to its principal, in microseconds where it was seen before."""

import time

from cachetools import LRUCache

from api.auth.principal import Principal
from api.auth.revocations import Revocations
from api.auth.tokens import BROWSER, LEEWAY_SECONDS, Audience, Claims, Tokens, refused
from api.problems import StoreAwayError

MAX_REMEMBERED = 4096

_Seen = tuple[Principal, int, int]


class Verifier:
    """Verifies the tokens of one audience.

    A signature is checked once for each token; times and revocation each time.
    """

    def __init__(self, tokens: Tokens, revocations: Revocations, audience: Audience) -> None:
        self._tokens = tokens
        self._revocations = revocations
        self._audience: Audience = audience
        self._seen: LRUCache[str, _Seen] = LRUCache(MAX_REMEMBERED)

    def principal(self, token: str) -> Principal:
        """Whom the token stands for.

        Raises:
            ProblemError: 401 for a token that can't be used; 503 as long as this process could
                not yet learn which tokens were revoked.
        """
        try:
            seen = self._seen[token]
        except KeyError:
            claims = self._tokens.read(token, self._audience)
            seen = (self._principal(claims), claims.not_before, claims.expires_at)
            self._seen[token] = seen
        principal, not_before, expires_at = seen
        now = time.time()
        if not not_before - LEEWAY_SECONDS <= now < expires_at + LEEWAY_SECONDS:
            raise refused()
        if principal.session_id in self._revocations:
            raise refused()
        if not self._revocations.loaded:
            raise StoreAwayError("postgres")
        return principal

    def _principal(self, claims: Claims) -> Principal:
        csrf = None
        if self._audience == BROWSER:
            # By the key of the token, so that open forms survive a rotation.
            csrf = claims.key.derived("forms of a session", claims.session_id).hex()
        return Principal(claims.username, claims.scopes, claims.session_id, csrf)
