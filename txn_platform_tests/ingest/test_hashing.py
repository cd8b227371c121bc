import hashlib
import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.hashing import digests, hash_identifier, hashed, record_digest

KEYS = [None, b"k", "schlüssel".encode(), b"k" * 100]


def test_the_hash_of_the_sample_identifier_is_the_documented_one() -> None:
    expected = "e78d6e358171a045d54a628e52c664755d2003250e554d6490a2e3b5794d20a2"
    assert hash_identifier("T001", None) == expected


def test_with_a_key_the_hash_is_an_hmac() -> None:
    assert hash_identifier("T001", b"key") == hmac.new(b"key", b"T001", "sha256").hexdigest()


@pytest.mark.parametrize("key", KEYS)
def test_an_empty_identifier_stays_empty(key: bytes | None) -> None:
    assert hash_identifier("", key) == ""
    assert pl.Series("id", [""]).to_frame().select(hashed(pl.col("id"), key)).item() == ""


@given(values=st.lists(st.text(st.characters(codec="utf-8"))), key=st.sampled_from(KEYS))
def test_a_column_is_hashed_as_its_values_are(values: list[str], key: bytes | None) -> None:
    frame = pl.DataFrame({"id": values}, schema={"id": pl.String})
    expected = [hash_identifier(value, key) for value in values]
    assert frame.select(hashed(pl.col("id"), key))["id"].to_list() == expected


def test_a_missing_value_of_a_column_stays_missing() -> None:
    frame = pl.DataFrame({"id": [None, "a"]})
    assert frame.select(hashed(pl.col("id"), b"k"))["id"].to_list()[0] is None


@pytest.mark.parametrize("key", KEYS)
def test_a_record_hashed_in_pieces_has_the_hash_of_the_whole(key: bytes | None) -> None:
    digest = record_digest(key)
    for piece in (b"T1,\xff", b"", b"\0,10"):
        digest.update(piece)
    frame = pl.DataFrame({"record": [b"T1,\xff\0,10"]})
    assert frame.select(digests(pl.col("record"), key)).item() == digest.hexdigest()


def test_a_hash_is_64_lower_case_hex_digits() -> None:
    assert hash_identifier("é", None) == hashlib.sha256("é".encode()).hexdigest()


def test_the_key_shows_in_no_expression() -> None:
    assert "geheim" not in str(hashed(pl.col("id"), b"geheim"))
