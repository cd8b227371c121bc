"""Forms of a few short fields, read in memory."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.requests import Request

from api.problems import InvalidParameter, ProblemError, invalid

FORM = "application/x-www-form-urlencoded"
MAX_LENGTH = 2048
_MAX_FIELDS = 100


class Form:
    """The fields that were filled in; the ones that nobody asks for are ignored (RFC 6749)."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def get(self, name: str, default: str = "", *, max_length: int = MAX_LENGTH) -> str:
        """What was filled in, or the default.

        Raises:
            ProblemError: 422 for a field that is given twice or too long.
        """
        values = self._fields.get(name, [default])
        if len(values) > 1:
            raise _invalid(name, "is given twice")
        if len(values[0]) > max_length:
            raise _invalid(name, f"may have at most {max_length} characters")
        return values[0]

    def required(self, name: str, *, max_length: int = MAX_LENGTH) -> str:
        """What was filled in.

        Raises:
            ProblemError: 422 for a field that is missing, given twice or too long.
        """
        value = self.get(name, max_length=max_length)
        if not value:
            raise _invalid(name, "is missing")
        return value


async def read_form(request: Request) -> Form:
    """The form in the body.

    Raises:
        ProblemError: 422 for another kind of body.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise invalid(InvalidParameter("Content-Type", "header", f"must be {FORM}"))
    body = await request.body()
    try:
        text = body.decode("ascii")
        return Form(parse_qs(text, errors="strict", max_num_fields=_MAX_FIELDS))
    except ValueError:
        reason = f"must be percent-encoded UTF-8 with at most {_MAX_FIELDS} fields"
        raise invalid(InvalidParameter("body", "body", reason)) from None


def _invalid(name: str, reason: str) -> ProblemError:
    return invalid(InvalidParameter(name, "form", reason))
