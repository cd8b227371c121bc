"""How numbers, dates and products are written for people."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

MINUS = "\N{MINUS SIGN}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
TOKEN_LENGTH = 8

_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
# The default context has 28 digits; totals have up to 38.
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_SPANS = (
    (timedelta(days=2), timedelta(days=1), "day"),
    (timedelta(hours=2), timedelta(hours=1), "hour"),
    (timedelta(minutes=2), timedelta(minutes=1), "minute"),
)


def cents(amount: Decimal) -> Decimal:
    """The amount with two decimals; half a cent rounds up, as in the exported files."""
    return _EXACT.quantize(amount, _CENT)


def money(amount: Decimal) -> str:
    """For example `1,234,567.80`. No currency: the data names none."""
    return f"{cents(amount):,}"


def count(number: int) -> str:
    """For example `12,345`."""
    return f"{number:,}"


def signed(number: Decimal | int) -> str:
    """A difference with its sign, for example `+1,234.50`."""
    sign = "+" if number > 0 else MINUS if number < 0 else "±"
    return sign + (money(abs(number)) if isinstance(number, Decimal) else count(abs(number)))


def percentage(change: Decimal | int, of: Decimal | int) -> str | None:
    """A change as a share of what it started from, for example `+5.2 %`; None from nothing."""
    if not of:
        return None
    share = _EXACT.divide(Decimal(change) * 100, Decimal(of))
    rounded = _EXACT.quantize(abs(share), _TENTH)
    sign = "±" if not rounded else "+" if share > 0 else MINUS
    return f"{sign}{rounded:,}{NARROW_SPACE}%"


def month_value(month: date) -> str:
    """A month as addresses write it: `2023-10`."""
    return month.isoformat()[:7]


def month_label(month: date) -> str:
    """A month in little room: `Oct 2023`."""
    return f"{month:%b %Y}"


def month_title(month: date) -> str:
    """A month as a heading: `October 2023`."""
    return f"{month:%B %Y}"


def following_month(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def preceding_month(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def moment(instant: datetime) -> str:
    """A point in time, in UTC, to the minute."""
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def ago(instant: datetime, now: datetime) -> str:
    """How long ago something was: `12 minutes ago`, `just now`."""
    passed = now - instant
    for least, span, name in _SPANS:
        if passed >= least:
            return f"{passed // span} {name}s ago"
    return "a minute ago" if passed >= timedelta(minutes=1) else "just now"


def product_token(product: str) -> str:
    """What stands for a product's name where it may not be shown."""
    return hashlib.sha256(product.encode()).hexdigest()[:TOKEN_LENGTH]
