"""The plain reading of a transaction file: Python's `csv`, the row contract, one row at a time.

It holds the whole file and shares no code with the engine but the contract's notations.
"""

import csv
import hashlib
import hmac
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from txn_platform.ingest.contract import Transaction, ineligibility, parse_row
from txn_platform.ingest.rules import IngestRules

REQUIRED = ("transaction_id", "product", "price", "quantity", "date")


class RefusedError(Exception):
    """The file as a whole is refused."""


@dataclass(frozen=True)
class Record:
    line: int
    offset: int
    content: bytes
    fields: list[str]

    @property
    def undecodable(self) -> bool:
        return "\0" in (text := "".join(self.fields)) or bool(re.search("[\udc80-\udcff]", text))


@dataclass(frozen=True)
class Reject:
    line: int
    reason: str
    fields: tuple[str, ...] | None
    unreadable: tuple[int, int, str] | None


@dataclass
class Outcome:
    accepted: list[tuple[str, str, Decimal, int, date]] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)
    eligible: int = 0


def read(data: bytes, rules: IngestRules, *, max_record_bytes: int = 10**9) -> Outcome:
    records = _records(data)
    header = next(records, None)
    outcome = Outcome()
    if header is None:
        return outcome
    names = [name.strip() for name in header.fields]
    if header.undecodable or any(names.count(column) != 1 for column in REQUIRED):
        raise RefusedError
    seen: set[str] = set()
    for record in records:
        row = _judge(record, names, rules, max_record_bytes, seen)
        if isinstance(row, Transaction):
            hashed = _hash(row.transaction_id, rules.pii_hash_key)
            outcome.accepted.append((hashed, row.product, row.price, row.quantity, row.date))
            outcome.eligible += ineligibility(row, rules) is None
        else:
            outcome.rejected.append(_reject(record, row, names, rules))
    return outcome


def _judge(
    record: Record, names: list[str], rules: IngestRules, max_record_bytes: int, seen: set[str]
) -> Transaction | str:
    if record.undecodable:
        return "invalid_encoding"
    if len(record.fields) != len(names) or len(record.content) > max_record_bytes:
        return "wrong_field_count"
    fields = dict(zip(names, map(str.strip, record.fields), strict=True))
    row = parse_row({column: fields[column] for column in REQUIRED}, rules)
    if not isinstance(row, Transaction):
        return row
    if row.transaction_id in seen:
        return "duplicate_transaction_id"
    seen.add(row.transaction_id)
    return row if rules.trust_input else ineligibility(row, rules) or row


def _reject(record: Record, reason: str, names: list[str], rules: IngestRules) -> Reject:
    if reason in ("invalid_encoding", "wrong_field_count"):
        key = rules.pii_hash_key
        digest = (
            hashlib.sha256(record.content) if not key else hmac.new(key, record.content, "sha256")
        )
        unreadable = (record.offset, len(record.content), digest.hexdigest())
        return Reject(record.line, reason, None, unreadable)
    masked = tuple(
        _hash(value.strip(), rules.pii_hash_key)
        if name in rules.pii_fields or "\n" in value or "\r" in value
        else value
        for name, value in zip(names, record.fields, strict=True)
    )
    return Reject(record.line, reason, masked, None)


def _records(data: bytes) -> Iterator[Record]:
    csv.field_size_limit(2**31 - 1)
    bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    text = data[bom:].decode("utf-8", "surrogateescape")
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines)
    offset, read_lines = bom, 0
    for fields in reader:
        raw = "".join(lines[read_lines : reader.line_num]).encode("utf-8", "surrogateescape")
        if fields:
            content = re.sub(rb"(\r\n|\n|\r)\Z", b"", raw)
            yield Record(read_lines + 1, offset, content, fields)
        offset += len(raw)
        read_lines = reader.line_num


def _hash(value: str, key: bytes | None) -> str:
    if not value:
        return ""
    data = value.encode()
    return (hashlib.sha256(data) if not key else hmac.new(key, data, "sha256")).hexdigest()
