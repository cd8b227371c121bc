"""Masking of rejected records, and rules that need more than one row."""

import hashlib
from dataclasses import replace
from pathlib import Path

import polars as pl

from txn_platform.ingest.hashing import hash_identifier
from txn_platform_tests.ingest.support import (
    GOOD,
    HEADER,
    RULES,
    STRICT,
    accepted_rows,
    csv_bytes,
    reasons,
    rejected_rows,
    stage_bytes,
)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_rejected_record_keeps_its_fields_as_they_were_but_for_the_identifier(
    tmp_path: Path,
) -> None:
    data = csv_bytes(" T9 , Halal ,x, 5,2023-10-01", "", '"T8","a ""b""",1e3,1,2023-10-01')
    rows = rejected_rows(stage_bytes(data, tmp_path)).rows()
    assert rows == [
        (2, "invalid_price", _sha("T9"), " Halal ", "x", " 5", "2023-10-01", None, None, None),
        (4, "invalid_price", _sha("T8"), 'a "b"', "1e3", "1", "2023-10-01", None, None, None),
    ]


def test_a_record_whose_fields_cannot_be_told_leaves_only_its_place_and_hash(
    tmp_path: Path,
) -> None:
    record = b"T8,\xff,1,1,2023-10-01"
    data = csv_bytes("T9,secret") + record + b"\r\n"
    rejected = rejected_rows(stage_bytes(data, tmp_path))
    place = rejected.select("line", "reason", "byte_offset", "byte_length").rows()
    assert place == [
        (2, "wrong_field_count", len(HEADER) + 1, 9),
        (3, "invalid_encoding", len(HEADER) + 11, len(record)),
    ]
    assert rejected["record_hash"].to_list() == [
        _sha("T9,secret"),
        hashlib.sha256(record).hexdigest(),
    ]
    assert rejected.select(HEADER.split(",")).null_count().row(0) == (2,) * 5


def test_a_field_that_may_have_swallowed_the_next_record_is_hashed(tmp_path: Path) -> None:
    swallowed = "x\nT8,Halal,10,1,2023-10-01\n"
    data = csv_bytes(f'T9,Halal,"{swallowed}",1,2023-10-01')
    rejected = rejected_rows(stage_bytes(data, tmp_path))
    assert rejected["reason"].item() == "invalid_price"
    assert rejected["price"].item() == _sha(swallowed.strip())


def test_columns_that_the_configuration_calls_personal_are_hashed_too(tmp_path: Path) -> None:
    rules = replace(RULES, pii_fields=("transaction_id", "email"), pii_hash_key=b"key")
    data = csv_bytes("T9,Halal,x,1,2023-10-01, a@b ,kept", header=HEADER + ", email,note")
    rejected = rejected_rows(stage_bytes(data, tmp_path, rules))
    assert rejected["email"].item() == hash_identifier("a@b", b"key")
    assert rejected["transaction_id"].item() == hash_identifier("T9", b"key")
    assert rejected["note"].item() == "kept"


def test_with_a_key_undecodable_records_are_hashed_under_it_as_well(tmp_path: Path) -> None:
    rules = replace(RULES, pii_hash_key=b"key")
    rejected = rejected_rows(stage_bytes(csv_bytes("T9"), tmp_path, rules))
    assert rejected["record_hash"].item() == hash_identifier("T9", b"key")


def test_columns_called_as_those_of_the_rejects_are_renamed(tmp_path: Path) -> None:
    data = csv_bytes("T9,Halal,x,1,2023-10-01,l,r,n", header=HEADER + ",line,reason,")
    rejected = rejected_rows(stage_bytes(data, tmp_path))
    assert rejected.select("line", "line_2", "reason", "reason_2", "column_8").row(0) == (
        2, "l", "invalid_price", "r", "n",
    )  # fmt: skip


def test_the_first_of_equal_identifiers_is_accepted_even_if_written_differently(
    tmp_path: Path,
) -> None:
    data = csv_bytes(GOOD, " " + GOOD, '"T1"' + GOOD[2:], "\u3000" + GOOD, GOOD.lower())
    batch = stage_bytes(data, tmp_path)
    assert batch.manifest.reasons == {"duplicate_transaction_id": 3}
    assert accepted_rows(batch)["transaction_id"].to_list() == [_sha("T1"), _sha("t1")]


def test_a_rejected_row_does_not_take_the_identifier_from_a_later_one(tmp_path: Path) -> None:
    data = csv_bytes(GOOD.replace("999.99", "x"), GOOD, GOOD)
    assert reasons(data, tmp_path) == [(2, "invalid_price"), (4, "duplicate_transaction_id")]


def test_a_row_that_only_a_business_rule_rejects_does_take_it(tmp_path: Path) -> None:
    data = csv_bytes(GOOD.replace("Halal", "Other"), GOOD)
    assert reasons(data, tmp_path, STRICT) == [
        (2, "product_prefix"),
        (3, "duplicate_transaction_id"),
    ]


def test_the_eligible_rows_are_the_same_whether_the_input_is_trusted_or_not(tmp_path: Path) -> None:
    lines = [
        f"T{n},{product},{price},{quantity},2023-10-0{1 + n % 9}"
        for n, (product, price, quantity) in enumerate(
            (product, price, quantity)
            for product in ("Halal A", "Other")
            for price in ("9.99", "10", "10.500", "10.505", "-10")
            for quantity in ("0", "1", "100", "101")
        )
    ]
    batches = {}
    for name, rules in {"trusting": RULES, "strict": STRICT}.items():
        (tmp_path / name).mkdir()
        batches[name] = stage_bytes(csv_bytes(*lines), tmp_path / name, rules)
    trusting, strict = batches["trusting"].manifest, batches["strict"].manifest
    assert trusting.accepted == len(lines)
    assert strict.accepted == strict.eligible == trusting.eligible == 4
    assert set(accepted_rows(batches["strict"]).rows()) < set(
        accepted_rows(batches["trusting"]).rows()
    )


def test_columns_are_matched_by_name_not_by_position(tmp_path: Path) -> None:
    data = csv_bytes(
        "2,2023-10-01,n,T1,999.99,Halal", header="quantity,date,note,transaction_id,price,product"
    )
    row = accepted_rows(stage_bytes(data, tmp_path)).drop("batch_id").rows(named=True)[0]
    assert row["product"] == "Halal"
    assert row["quantity"] == 2
    assert row["transaction_id"] == _sha("T1")


def test_an_empty_identifier_that_is_not_required_stays_empty(tmp_path: Path) -> None:
    rules = replace(RULES, required_fields=("product",))
    batch = stage_bytes(csv_bytes(GOOD[2:], GOOD[2:]), tmp_path, rules)
    assert accepted_rows(batch)["transaction_id"].to_list() == [""]
    assert batch.manifest.reasons == {"duplicate_transaction_id": 1}


def test_an_accepted_price_is_kept_to_the_last_digit(tmp_path: Path) -> None:
    batch = stage_bytes(csv_bytes("T1,x,123456789012.123456,1,2023-10-01"), tmp_path)
    assert accepted_rows(batch)["price"].dtype == pl.Decimal(18, 6)
    assert str(accepted_rows(batch)["price"].item()) == "123456789012.123456"
