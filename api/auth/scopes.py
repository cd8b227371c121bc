"""What tokens may allow: the words, and who gets which."""

from api.problems import InvalidParameter, forbidden, invalid
from txn_platform.users import SCOPES

DESCRIPTIONS = {
    "sales:read": "Read the sales marts and what is known about them.",
    "ingest:write": "Upload transaction files.",
    "products:read": "See the names of products on the dashboard.",
    "admin": "Everything else that an operator needs.",
}

Requested = frozenset[str] | None
"""None asks for everything that the user may have."""


def parse_scopes(text: str) -> Requested:
    """The scopes in a form's `scope`: words with spaces between them.

    Raises:
        ProblemError: 422 for a word that is no scope.
    """
    words = frozenset(text.split())
    if words - frozenset(SCOPES):
        reason = f"an unknown scope; accepted: {', '.join(SCOPES)}, separated by spaces"
        raise invalid(InvalidParameter("scope", "form", reason))
    return words or None


def granted(requested: Requested, allowed: frozenset[str]) -> frozenset[str]:
    """The requested scopes that are allowed; the others are left out.

    Raises:
        ProblemError: 403 when none is left.
    """
    scopes = allowed if requested is None else requested & allowed
    if not scopes:
        raise forbidden(" ".join(sorted(requested or SCOPES)))
    return scopes
