import csv
import io
from pathlib import Path

import pytest

from txn_platform.errors import ConfigurationError, InputFileError
from txn_platform.ingest.hashing import hash_identifier
from txn_platform.ingest.landing import validate
from txn_platform_tests.ingest.support import GOOD, HEADER, RULES, csv_bytes


def _rejects(data: bytes, path: Path) -> list[list[str]]:
    validate(io.BytesIO(data), rules=RULES, rejects_csv=path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_csv_of_rejects_has_line_reason_and_the_files_own_columns(tmp_path: Path) -> None:
    data = csv_bytes(
        GOOD + ",", 'T2,Halal,x,1,2023-10-01,"a, ""b"""', "T3", header=HEADER + ",line"
    )
    assert _rejects(data, tmp_path / "rejects.csv") == [
        ["line", "reason", *HEADER.split(","), "line_2"],
        [
            "3",
            "invalid_price",
            hash_identifier("T2", None),
            "Halal",
            "x",
            "1",
            "2023-10-01",
            'a, "b"',
        ],
        ["4", "wrong_field_count", "", "", "", "", "", ""],
    ]


def test_without_rejects_the_csv_holds_its_header(tmp_path: Path) -> None:
    assert _rejects(csv_bytes(GOOD), tmp_path / "rejects.csv") == [
        ["line", "reason", *HEADER.split(",")]
    ]


def test_a_refused_file_leaves_earlier_rejects_alone(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("from before")
    with pytest.raises(InputFileError):
        validate(io.BytesIO(b"a,b\n"), rules=RULES, rejects_csv=path)
    assert path.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_validation_that_breaks_off_leaves_earlier_rejects_alone(tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "rejects.csv"
    path.write_text("from before")
    with pytest.raises(KeyboardInterrupt):
        validate(io.BytesIO(csv_bytes("T1")), rules=RULES, rejects_csv=path, on_progress=interrupt)
    assert path.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [path]


def test_rejects_that_cannot_be_written_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "rejects.csv"
    with pytest.raises(
        ConfigurationError, match="rejects can't be written: No such file"
    ) as caught:
        validate(io.BytesIO(csv_bytes("T1")), rules=RULES, rejects_csv=path)
    assert caught.value.remedy
