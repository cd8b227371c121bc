import io

import pytest

from txn_platform.errors import InputFileError
from txn_platform.ingest.header import MAX_COLUMNS, MAX_HEADER_BYTES, Header
from txn_platform.ingest.landing import check_header, validate
from txn_platform_tests.ingest.support import GOOD, HEADER, RULES


def _refusal(data: bytes) -> str:
    with pytest.raises(InputFileError) as caught:
        check_header(io.BytesIO(data), name="sales.csv")
    with pytest.raises(InputFileError) as again:
        validate(io.BytesIO(data), rules=RULES)
    assert str(again.value).split(": ", 1)[1] == str(caught.value).split(": ", 1)[1]
    return str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "date,quantity,price,product,transaction_id",
        " transaction_id ,product\t, price,quantity,date,note,note,,",
        '"transaction_id","product","price","quantity","date","a ""note""\nin two lines"',
        "\ufeff" + HEADER,
        "\r\n\n\r" + HEADER,
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_a_header_with_the_contract_columns_in_any_order_is_accepted(header: str, end: str) -> None:
    check_header(io.BytesIO((header + end).encode()), name="sales.csv")


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_a_record_is_empty_not_wrong(data: bytes) -> None:
    check_header(io.BytesIO(data), name="empty.csv")
    assert validate(io.BytesIO(data), rules=RULES).rows == 0


def test_missing_columns_are_named_and_the_others_counted() -> None:
    message = _refusal(b"product,price,secret-value\n")
    assert "sales.csv: missing columns transaction_id, quantity, date" in message
    assert "names 3" in message
    assert "secret-value" not in message


def test_a_file_without_a_header_is_refused_without_quoting_its_first_row() -> None:
    message = _refusal(GOOD.encode() + b"\n")
    assert "T1" not in message
    assert "Laptop" not in message


@pytest.mark.parametrize("spelling", ["Price", "PRICE", "p-r-i-c-e", "price_"])
def test_a_column_in_another_spelling_is_hinted_at_by_its_contract_name(spelling: str) -> None:
    message = _refusal(f"transaction_id,product,{spelling},quantity,date\n".encode())
    assert "missing column price" in message
    assert "; another spelling of price is there" in message
    assert spelling not in message


def test_a_contract_column_that_is_there_twice_is_refused() -> None:
    assert "more than once" in _refusal(HEADER.encode() + b",price, date\n")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x1f\x8b\x08\0\0\0\0\0",
        b"PK\x03\x04\x14\0\x06\0",
        HEADER.encode("utf-16"),
        HEADER.encode() + b",caf\xe9\n",
        HEADER.encode() + b",a\0b\n",
        b'"' + HEADER.encode() + b"\n" * (MAX_HEADER_BYTES + 1),
        b"a" * (MAX_HEADER_BYTES + 1),
    ],
)
def test_a_file_that_does_not_begin_as_text_is_refused(data: bytes) -> None:
    assert "not a CSV file" in _refusal(data)


def test_bad_bytes_after_the_header_do_not_refuse_the_file() -> None:
    check_header(io.BytesIO(HEADER.encode() + b"\n\0\xff"), name="sales.csv")


def test_a_header_of_too_many_columns_is_refused() -> None:
    columns = ",".join([HEADER, *(f"c{number}" for number in range(MAX_COLUMNS - 4))])
    assert f"{MAX_COLUMNS + 1} columns" in _refusal(columns.encode())
    check_header(io.BytesIO(columns.rpartition(",")[0].encode()), name="sales.csv")


def test_rejects_never_have_two_columns_of_one_name() -> None:
    names = ("date", "line", "Line", "line_2", "", "note", "NOTE", "reason", "record_hash", "Date")
    unique = Header(names).unique_names
    assert unique[0] == "date"
    assert unique[1:5] == ("line_2", "Line_3", "line_2_2", "column_5")
    taken = [name.casefold() for name in (*unique, "line", "reason", "record_hash")]
    assert len(set(taken)) == len(taken)


def test_unknown_columns_are_known_by_their_own_names() -> None:
    assert Header((*HEADER.split(","), "note", "")).unknown == ("note", "")
