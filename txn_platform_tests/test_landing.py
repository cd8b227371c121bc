"""Landing whole files, and bytes that come by only once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from txn_platform import landing
from txn_platform.errors import ConfigurationError, InputFileError
from txn_platform.landing import land, land_stream
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.ingest.support import GOOD, RULES, csv_bytes

CONTENT = csv_bytes(GOOD, "T2,Halal,x,1,2023-10-01")


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake", "raw/transactions")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_bytes(CONTENT)
    return path


def files_of(lake: LocalLake, folder: Path) -> dict[Path, int]:
    assert lake.manifests()
    return {path: path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def test_a_file_and_a_stream_of_its_bytes_are_the_same_batch(lake: LocalLake, path: Path) -> None:
    landed = land(path, lake, RULES)
    streamed = land_stream(iter([CONTENT]), name="again.csv", lake=lake, rules=RULES)

    assert (landed.name, landed.already_there) == ("sales.csv", False)
    assert (streamed.name, streamed.already_there) == ("again.csv", True)
    assert streamed.manifest == landed.manifest
    assert (landed.manifest.accepted, landed.manifest.rejected) == (1, 1)


def test_a_stream_that_is_new_is_landed_and_then_known_as_a_file(
    lake: LocalLake, path: Path
) -> None:
    streamed = land_stream([CONTENT], name="upload.csv", lake=lake, rules=RULES)
    assert not streamed.already_there
    assert land(path, lake, RULES).already_there
    assert lake.manifests() == [streamed.manifest]


def test_landing_again_writes_nothing_and_does_not_stage(
    lake: LocalLake, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(path, lake, RULES)
    before = files_of(lake, path.parent)
    monkeypatch.delattr(landing, "stage")

    assert land(path, lake, RULES).already_there
    assert files_of(lake, path.parent) == before


def test_a_file_that_is_replaced_meanwhile_lands_as_it_was_opened(
    lake: LocalLake, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = lake.manifest

    def replace_first(batch_id: str) -> object:
        other = path.with_name("other.csv")
        other.write_bytes(csv_bytes(GOOD))
        other.replace(path)
        return known(batch_id)

    monkeypatch.setattr(lake, "manifest", replace_first)
    assert land(path, lake, RULES).manifest.bytes == len(CONTENT)


def test_a_stream_that_breaks_off_leaves_nothing(lake: LocalLake, tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield CONTENT
        raise ConnectionAbortedError("client gone")

    with pytest.raises(InputFileError, match="can't be read"):
        land_stream(breaking(), name="sales.csv", lake=lake, rules=RULES)
    assert not [found for found in tmp_path.rglob("*") if found.is_file()]


def test_under_another_key_neither_a_file_nor_a_stream_is_landed(
    lake: LocalLake, path: Path
) -> None:
    land(path, lake, RULES)
    before = files_of(lake, path.parent)
    rekeyed = replace(RULES, pii_hash_key=b"another key")

    with pytest.raises(ConfigurationError, match="PII_HASH_KEY"):
        land(path, lake, rekeyed)
    with pytest.raises(ConfigurationError, match="PII_HASH_KEY"):
        land_stream([csv_bytes(GOOD)], name="new.csv", lake=lake, rules=rekeyed)
    assert files_of(lake, path.parent) == before
