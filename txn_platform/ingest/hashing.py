"""Identifiers leave the ingest core only as hashes.

Lower-case hex, 64 characters: SHA-256 of the value's UTF-8 bytes, or HMAC-SHA-256 where a key
is set. An empty value stays empty, so that a missing identifier still shows as missing.
"""

import hashlib
import hmac
from typing import Protocol

import polars as pl
from polars_hash import CryptographicHashingNameSpace


class Digest(Protocol):
    """A hash that takes its input piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Take in the next piece."""
        ...

    def hexdigest(self) -> str:
        """The hash of all pieces so far, in lower-case hex."""
        ...


def hash_identifier(value: str, key: bytes | None) -> str:
    """The hash of one value, as every table holds it. `value` is stripped already."""
    if not value:
        return ""
    digest = record_digest(key)
    digest.update(value.encode())
    return digest.hexdigest()


def hashed(values: pl.Expr, key: bytes | None) -> pl.Expr:
    """`hash_identifier` of a String column; null stays null."""
    return pl.when(values == "").then(values).otherwise(digests(values, key))


def digests(values: pl.Expr, key: bytes | None) -> pl.Expr:
    """`record_digest` of each value of a String or Binary column."""
    functions = CryptographicHashingNameSpace(values)
    return functions.sha2_256() if key is None else functions.hmac_sha256(key=key.decode())


def record_digest(key: bytes | None) -> Digest:
    """A digest for a record that is too large to hold.

    Keyed like an identifier's: the plain hash of a short record could be found by trying.
    """
    return hashlib.sha256() if key is None else hmac.new(key, digestmod=hashlib.sha256)
