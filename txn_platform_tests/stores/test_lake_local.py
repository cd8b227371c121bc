"""What the directory lake promises beyond the contract of every lake."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, hashed, land, stage
from txn_platform_tests.stores.killing import kill_when_it_reads

PREFIX = "raw/transactions"
TWO_DAYS = (Row("1"), Row("2", DAYS[1]))

COMMIT_A_PIPE = """
import os, sys
from pathlib import Path
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.stores.batches import DAYS, Row, stage

lake = LocalLake(Path(sys.argv[1]), "raw/transactions")
with lake.staging_folder() as folder:
    staged = stage(folder, "a.csv", [Row("1"), Row("2", DAYS[1]), Row("3", DAYS[2])])
    os.link(sys.argv[2], folder / "pipe")
    (folder / "pipe").replace(staged.rejected)
    lake.commit(staged)
"""

LAND = """
import sys
from pathlib import Path
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.stores.batches import DAYS, Row, land

lake = LocalLake(Path(sys.argv[1]), "raw/transactions")
print(land(lake, "a.csv", Row("1"), Row("2", DAYS[1])).landed_at.isoformat())
"""

HOLD_A_STAGING_FOLDER = """
import sys
from pathlib import Path
from txn_platform.stores.lake_local import LocalLake

with LocalLake(Path(sys.argv[1]), "raw/transactions").staging_folder() as folder:
    (folder / "part").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def lake(root: Path) -> LocalLake:
    return LocalLake(root, PREFIX)


@pytest.fixture
def staging_process(root: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a staging folder until its stdin closes, and the folder."""
    command = [sys.executable, "-c", HOLD_A_STAGING_FOLDER, str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def everything(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


def test_a_staging_folder_lies_on_the_file_system_of_the_lake(lake: LocalLake, root: Path) -> None:
    with lake.staging_folder() as folder:
        assert folder.is_relative_to(root)


def test_the_staging_folder_of_a_killed_process_is_removed(
    lake: LocalLake, staging_process: tuple[subprocess.Popen[str], Path]
) -> None:
    process, folder = staging_process
    process.kill()
    process.wait()
    assert folder.is_dir()
    with lake.staging_folder():
        assert not folder.exists()


def test_the_staging_folder_of_a_living_process_stays(
    lake: LocalLake, staging_process: tuple[subprocess.Popen[str], Path]
) -> None:
    _, folder = staging_process
    with lake.staging_folder():
        assert (folder / "part").exists()


def test_a_batch_of_a_process_killed_while_publishing_is_completed(
    lake: LocalLake, root: Path, tmp_path: Path
) -> None:
    """It had published three days; under today's rules the batch has two."""
    root.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kill_when_it_reads(pipe, COMMIT_A_PIPE, root, pipe)
    batch_id = hashed("a.csv")
    stray = root / PREFIX / "data" / "2023-10-03" / f"{batch_id}.parquet"
    assert stray.exists()
    assert lake.manifests() == []
    assert lake.files(ALL_DAYS) == []
    land(lake, "a.csv", *TWO_DAYS)
    assert not stray.parent.exists()
    base = root / PREFIX
    assert everything(root) == {
        base / "data" / "2023-10-01" / f"{batch_id}.parquet",
        base / "data" / "2023-10-02" / f"{batch_id}.parquet",
        base / "rejected" / f"{batch_id}.parquet",
        base / "manifests" / f"{batch_id}.json",
    }


def test_processes_that_commit_the_same_batch_at_once_agree(lake: LocalLake, root: Path) -> None:
    command = [sys.executable, "-c", LAND, str(root)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    landings = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(landings) == 1
    assert len(lake.manifests()) == 1
    assert len(everything(root)) == 4


def test_a_landing_is_later_than_all_before_it_when_the_clock_was_set_back(
    lake: LocalLake, root: Path
) -> None:
    first = land(lake, "a.csv", Row("1"))
    future = datetime.now(UTC) + timedelta(days=400)
    path = root / PREFIX / "manifests" / f"{first.batch_id}.json"
    path.write_text(first.model_copy(update={"landed_at": future}).model_dump_json())
    second = land(lake, "b.csv", Row("2"))
    assert second.landed_at == future + timedelta(microseconds=1)
    assert [m.batch_id for m in lake.manifests()] == [first.batch_id, second.batch_id]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rows": 1}', "\x00\x01", '"é'])
def test_a_manifest_that_is_none_is_named_with_the_remedy(
    lake: LocalLake, root: Path, content: str
) -> None:
    manifest = land(lake, "a.csv", Row("1"))
    path = root / PREFIX / "manifests" / f"{manifest.batch_id}.json"
    path.write_text(content, encoding="latin-1")
    for read in (lake.manifests, lambda: lake.manifest(manifest.batch_id)):
        with pytest.raises(StoreError, match=f"{path}.*\n.*run again with the same input"):
            read()


def test_a_manifest_under_the_name_of_another_batch_is_refused(lake: LocalLake, root: Path) -> None:
    first, second = (land(lake, name, Row(name)) for name in ("a.csv", "b.csv"))
    folder = root / PREFIX / "manifests"
    (folder / f"{first.batch_id}.json").write_bytes(
        (folder / f"{second.batch_id}.json").read_bytes()
    )
    with pytest.raises(StoreError, match="another batch"):
        lake.manifests()


def test_a_manifest_with_a_key_of_a_later_version_is_refused(lake: LocalLake, root: Path) -> None:
    manifest = land(lake, "a.csv", Row("1"))
    path = root / PREFIX / "manifests" / f"{manifest.batch_id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "blue"}))
    with pytest.raises(StoreError, match="is not a manifest"):
        lake.manifests()


def test_a_missing_data_file_is_an_error_not_fewer_rows(lake: LocalLake) -> None:
    land(lake, "a.csv", Row("1"))
    (file,) = lake.files(ALL_DAYS)
    Path(file.uri).unlink()
    with pytest.raises(StoreError, match=f"{file.uri}.*\n.*run again with the same input"):
        lake.files(ALL_DAYS)


def test_a_truncated_data_file_is_an_error_not_fewer_rows(lake: LocalLake) -> None:
    land(lake, "a.csv", Row("1"))
    (file,) = lake.files(ALL_DAYS)
    content = Path(file.uri).read_bytes()
    for size in (0, 4, len(content) // 2, len(content) - 1):
        Path(file.uri).write_bytes(content[:size])
        with pytest.raises(StoreError, match="damaged or truncated"):
            lake.files(ALL_DAYS)


def test_a_data_file_with_other_rows_than_its_manifest_says_is_an_error(lake: LocalLake) -> None:
    land(lake, "a.csv", Row("1"), Row("2"))
    (file,) = lake.files(ALL_DAYS)
    pq.write_table(pq.read_table(file.uri).slice(1), file.uri)
    with pytest.raises(StoreError, match="holds 1 rows, its manifest says 2"):
        lake.files(ALL_DAYS)


def test_missing_rejects_are_an_error(lake: LocalLake, root: Path) -> None:
    batch_id = land(lake, "a.csv", Row("1")).batch_id
    (root / PREFIX / "rejected" / f"{batch_id}.parquet").unlink()
    with pytest.raises(StoreError, match="open the rejects"):
        lake.rejects(batch_id)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free space"), (errno.EROFS, "read-only"), (errno.EACCES, "writable")],
)
def test_a_disk_that_refuses_is_an_error_with_a_remedy_and_nothing_is_half_there(
    lake: LocalLake, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(path: Path, _target: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    with lake.staging_folder() as folder, monkeypatch.context() as patch:
        staged = stage(folder, "a.csv", TWO_DAYS)
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(StoreError, match=remedy):
            lake.commit(staged)
    assert lake.manifests() == []
    land(lake, "a.csv", *TWO_DAYS)
    assert len(lake.files(ALL_DAYS)) == 2


def test_a_lake_that_can_not_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lake = LocalLake(tmp_path / "file" / "lake", PREFIX)
    with pytest.raises(StoreError, match="staging folder"), lake.staging_folder():
        pass


def test_a_batch_staged_on_another_file_system_is_refused(
    lake: LocalLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path, _target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))

    staged = stage(tmp_path, "a.csv", TWO_DAYS)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="one file system"):
        lake.commit(staged)
