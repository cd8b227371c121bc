"""What the address asks for: a month and a product."""

import re
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict

from api.dashboard.figures import month_value
from api.problems import InvalidParameter

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MOST_NAME_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Selection:
    """Valid parameters; those that can't be used are None and listed.

    Attributes:
        month: First day of the month; None for the latest.
        product: Name or token; None for all products.
        faults: What was wrong with the parameters, without their values.
    """

    month: date | None = None
    product: str | None = None
    faults: tuple[InvalidParameter, ...] = ()

    @property
    def query(self) -> str:
        """The valid parameters as the end of an address: `?month=2023-10`, or nothing."""
        return address_query(self.month, self.product)


def address_query(month: date | None, product: str | None) -> str:
    """The end of an address that selects a month and a product; empty for neither."""
    values = {"month": month_value(month) if month else None, "product": product}
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def read_selection(parameters: ImmutableMultiDict[str, str]) -> Selection:
    """Validate `month` and `product`; an empty value is the same as none."""
    faults: list[InvalidParameter] = []
    month = _single("month", parameters, faults)
    product = _single("product", parameters, faults)
    return Selection(
        month=_month(month, faults) if month else None,
        product=_product(product, faults) if product else None,
        faults=tuple(faults),
    )


def _single(
    name: str, parameters: ImmutableMultiDict[str, str], faults: list[InvalidParameter]
) -> str | None:
    values = parameters.getlist(name)
    if len(values) > 1:
        faults.append(InvalidParameter(name, "query", "given more than once"))
        return None
    return values[0].strip() if values else None


def _month(text: str, faults: list[InvalidParameter]) -> date | None:
    matched = _MONTH.fullmatch(text)
    # Neighbours of the first and the last month that dates can hold don't exist.
    if matched and date.min.year < int(matched[1]) < date.max.year:
        return date(int(matched[1]), int(matched[2]), 1)
    faults.append(
        InvalidParameter("month", "query", "not a month; accepted: YYYY-MM, such as 2023-10")
    )
    return None


def _product(text: str, faults: list[InvalidParameter]) -> str | None:
    if len(text) <= _MOST_NAME_CHARACTERS and text.isprintable():
        return text
    faults.append(
        InvalidParameter("product", "query", "not a product; accepted: one from the list")
    )
    return None
