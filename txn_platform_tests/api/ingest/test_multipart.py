"""The file in a multipart body, whatever else the body holds and however it is cut."""

import logging
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.ingest.multipart import MAX_PARTS, FilePart
from api.problems import ProblemError
from txn_platform_tests.api.ingest.support import BOUNDARY, CSV, END, body, part

OTHER_FIELD = part(b"a note", b'form-data; name="note"')


def read(*pieces: bytes, boundary: bytes = BOUNDARY) -> tuple[str | None, bytes]:
    """The name and the bytes of the file in a body that comes in pieces."""
    file = FilePart(boundary)
    content = b"".join(block for piece in pieces for block in file.feed(piece))
    file.finish()
    return file.name, content


def refusal(*pieces: bytes, boundary: bytes = BOUNDARY) -> str:
    with pytest.raises(ProblemError) as caught:
        read(*pieces, boundary=boundary)
    assert caught.value.status == 422
    [parameter] = caught.value.parameters
    assert parameter.name == "file"
    return parameter.reason


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        b"",
        b"\r\n",
        b"\n--" + BOUNDARY,
        b"--" + BOUNDARY + b"--",
        b"\r\n--" + BOUNDARY[:-1],
        b"\r\n-\r\n--",
        bytes(range(256)) * 20,
    ],
)
def test_the_file_comes_out_as_it_was_sent(content: bytes) -> None:
    assert read(body(part(content))) == ("sales.csv", content)


def test_other_fields_are_passed_over() -> None:
    assert read(body(OTHER_FIELD, part(), OTHER_FIELD)) == ("sales.csv", CSV)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="file"', "upload.csv"),
        (b"form-data; name=file; filename=a.csv", "a.csv"),
        (b'FORM-DATA; NAME="file"; FILENAME="a.csv"', "a.csv"),
        (b'form-data; name="data"; filename="a;b \\"c\\".csv"', 'a;b "c".csv'),
        (b'form-data; name="file"; filename="a.csv"; filename*=UTF-8\'\'b.csv', "a.csv"),
        ('form-data; name="file"; filename="Köln.csv"'.encode(), "Köln.csv"),
    ],
)
def test_the_file_is_the_part_file_or_one_with_a_file_name(disposition: bytes, name: str) -> None:
    assert read(body(part(CSV, disposition))) == (name, CSV)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "ends before its last boundary"),
        (b"\r\n", "ends before its last boundary"),
        (b"--" + BOUNDARY + b"\r\n", "ends before its last boundary"),
        (part(), "ends before its last boundary"),
        (body()[: -len(END)], "ends before its last boundary"),
        (body()[:-4], "ends before its last boundary"),
        (END, "is missing"),
        (body(OTHER_FIELD), "is missing"),
        (body(part(), part()), "more than one file"),
        (body(part(), part(b"", b'form-data; name="x"; filename="y"')), "more than one file"),
        (body(part(b"", b'form-data; name="file"'), part()), "more than one file"),
        (CSV, "not well-formed"),
        (b"--another\r\n" + body(), "not well-formed"),
        (b"--" + BOUNDARY + b"\nContent-Disposition: form-data", "not well-formed"),
        (b"--" + BOUNDARY + b"X\r\n", "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b"no colon")), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b": nameless")), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b"a b: c")), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b"X: " + b"y" * 5000)), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b"X" * 5000)), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', *[b"X: y"] * 20)), "not well-formed"),
        (body(part(CSV, b'form-data; name="file"', b"X: y\rZ: z")), "not well-formed"),
        (body(part(CSV, b"form-data")), "with a name"),
        (body(part(CSV, b'attachment; name="file"')), "with a name"),
        (body(part(CSV, b"")), "with a name"),
        (b"--" + BOUNDARY + b"\r\n\r\n" + CSV + b"\r\n" + END, "with a name"),
        (
            body(part(CSV, b'form-data; name="x"', b'Content-Disposition: form-data; name="file"')),
            "unusable header content-disposition",
        ),
        (body(part(CSV, b'form-data; name="file"; filename="a\nb"')), "unusable header"),
        (body(part(CSV, b'form-data; name="file"; filename="a\x00b"')), "unusable header"),
        (
            body(part(CSV, b'form-data; name="file"', b"Content-Transfer-Encoding: base64")),
            "without a Content-Transfer-Encoding",
        ),
        (
            body(part(body(), b'form-data; name="file"', b"Content-Type: multipart/mixed")),
            "must not be a multipart body",
        ),
        (body(*[OTHER_FIELD] * MAX_PARTS, part()), f"more than {MAX_PARTS} parts"),
    ],
)
def test_a_body_that_does_not_hold_one_whole_file_is_refused(sent: bytes, reason: str) -> None:
    assert reason in refusal(sent)
    assert reason in refusal(*(sent[at : at + 1] for at in range(len(sent))))


def test_a_boundary_that_no_one_would_use_is_refused() -> None:
    assert "boundary" in refusal(body(), boundary=b"b" * 300)


def test_the_log_says_nothing_of_a_malformed_body(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refusal(b"secret")
    assert not caplog.records


@st.composite
def cut_bodies(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A file that looks much like boundaries, and a body with it, cut anywhere."""
    shreds = st.sampled_from([b"\r", b"\n", b"-", b"--", BOUNDARY, BOUNDARY[:5], b"a,b\r\n", b"x"])
    content = b"".join(draw(st.lists(shreds, max_size=30)))
    assume(b"\r\n--" + BOUNDARY not in content)
    whole = body(OTHER_FIELD, part(content), OTHER_FIELD)
    cuts = sorted(draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    return content, pieces


@settings(max_examples=400, deadline=None)
@given(cut_bodies())
def test_how_a_body_is_cut_makes_no_difference(case: tuple[bytes, list[bytes]]) -> None:
    content, pieces = case
    assert read(*pieces) == ("sales.csv", content)
