import hashlib
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.errors import InputFileError
from txn_platform.ingest.source import Intake, Window


@given(st.lists(st.binary(max_size=10)), st.integers(1, 7))
def test_chunks_do_not_depend_on_the_blocks_of_an_upload(blocks: list[bytes], size: int) -> None:
    data = b"".join(blocks)
    from_blocks = list(Intake(blocks, name="x", chunk_bytes=size))
    assert from_blocks == list(Intake(io.BytesIO(data), name="x", chunk_bytes=size))
    assert b"".join(from_blocks) == data
    assert all(len(chunk) == size for chunk in from_blocks[:-1])


def test_the_intake_knows_size_and_digest_of_what_it_has_read() -> None:
    intake = Intake(io.BytesIO(b"abcde"), name="x", chunk_bytes=2)
    list(intake)
    assert (intake.bytes_read, intake.sha256) == (5, hashlib.sha256(b"abcde").hexdigest())


def test_progress_is_told_once_a_chunk_has_been_dealt_with() -> None:
    told: list[int] = []
    chunks = iter(Intake(io.BytesIO(b"abcde"), name="x", chunk_bytes=2, on_progress=told.append))
    next(chunks)
    assert told == []
    assert list(chunks) == [b"cd", b"e"]
    assert told == [2, 4, 5]


def test_a_source_that_fails_half_way_is_an_input_error() -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise OSError(5, "Input/output error")

    with pytest.raises(InputFileError, match=r"x.csv: can't be read after 2 bytes: Input/output"):
        list(Intake(broken(), name="x.csv", chunk_bytes=2))


def test_a_window_keeps_count_of_what_has_left_it() -> None:
    window = Window([b"ab\nc", b"d"])
    window.grow()
    window.advance(3, 1)
    window.grow()
    assert (window.buffer, window.offset, window.line, window.final) == (b"cd", 3, 2, False)
    window.grow()
    assert window.final
