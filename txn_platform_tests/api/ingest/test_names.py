"""Names of uploaded files."""

import pytest

from api.ingest.names import MAX_NAME_BYTES, UNNAMED, clean_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"sales.csv", "sales.csv"),
        ("Umsätze Köln.csv".encode(), "Umsätze Köln.csv"),
        (b"../../etc/passwd", "passwd"),
        (b"C:\\Users\\me\\sales.csv", "sales.csv"),
        (b"folder/", "folder"),
        (b" sales.csv ", "sales.csv"),
        (b"a\x00b\x1b[31m\x7f\r\n.csv", "ab[31m.csv"),
        ("\u202evsc.selas".encode(), "vsc.selas"),
        (b"\xff\xfe.csv", "\ufffd\ufffd.csv"),
    ],
)
def test_a_name_is_its_last_part_without_anything_unprintable(given: bytes, kept: str) -> None:
    assert clean_name(given) == kept


@pytest.mark.parametrize("given", [None, b"", b"..", b".", b"/", b"\\\\", b"\x00\n", b"   "])
def test_where_nothing_is_left_of_a_name_another_stands_in(given: bytes | None) -> None:
    assert clean_name(given) == UNNAMED


def test_a_long_name_is_cut_between_characters() -> None:
    kept = clean_name("ü".encode() * 300)
    assert kept == "ü" * 127
    assert len(kept.encode()) <= MAX_NAME_BYTES
