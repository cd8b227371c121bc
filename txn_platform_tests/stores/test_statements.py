from importlib.resources import files
from string import Formatter

import pytest

from txn_platform.stores.statements import SqlDialect, quote, statement


@pytest.mark.parametrize(
    ("dialect", "path", "expected"),
    [
        ("duckdb", "transactions_mart.fact_sales", '"transactions_mart"."fact_sales"'),
        ("postgres", "pg_sales", '"pg_sales"'),
        ("bigquery", "hijra-project.mart.fact", "`hijra-project`.`mart`.`fact`"),
    ],
)
def test_each_part_of_a_path_is_quoted(dialect: SqlDialect, path: str, expected: str) -> None:
    assert quote(dialect, path) == expected


@pytest.mark.parametrize("path", ["", "a.", 'a"b', "a`b", "a b", "a;--", "a'b", "1a", "ä", "a\n"])
def test_what_is_no_identifier_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        quote("duckdb", path)


def test_doubled_braces_stay_as_one() -> None:
    sql = statement("duckdb", "unhashed_ids", relation="mart.sales", date_column="sale_date")
    assert 'FROM "mart"."sales"' in sql
    assert "[0-9a-f]{64}" in sql


def test_a_placeholder_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        statement("duckdb", "row_count")


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_every_file_can_be_formatted(dialect: SqlDialect) -> None:
    folder = files("txn_platform.stores") / "sql" / dialect
    statements = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    assert statements
    for entry in statements:
        parsed = Formatter().parse(entry.read_text(encoding="utf-8"))
        identifiers = dict.fromkeys((field for _, field, _, _ in parsed if field), "x")
        formatted = statement(dialect, entry.name.removesuffix(".sql"), **identifiers)
        assert formatted.strip().endswith(";")
