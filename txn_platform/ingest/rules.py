"""The row rules as Polars expressions: a whole chunk of records at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Self

import polars as pl

from txn_platform.errors import ConfigurationError
from txn_platform.ingest.formats import (
    DATE_PATTERN,
    INT32_MAX,
    INT32_MIN,
    MAX_ID_LENGTH,
    MAX_PRODUCT_LENGTH,
    MISSING,
    PRICE_DIGITS,
    PRICE_PATTERN,
    PRICE_SCALE,
    QUANTITY_PATTERN,
    Reason,
)
from txn_platform.ingest.hashing import hash_identifier
from txn_platform.settings import Settings


@dataclass(frozen=True)
class IngestRules:
    """What decides about a row; plain values, so that a landing can be repeated exactly.

    Attributes:
        required_fields: Columns that must not be empty, in the order in which they are checked.
        pii_fields: Columns whose values are hashed wherever they are kept.
        min_price: Lowest price of a row that is eligible for the marts.
        max_quantity: Highest quantity of such a row.
        product_prefix: What the product of such a row starts with.
        max_decimals: Most decimals of such a row's price, trailing zeros aside.
        trust_input: False rejects rows that are not eligible; True keeps them.
        earliest: First accepted sale date.
        end: First sale date that is too late, where the partitions end.
        today: Last accepted sale date (UTC).
        pii_hash_key: Key of HMAC-SHA-256, UTF-8; None hashes with SHA-256.
    """

    required_fields: tuple[str, ...]
    pii_fields: tuple[str, ...]
    min_price: Decimal
    max_quantity: int
    product_prefix: str
    max_decimals: int
    trust_input: bool
    earliest: date
    end: date | None
    today: date
    pii_hash_key: bytes | None = field(default=None, repr=False)

    @property
    def hashing(self) -> str:
        """How identifiers are hashed: the same transaction under another key looks like another."""
        if self.pii_hash_key is None:
            return "sha256"
        return f"hmac-sha256:{hash_identifier('txn_platform', self.pii_hash_key)[:8]}"

    @classmethod
    def from_settings(cls, settings: Settings, today: date) -> Self:
        """The rules that the settings state, for a landing on `today` (UTC).

        Raises:
            ConfigurationError: when PII_HASH_KEY is not text.
        """
        ingestion = settings.config.ingestion
        orchestration = settings.config.orchestration
        return cls(
            required_fields=ingestion.validation.required_fields,
            pii_fields=settings.config.security.pii_fields,
            min_price=ingestion.validation.min_price,
            max_quantity=ingestion.validation.max_quantity,
            product_prefix=ingestion.validation.product_prefix,
            max_decimals=ingestion.validation.max_decimals,
            trust_input=ingestion.trust_input,
            earliest=orchestration.partitions_start,
            end=orchestration.partitions_end,
            today=today,
            pii_hash_key=_key_bytes(settings),
        )


def typed_columns() -> list[pl.Expr]:
    """price, quantity and date as values, null where the text is in no accepted notation.

    The pattern decides, the cast only converts: a cast alone would take `1e3` for a price.
    """
    price, quantity, day = pl.col("price"), pl.col("quantity"), pl.col("date")
    number = quantity.cast(pl.Int64, strict=False)
    calendar_day = day.str.to_date("%Y-%m-%d", strict=False)
    return [
        price.cast(pl.Decimal(PRICE_DIGITS, PRICE_SCALE), strict=False)
        .pipe(_where, price.str.contains(f"^{PRICE_PATTERN}$"))
        .alias("price_value"),
        number.pipe(_where, quantity.str.contains(f"^{QUANTITY_PATTERN}$"))
        .pipe(_where, number.is_between(INT32_MIN, INT32_MAX))
        .alias("quantity_value"),
        calendar_day.pipe(_where, day.str.contains(f"^{DATE_PATTERN}$"))
        .pipe(_where, calendar_day.dt.year() >= 1)
        .alias("date_value"),
    ]


def schema_reason(rules: IngestRules) -> pl.Expr:
    """Why a row fails the schema tier, null when it passes; duplicates aside.

    Expects stripped text in the contract's columns, and `typed_columns` beside them.
    """
    return _first_reason(_schema_faults(rules))


def business_reason(rules: IngestRules) -> pl.Expr:
    """Why a row is not eligible for the marts, null when it is.

    Expects a text column product, a decimal column price and an integer column quantity.
    """
    return _first_reason(_business_faults(rules))


def eligible_expr(rules: IngestRules) -> pl.Expr:
    """Whether a row with typed product, price and quantity belongs in the marts."""
    return ~pl.any_horizontal([fault for _, fault in _business_faults(rules)])


def _schema_faults(rules: IngestRules) -> Iterator[tuple[Reason, pl.Expr]]:
    for column in rules.required_fields:
        yield MISSING[column], pl.col(column) == ""
    yield (
        Reason.VALUE_TOO_LONG,
        (pl.col("transaction_id").str.len_chars() > MAX_ID_LENGTH)
        | (pl.col("product").str.len_chars() > MAX_PRODUCT_LENGTH),
    )
    yield Reason.INVALID_PRICE, pl.col("price_value").is_null()
    yield Reason.INVALID_QUANTITY, pl.col("quantity_value").is_null()
    day = pl.col("date_value")
    yield Reason.INVALID_DATE, day.is_null()
    too_late = day > rules.today if rules.end is None else (day > rules.today) | (day >= rules.end)
    yield Reason.DATE_OUT_OF_RANGE, (day < rules.earliest) | too_late


def _business_faults(rules: IngestRules) -> Iterator[tuple[Reason, pl.Expr]]:
    price = pl.col("price")
    yield Reason.PRODUCT_PREFIX, ~pl.col("product").str.starts_with(rules.product_prefix)
    yield Reason.PRICE_TOO_LOW, (price < _money(rules.min_price)) | (price <= _money(Decimal(0)))
    yield Reason.PRICE_DECIMALS, price.round(rules.max_decimals) != price
    yield Reason.QUANTITY_OUT_OF_RANGE, ~pl.col("quantity").is_between(1, rules.max_quantity)


def _first_reason(faults: Iterator[tuple[Reason, pl.Expr]]) -> pl.Expr:
    return pl.coalesce([pl.when(fault).then(pl.lit(reason.value)) for reason, fault in faults])


def _where(values: pl.Expr, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(values)


def _money(value: Decimal) -> pl.Expr:
    """38 digits: `min_price` may have one integer digit more than a price holds."""
    return pl.lit(value, dtype=pl.Decimal(38, PRICE_SCALE))


def _key_bytes(settings: Settings) -> bytes | None:
    if settings.pii_hash_key is None:
        return None
    try:
        return settings.pii_hash_key.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            "PII_HASH_KEY: got bytes that are not UTF-8 text",
            remedy="Give the key as text, for example in hex or base64.",
        ) from None
