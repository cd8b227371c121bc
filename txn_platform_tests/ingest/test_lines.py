import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.lines import byte_slices, decodable, split_lines, text_slices

TEXT = st.lists(
    st.sampled_from(["a", "é", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"])
).map("".join)


def _contents(buffer: bytes, *, final: bool) -> list[bytes]:
    lines = split_lines(buffer, final=final)
    return byte_slices(buffer, lines.starts, lines.ends).to_list()


@given(TEXT)
def test_lines_end_where_a_csv_reader_would_end_them(text: str) -> None:
    expected = [line.rstrip("\r\n").encode() for line in io.StringIO(text, newline="")]
    assert _contents(text.encode(), final=True) == expected


@given(TEXT)
def test_lines_follow_each_other_without_a_gap(text: str) -> None:
    lines = split_lines(text.encode(), final=True)
    assert lines.size == len(text.encode())
    assert lines.starts.tolist() == [0, *lines.stops.tolist()][: len(lines)]


def test_a_line_without_a_terminator_waits_for_the_rest_of_the_file() -> None:
    assert _contents(b"a\nb", final=False) == [b"a"]
    assert _contents(b"a\nb", final=True) == [b"a", b"b"]


def test_a_carriage_return_at_the_end_of_a_chunk_waits_for_its_line_feed() -> None:
    assert _contents(b"a\rb\r", final=False) == [b"a"]
    assert _contents(b"a\rb\r", final=True) == [b"a", b"b"]


def test_text_that_is_valid_is_handed_on_as_it_is() -> None:
    text, undecodable = decodable("é,a\n".encode())
    assert text == "é,a\n".encode()
    assert len(undecodable) == 0


@given(st.binary() | st.text().map(str.encode))
def test_bytes_that_are_not_utf8_are_found_and_replaced_in_place(buffer: bytes) -> None:
    text, undecodable = decodable(buffer)
    text.decode()
    assert len(text) == len(buffer)
    changed = [at for at in range(len(text)) if text[at] != buffer[at] or not text[at]]
    assert undecodable.tolist() == changed
    assert (not changed) == (b"\0" not in buffer and _is_utf8(buffer))


def test_slices_may_leave_gaps_and_be_none() -> None:
    starts, ends = np.array([1, 4]), np.array([3, 4])
    assert text_slices(b"abcdef", starts, ends).to_list() == ["bc", ""]
    assert text_slices(b"", starts[:0], ends[:0]).to_list() == []


def _is_utf8(buffer: bytes) -> bool:
    try:
        buffer.decode()
    except UnicodeDecodeError:
        return False
    return True
