"""The rules at work: each chunk of records becomes accepted rows and rejected records."""

from dataclasses import dataclass

import polars as pl

from txn_platform.config import CONTRACT_COLUMNS
from txn_platform.ingest.duplicates import SeenIds
from txn_platform.ingest.formats import WHITE_SPACE, Reason
from txn_platform.ingest.hashing import hashed
from txn_platform.ingest.header import REJECT_COLUMNS, Header
from txn_platform.ingest.records import UNREADABLE_SCHEMA, Records
from txn_platform.ingest.rules import (
    IngestRules,
    business_reason,
    eligible_expr,
    schema_reason,
    typed_columns,
)


@dataclass(frozen=True)
class Screened:
    """What the rules made of some records.

    Attributes:
        accepted: Hashed rows in the contract's columns, in file order.
        rejected: line, reason, the file's own columns, masked, and what is known of a record
            without fields; by line.
        eligible: Accepted rows that belong in the marts.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    eligible: int


class Screen:
    """Applies the rules to a file's records; remembers the identifiers for its whole length."""

    def __init__(self, header: Header, rules: IngestRules) -> None:
        self._header = header
        self._rules = rules
        self._seen = SeenIds()

    def __call__(self, records: Records) -> Screened:
        """Judge the next records of the file."""
        judged = self._parse(records.fields).with_columns(reason=schema_reason(self._rules))
        malformed = judged.filter(pl.col("reason").is_not_null()).select("row", "reason")
        rows = self._judge_rows(self._hash(judged.filter(pl.col("reason").is_null())))
        refused = rows.filter(pl.col("reason").is_not_null()).select("row", "reason")
        accepted = rows.filter(pl.col("reason").is_null()).select(CONTRACT_COLUMNS)
        at_fault = pl.concat([malformed, refused])
        masked = self._mask(records.fields[at_fault["row"]].with_columns(at_fault["reason"]))
        return Screened(
            accepted,
            pl.concat([masked, records.unreadable], how="diagonal")
            .select(rejects_schema(self._header).names())
            .sort("line"),
            accepted.select(eligible_expr(self._rules).sum()).item(),
        )

    def _parse(self, fields: pl.DataFrame) -> pl.DataFrame:
        """The contract's columns as stripped text, their values beside them."""
        texts = [
            pl.col(str(self._header.names.index(column))).pipe(_stripped).alias(column)
            for column in CONTRACT_COLUMNS
        ]
        row = pl.int_range(pl.len()).alias("row")
        return fields.select(row, *texts).with_columns(typed_columns())

    def _hash(self, parsed: pl.DataFrame) -> pl.DataFrame:
        """Rows of values with a hash for an identifier."""
        return parsed.select(
            "row",
            hashed(pl.col("transaction_id"), self._rules.pii_hash_key),
            "product",
            pl.col("price_value").alias("price"),
            pl.col("quantity_value").alias("quantity"),
            pl.col("date_value").alias("date"),
        )

    def _judge_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What can only be said of rows that are in order by themselves."""
        duplicate = pl.lit(Reason.DUPLICATE_TRANSACTION_ID.value)
        kept_anyway = pl.lit(None, pl.String)
        reason = kept_anyway if self._rules.trust_input else business_reason(self._rules)
        first = self._seen.first_sightings(rows["transaction_id"])
        return rows.with_columns(reason=pl.when(~first).then(duplicate).otherwise(reason))

    def _mask(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """The file's own columns as they were read, less what may identify someone."""
        masked = map(self._masked, range(self._header.width), self._header.names)
        columns = zip(masked, self._header.unique_names, strict=True)
        return rejected.select(*REJECT_COLUMNS, *(field.alias(name) for field, name in columns))

    def _masked(self, position: int, name: str) -> pl.Expr:
        field, key = pl.col(str(position)), self._rules.pii_hash_key
        if name in self._rules.pii_fields:
            return hashed(_stripped(field), key)
        # After a quote in the wrong place a field may hold the next record, identifier and all.
        swallowing = field.str.contains(r"[\r\n]")
        swallowed = pl.when(swallowing).then(_stripped(field))
        return pl.when(swallowing).then(hashed(swallowed, key)).otherwise(field)


def rejects_schema(header: Header) -> pl.Schema:
    """Columns of the rejects of a file.

    line and reason, the file's own columns, then those that stand for a record whose fields
    can't be told.
    """
    own = dict.fromkeys(header.unique_names, pl.String())
    return pl.Schema({"line": pl.Int64(), "reason": pl.String(), **own, **dict(UNREADABLE_SCHEMA)})


def _stripped(field: pl.Expr) -> pl.Expr:
    return field.str.strip_chars(WHITE_SPACE)
