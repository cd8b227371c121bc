"""Types of query parameters: what they accept, word for word as OpenAPI says it.

pydantic alone accepts more than it documents (`1_000` and `5.0` for an integer, timestamps for a
date, `1e3` for a decimal), so each type first checks the text.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

MAX_LIMIT = 1000
MAX_OFFSET = 2**31 - 1
MAX_QUANTITY = 2**63 - 1
MAX_SORT_KEYS = 4

_INTEGER = r"^-?[0-9]{1,30}$"
_AMOUNT = r"^[0-9]{1,18}(\.[0-9]{1,6})?$"
_YEAR_AND_MONTH = r"^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

_MONTH_EXPECTED = "must be a month such as 2023-10, or a date in it such as 2023-10-31"
_DAY_EXPECTED = "must be a date such as 2023-10-31"


def _is(pattern: str, value: object) -> bool:
    # fullmatch: Python's `$` alone would let a final newline pass.
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _integer(value: object) -> object:
    if isinstance(value, str) and not _is(_INTEGER, value):
        raise ValueError("must be a whole number in plain digits")
    return value


def _amount(value: object) -> Decimal:
    if not _is(_AMOUNT, value):
        raise ValueError("must be a number from 0, such as 1234.50: at most 18 digits, 6 decimals")
    return Decimal(str(value))


def _day(value: object) -> date:
    if not _is(_DAY, value):
        raise ValueError(_DAY_EXPECTED)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(_DAY_EXPECTED) from None


def _month(value: object) -> date:
    if _is(_YEAR_AND_MONTH, value):
        return date.fromisoformat(f"{value}-01")
    try:
        return _day(value).replace(day=1)
    except ValueError:
        raise ValueError(_MONTH_EXPECTED) from None


ProductPrefix = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z0-9 ]*$")]
"""Letters, digits and spaces; empty for any product."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": _AMOUNT}),
]
"""Money from 0 in plain decimal notation, documented as text: a JSON number may be a float."""

Quantity = Annotated[int, Field(ge=0, le=MAX_QUANTITY), BeforeValidator(_integer)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_integer)]
Offset = Annotated[int, Field(ge=0, le=MAX_OFFSET), BeforeValidator(_integer)]

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]

Month = Annotated[
    date,
    BeforeValidator(_month),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _YEAR_AND_MONTH},
                {"type": "string", "format": "date"},
            ]
        }
    ),
]
"""The first day of the month that was named."""


@dataclass(frozen=True)
class Sorting:
    """Marks a text as columns to sort by, the most significant first, `-` for descending.

    Attributes:
        columns: Those to choose from.
    """

    columns: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """At most four of the columns, each once."""
        key = f"-?({'|'.join(self.columns)})"
        twice = r"(?!.*\b([a-z_]+)\b.*\b\1\b)"
        return f"^{twice}{key}(,{key}){{0,{MAX_SORT_KEYS - 1}}}$"

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": self.pattern}

    def _checked(self, value: str) -> str:
        if not _is(self.pattern, value):
            raise ValueError(
                f"must be one to {MAX_SORT_KEYS} of {', '.join(self.columns)}, each once, "
                "separated by commas, with '-' in front for descending"
            )
        return value


def sort_keys(text: str) -> list[tuple[str, bool]]:
    """The columns of a checked `sort` parameter, and whether each is descending."""
    return [(key.removeprefix("-"), key.startswith("-")) for key in text.split(",")]
