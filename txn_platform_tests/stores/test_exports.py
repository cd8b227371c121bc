"""Exported files, in a folder and in a bucket."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.exports import Exports, LocalExports
from txn_platform.stores.exports_gcs import GcsExports
from txn_platform_tests.stores.emulators import CloudEmulators

Case = tuple[Exports, Callable[[str], bytes]]


@pytest.fixture(params=["directory", "gcs"])
def exports(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "directory":
        folder: Path = request.getfixturevalue("tmp_path") / "exports"
        yield LocalExports(folder), lambda name: (folder / name).read_bytes()
        return
    emulators: CloudEmulators = request.getfixturevalue("cloud_emulators")
    client = emulators.storage_client()
    name = f"exports-{uuid4().hex}"
    bucket = client.create_bucket(name)
    yield (
        GcsExports(client, name),
        lambda name: bucket.blob(f"exports/{name}").download_as_bytes(),
    )


def test_a_file_is_written_and_replaced_and_its_address_returned(exports: Case) -> None:
    target, read = exports
    address = target.write("summary.csv", b"one\n")
    assert address.endswith("exports/summary.csv")
    assert read("summary.csv") == b"one\n"
    assert target.write("summary.csv", b"two\n") == address
    assert read("summary.csv") == b"two\n"


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".summary.csv.abc").write_bytes(b"half")
    LocalExports(tmp_path).write("summary.csv", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["summary.csv"]


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file in its place")
    with pytest.raises(StoreError, match="can't be written"):
        LocalExports(tmp_path / "exports").write("summary.csv", b"x")
