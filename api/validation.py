"""What pydantic found wrong with a request, in words for the person who wrote it."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.problems import InvalidParameter

_MAX_NAME = 100
_FALLBACK = "is not valid"

# By pydantic's type of error. Its own messages are written for programmers, and some repeat the
# value; `{}` takes what its context says is accepted, which comes from our own declarations.
_REASONS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "bytes_too_long": "may have at most {max_length} bytes",
    "date_from_datetime_inexact": "must be a date such as 2023-10-31",
    "date_from_datetime_parsing": "must be a date such as 2023-10-31",
    "date_parsing": "must be a date such as 2023-10-31",
    "date_type": "must be a date such as 2023-10-31",
    "datetime_from_date_parsing": "must be a time such as 2023-10-31T12:00:00Z",
    "datetime_parsing": "must be a time such as 2023-10-31T12:00:00Z",
    "decimal_max_digits": "may have at most {max_digits} digits",
    "decimal_max_places": "may have at most {decimal_places} decimals",
    "decimal_parsing": "must be a number such as 1234.50",
    "decimal_type": "must be a number such as 1234.50",
    "decimal_whole_digits": "may have at most {whole_digits} digits before the point",
    "dict_type": "must be a JSON object",
    "enum": "must be {expected}",
    "extra_forbidden": "is not a parameter here",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number such as 1234.50",
    "float_type": "must be a number such as 1234.50",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_type": "must be a whole number",
    "json_invalid": "must be valid JSON",
    "json_type": "must be valid JSON",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_pattern_mismatch": "has characters or a form that are not accepted",
    "string_too_long": "may have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "string_unicode": "must be UTF-8 text",
    "too_long": "may have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    # What a validator of ours says. Like every message of ours, it doesn't repeat the value.
    "assertion_error": "{error}",
    "value_error": "{error}",
}


def invalid_parameters(
    errors: Sequence[Mapping[str, Any]], *, body: str = "body"
) -> list[InvalidParameter]:
    """Each parameter at fault once, with the first thing that is wrong with it.

    Args:
        errors: As `RequestValidationError.errors()` returns them.
        body: What to call the body: `form` where it is one.
    """
    found: dict[tuple[str, str], InvalidParameter] = {}
    for error in errors:
        location, name = _place(error["loc"])
        parameter = InvalidParameter(name, body if location == "body" else location, _reason(error))
        found.setdefault((location, name), parameter)
    return list(found.values())


def _place(path: Sequence[str | int]) -> tuple[str, str]:
    location, *parts = (str(part) for part in path)
    if location != "body":
        # What follows the name says which alternative of its type or entry of it was tried.
        parts = parts[:1]
    elif not parts or isinstance(path[1], int):
        # The body as a whole, or a position in its text.
        parts = ["body"]
    return location, ".".join(parts)[:_MAX_NAME] or location


def _reason(error: Mapping[str, Any]) -> str:
    template = _REASONS.get(error["type"], _FALLBACK)
    try:
        return template.format_map(error.get("ctx") or {})
    except KeyError:
        return _FALLBACK
