import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from txn_platform.config_file import read_config
from txn_platform.errors import ConfigurationError
from txn_platform.samples import (
    BUSINESS_DEFECTS,
    DEFECTS,
    FIRST_DAY,
    MOST_DAYS,
    SCHEMA_DEFECTS,
    generate,
)
from txn_platform.settings import PROJECT_ROOT

DEFAULT_SHA256 = "a2bd2fb55360803bb5291e8e51bb433d30a7358819163b25d1284ffaeca9d00e"
CONFIG = read_config(PROJECT_ROOT / "data" / "pipeline_config.yaml")


def outcome_of(record: bytes, seen: set[str]) -> str:
    """What the rules say of a record: a reason, or "eligible". Plainly, one rule after another."""
    if b"\0" in record:
        return "invalid_encoding"
    try:
        fields = next(csv.reader([record.decode()]))
    except UnicodeDecodeError:
        return "invalid_encoding"
    if len(fields) != 5:
        return "wrong_field_count"
    row: dict[str, str] = dict(
        zip(CONFIG.ingestion.validation.required_fields, map(str.strip, fields), strict=True)
    )
    reason = next(schema_reasons(row, seen), None)
    if reason is None:
        seen.add(row["transaction_id"])
    return reason or business_reason(row) or "eligible"


def schema_reasons(row: dict[str, str], seen: set[str]) -> Iterator[str]:
    for column, value in row.items():
        if not value:
            yield f"missing_{column}"
    if len(row["transaction_id"]) > 128 or len(row["product"]) > 256:
        yield "value_too_long"
    whole, _, fraction = row["price"].lstrip("+-").partition(".")
    if not (whole + fraction).isdecimal() or len(whole) > 12 or len(fraction) > 6:
        yield "invalid_price"
    if not row["quantity"].lstrip("+-").isdecimal() or abs(int(row["quantity"])) >= 2**31:
        yield "invalid_quantity"
    try:
        day = date.fromisoformat(row["date"] if len(row["date"]) == 10 else "")
    except ValueError:
        yield "invalid_date"
        return
    if (
        not CONFIG.orchestration.partitions_start
        <= day
        < (CONFIG.orchestration.partitions_end or date.max)
    ):
        yield "date_out_of_range"
    if row["transaction_id"] in seen:
        yield "duplicate_transaction_id"


def business_reason(row: dict[str, str]) -> str | None:
    rules = CONFIG.ingestion.validation
    if not row["product"].startswith(rules.product_prefix):
        return "product_prefix"
    if Decimal(row["price"]) < rules.min_price:
        return "price_too_low"
    if len(row["price"].partition(".")[2]) > rules.max_decimals:
        return "price_decimals"
    if not 1 <= int(row["quantity"]) <= rules.max_quantity:
        return "quantity_out_of_range"
    return None


def outcomes(path: Path) -> list[str]:
    seen: set[str] = set()
    return [outcome_of(record, seen) for record in path.read_bytes().split(b"\n")[1:-1]]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def default_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("samples") / "large_transactions.csv").path


def test_the_default_file_has_the_same_bytes_every_time(default_file: Path) -> None:
    assert sha256(default_file) == DEFAULT_SHA256


def test_the_default_file_has_exactly_6000_eligible_rows_of_10000(default_file: Path) -> None:
    found = outcomes(default_file)
    assert len(found) == 10_000
    assert found.count("eligible") == 6_000


def test_the_default_file_shows_every_reason_as_often_as_its_weight_says(
    default_file: Path,
) -> None:
    found = Counter(outcomes(default_file))
    del found["eligible"]
    assert found == {defect.reason: defect.weight * 50 for defect in DEFECTS}


def test_the_reasons_are_those_of_the_schema_and_the_business_tier() -> None:
    columns = CONFIG.ingestion.validation.required_fields
    assert {defect.reason for defect in SCHEMA_DEFECTS} == {
        "invalid_encoding",
        "wrong_field_count",
        *(f"missing_{column}" for column in columns),
        "value_too_long",
        "invalid_price",
        "invalid_quantity",
        "invalid_date",
        "date_out_of_range",
        "duplicate_transaction_id",
    }
    assert {defect.reason for defect in BUSINESS_DEFECTS} == {
        "product_prefix",
        "price_too_low",
        "price_decimals",
        "quantity_out_of_range",
    }


def test_every_variant_of_every_defect_occurs_in_the_default_file(default_file: Path) -> None:
    content = default_file.read_bytes()
    for defect in DEFECTS:
        for value in defect.values:
            comma = "" if defect.column == "date" else ","
            assert (comma + value).replace("\ue000", "\udce9").encode(
                errors="surrogateescape"
            ) in content


def test_ids_run_from_t0001_to_t10000_except_where_a_defect_needs_otherwise(
    default_file: Path,
) -> None:
    records = default_file.read_bytes().split(b"\n")[1:-1]
    for number, (record, outcome) in enumerate(
        zip(records, outcomes(default_file), strict=True), start=1
    ):
        if outcome not in {"missing_transaction_id", "duplicate_transaction_id"}:
            assert record.startswith(f"T{number:04},".encode())


def test_the_days_have_equally_many_rows_and_nearly_equally_many_eligible_ones(
    default_file: Path,
) -> None:
    eligible = Counter(
        record.rsplit(b",", 1)[1].strip(b'"').decode()
        for record, outcome in zip(
            default_file.read_bytes().split(b"\n")[1:-1], outcomes(default_file), strict=True
        )
        if outcome == "eligible"
    )
    assert sorted(eligible) == [f"2023-10-{day:02}" for day in range(1, 11)]
    assert max(eligible.values()) - min(eligible.values()) <= 2


def test_eligible_rows_include_quotes_doubled_quotes_unicode_and_the_bounds(
    default_file: Path,
) -> None:
    seen: set[str] = set()
    eligible = b"\n".join(
        record
        for record in default_file.read_bytes().split(b"\n")[1:-1]
        if outcome_of(record, seen) == "eligible"
    ).decode()
    for text in ('27""', '"Halal Mouse"', "Çay", '"Halal Cable Set, 3 pieces"', ",10.00,", ",100,"):
        assert text in eligible


@pytest.mark.parametrize(
    ("rows", "eligible"), [(0, 0), (1, 0), (1, 1), (2, 1), (13, 0), (100, 99), (1000, 0), (999, 7)]
)
def test_any_number_of_eligible_rows_is_met_exactly(
    tmp_path: Path, rows: int, eligible: int
) -> None:
    generated = generate(tmp_path / "some.csv", rows=rows, eligible=eligible)
    found = outcomes(generated.path)
    assert (len(found), found.count("eligible")) == (rows, eligible)
    assert (generated.rows, generated.eligible) == (rows, eligible)
    assert generated.bytes == generated.path.stat().st_size


def test_six_tenths_of_the_rows_are_eligible_unless_told_otherwise(tmp_path: Path) -> None:
    assert outcomes(generate(tmp_path / "some.csv", rows=50).path).count("eligible") == 30


def test_few_rows_show_as_many_reasons_as_they_can(tmp_path: Path) -> None:
    path = generate(tmp_path / "few.csv", rows=len(DEFECTS) + 3, eligible=3).path
    assert len(set(outcomes(path)) - {"eligible"}) == len(DEFECTS)


def test_chunks_leave_no_trace_in_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_file: Path
) -> None:
    monkeypatch.setattr("txn_platform.samples._CHUNK_ROWS", 777)
    assert sha256(generate(tmp_path / "chunked.csv").path) == sha256(default_file)


def test_another_seed_gives_another_file_with_the_same_counts(tmp_path: Path) -> None:
    path = generate(tmp_path / "other.csv", seed=1).path
    assert sha256(path) != DEFAULT_SHA256
    assert outcomes(path).count("eligible") == 6_000


def test_the_most_days_reach_exactly_the_end_of_the_configured_partitions(tmp_path: Path) -> None:
    assert CONFIG.orchestration.partitions_end is not None
    assert (CONFIG.orchestration.partitions_end - FIRST_DAY).days == MOST_DAYS
    path = generate(tmp_path / "quarter.csv", rows=920, eligible=920, days=MOST_DAYS).path
    assert outcomes(path).count("eligible") == 920


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": -1}, "rows: got -1; accepted: a whole number from 0 to 1000000000"),
        ({"rows": 5, "eligible": 6}, "eligible: got 6; accepted: a whole number from 0 to 5"),
        ({"eligible": -1}, "eligible: got -1; accepted: a whole number from 0 to 10000"),
        ({"days": 0}, "days: got 0; accepted: a whole number from 1 to 92"),
        ({"days": 93}, "days: got 93; accepted: a whole number from 1 to 92"),
        ({"seed": -1}, f"seed: got -1; accepted: a whole number from 0 to {2**63 - 1}"),
    ],
)
def test_an_impossible_argument_is_refused_and_nothing_is_written(
    tmp_path: Path, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        generate(tmp_path / "none.csv", **arguments)
    assert caught.value.message == message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be written: No such file or directory"):
        generate(tmp_path / "missing" / "some.csv")


def test_a_failure_leaves_the_old_file_and_no_partial_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = generate(tmp_path / "some.csv", rows=10).path
    before = path.read_bytes()

    def full_disk(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        generate(path, rows=20)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
