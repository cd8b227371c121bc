import pytest

from txn_platform.transform.redaction import first_line, without_values

HASH = "e78d6e358171a045d54a628e52c664755d2003250e554d6490a2e3b5794d20a2"


@pytest.mark.parametrize(
    "message",
    [
        'Constraint Error: Duplicate key "transaction_id: T001, x" violates a constraint',
        "Conversion Error: Could not convert string 'T001' to INT32",
        f"Key is {HASH}",
        'invalid input syntax for type integer: "T001"',
        "Overflow in multiplication of DECIMAL (12345.678 * 99999)",
        "failed\nDETAIL:  Key (transaction_id)=(T001) already exists.",
        "failed\nLINE 3: select T001\n               ^",
    ],
)
def test_a_value_that_a_database_quotes_is_masked(message: str) -> None:
    shown = without_values(message)
    for value in ("T001", HASH, "12345.678", "99999"):
        assert value not in shown


def test_names_and_types_stay() -> None:
    message = "Database Error in model pg_sales (models/marts/pg_sales.sql) numeric(18,2)"
    assert without_values(message) == message


def test_the_first_line_is_the_one_below_dbt_s_heading() -> None:
    message = (
        "Database Error in model pg_sales (models/marts/pg_sales.sql)\n"
        '  duplicate key value violates unique constraint "abc"\n'
        "  DETAIL:  Key (transaction_id)=(T001) already exists.\n"
        "  compiled code at /somewhere"
    )
    assert first_line(message) == "duplicate key value violates unique constraint ***"


def test_a_message_of_one_line_is_its_own_first_line() -> None:
    assert first_line("Got 3 results, configured to fail if != 0") == (
        "Got 3 results, configured to fail if != 0"
    )


def test_a_missing_message_is_said_to_be_missing() -> None:
    assert first_line("") == "no message"
