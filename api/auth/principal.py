"""The authenticated user of a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose token or session was verified.

    Attributes:
        username: Name in the user directory.
        scopes: What the token allows; never more than the user has.
        session_id: The login that the token descends from; revoking it ends all of its tokens.
        csrf_token: What forms of a browser session must carry; None for a bearer token.
    """

    username: str
    scopes: frozenset[str]
    session_id: str
    csrf_token: str | None = None
