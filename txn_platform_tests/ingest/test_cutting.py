import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.cutting import cut_records
from txn_platform.ingest.lines import split_lines

WIDTH = 3
PIECES = [
    '"',
    '"',
    '""',
    ",",
    ",",
    ',"',
    '",',
    "a",
    "é",
    "\n",
    "\r\n",
    "\r",
    'x,"y",z\n',
    "1,2,3\n",
]


def _cut(text: str, *, final: bool = True) -> tuple[list[list[str]], int, int]:
    """Fields of the well-formed records, number of the others, and lines used up."""
    buffer = text.encode()
    lines = split_lines(buffer, final=final)
    cut, complete = cut_records(buffer[: lines.size], lines, WIDTH, final=final)
    fields = [list(row) for row in cut.fields.drop("first", "last").iter_rows()]
    return fields, len(cut.ragged), complete


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_records_are_cut_as_the_csv_module_cuts_them(text: str) -> None:
    records = [record for record in csv.reader(io.StringIO(text, newline="")) if record]
    fields, ragged, _ = _cut(text)
    assert fields == [record for record in records if len(record) == WIDTH]
    assert ragged == sum(len(record) != WIDTH for record in records)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.integers(0, 60))
def test_a_record_that_may_go_on_is_left_for_the_next_chunk(text: str, at: int) -> None:
    head, ragged, complete = _cut(text[:at], final=False)
    lines = split_lines(text[:at].encode(), final=False)
    size = int(lines.stops[complete - 1]) if complete else 0
    tail, more_ragged, _ = _cut(text.encode()[size:].decode())
    whole, all_ragged, _ = _cut(text)
    assert (head + tail, ragged + more_ragged) == (whole, all_ragged)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('a"b,c""d,e"', ['a"b', 'c""d', 'e"']),
        ('"a""b","""","c"', ['a"b', '"', "c"]),
        ('"a"b,"c"d"e,f', ["ab", 'cd"e', "f"]),
        ('"","",""', ["", "", ""]),
        (' "a",b,c', [' "a"', "b", "c"]),
        ('"a,b",c,"d\u2028\x85e"', ["a,b", "c", "d\u2028\x85e"]),
        ('"a\r\nb\rc\n",d,e', ["a\r\nb\rc\n", "d", "e"]),
        ('a,b,"never closed\nx,y,z\n', ["a", "b", "never closed\nx,y,z\n"]),
    ],
)
def test_quotes_mean_what_they_mean_to_the_csv_module(line: str, fields: list[str]) -> None:
    assert _cut(line)[0] == [fields] == list(csv.reader(io.StringIO(line, newline="")))


def test_quoted_records_of_many_columns_are_cut_alike() -> None:
    rows = [[f'{row}"{column},' for column in range(40)] for row in range(3)]
    text = io.StringIO()
    csv.writer(text).writerows([*rows, ["plain"] * 40])
    buffer = text.getvalue().encode()
    cut, complete = cut_records(buffer, split_lines(buffer, final=True), 40, final=True)
    assert [list(row) for row in cut.fields.drop("first", "last").rows()] == [*rows, ["plain"] * 40]
    assert complete == 4
