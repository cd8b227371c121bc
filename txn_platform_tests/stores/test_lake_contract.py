"""What every lake promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from txn_platform.errors import StoreError
from txn_platform.ingest.batch import Manifest
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.adapters import PREFIX
from txn_platform_tests.stores.batches import (
    ALL_DAYS,
    DAYS,
    Row,
    contents,
    hashed,
    land,
    stage,
    stored,
)
from txn_platform_tests.stores.cases import LakeCase


def test_a_fresh_lake_holds_nothing(lake_case: LakeCase) -> None:
    assert lake_case.lake.manifests() == []
    assert lake_case.lake.manifest(hashed("none")) is None
    assert lake_case.lake.files(ALL_DAYS) == []


def test_a_batch_lies_where_the_layout_says(lake_case: LakeCase) -> None:
    manifest = land(lake_case.lake, "a.csv", Row("1"), Row("2", DAYS[1]))
    assert lake_case.objects() == {
        f"{PREFIX}/data/2023-10-01/{manifest.batch_id}.parquet",
        f"{PREFIX}/data/2023-10-02/{manifest.batch_id}.parquet",
        f"{PREFIX}/rejected/{manifest.batch_id}.parquet",
        f"{PREFIX}/manifests/{manifest.batch_id}.json",
    }


def test_what_was_committed_is_read_back_by_another_handle(lake_case: LakeCase) -> None:
    rows = [Row("1", price=Decimal("0.000001"), product='Halal "Çay", 5\n茶'), Row("2")]
    manifest = land(lake_case.lake, "a.csv", *rows)
    lake = lake_case.reopen()
    assert lake.manifests() == [manifest]
    assert lake.manifest(manifest.batch_id) == manifest
    (file,) = lake.files(ALL_DAYS)
    with lake.open(file) as content:
        assert contents(pq.read_table(content)) == stored(manifest, *rows)
    with lake.rejects(manifest.batch_id) as content:
        assert pq.read_table(content).num_rows == 0


def test_an_empty_batch_is_complete_but_has_no_files(lake_case: LakeCase) -> None:
    manifest = land(lake_case.lake, "empty.csv")
    assert lake_case.lake.manifests() == [manifest]
    assert lake_case.lake.files(ALL_DAYS) == []


def test_committing_a_batch_again_changes_nothing(lake_case: LakeCase) -> None:
    first = land(lake_case.lake, "a.csv", Row("1"))
    before = lake_case.objects()
    assert land(lake_case.reopen(), "a.csv", Row("1")) == first
    assert lake_case.objects() == before


def test_files_are_those_of_the_window_by_day_and_landing_order(lake_case: LakeCase) -> None:
    batches = [land(lake_case.lake, name, *(Row(name, day) for day in DAYS[:3])) for name in "abc"]
    files = lake_case.lake.files(DateWindow(DAYS[1], DAYS[3]))
    assert [(file.day, file.batch_id) for file in files] == [
        (day, batch.batch_id) for day in DAYS[1:3] for batch in batches
    ]
    assert {file.rows for file in files} == {1}


def test_batches_landed_in_a_burst_keep_their_order(lake_case: LakeCase) -> None:
    names = [f"{number}.csv" for number in range(5)]
    landed = [land(lake_case.reopen(), name, Row(name)) for name in names]
    assert lake_case.lake.manifests() == landed
    assert len({manifest.landed_at for manifest in landed}) == 5


def test_a_batch_that_was_half_published_is_completed_without_a_stray(
    lake_case: LakeCase,
) -> None:
    """The rules changed in between: what was accepted on the second day no longer is."""
    with lake_case.lake.staging_folder() as folder:
        staged = stage(folder, "a.csv", [Row("1"), Row("2", DAYS[1])])
        staged.rejected.unlink()
        with pytest.raises(StoreError):
            lake_case.lake.commit(staged)
    assert lake_case.lake.manifests() == []
    assert lake_case.lake.files(ALL_DAYS) == []
    manifest = land(lake_case.reopen(), "a.csv", Row("1"))
    assert lake_case.objects() == {
        f"{PREFIX}/data/2023-10-01/{manifest.batch_id}.parquet",
        f"{PREFIX}/rejected/{manifest.batch_id}.parquet",
        f"{PREFIX}/manifests/{manifest.batch_id}.json",
    }


def test_two_commits_of_the_same_batch_at_once_leave_one(lake_case: LakeCase) -> None:
    def land_it(_: int) -> Manifest:
        return land(lake_case.reopen(), "a.csv", Row("1"), Row("2", DAYS[1]))

    with ThreadPoolExecutor(4) as pool:
        manifests = list(pool.map(land_it, range(4)))
    assert manifests == manifests[:1] * 4
    assert lake_case.lake.manifests() == manifests[:1]
    assert len(lake_case.objects()) == 4


def test_staging_folders_are_gone_afterwards_even_after_an_error(lake_case: LakeCase) -> None:
    folders = []

    def stage_and_fail() -> None:
        with lake_case.lake.staging_folder() as folder:
            folders.append(folder)
            (folder / "part").write_bytes(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage_and_fail()
    assert not folders[0].exists()
    assert lake_case.objects() == set()


def test_staging_leaves_the_folder_of_a_living_owner_alone(lake_case: LakeCase) -> None:
    with lake_case.lake.staging_folder() as first, lake_case.reopen().staging_folder() as second:
        assert first != second
        assert first.is_dir()


def test_opening_a_file_that_is_gone_is_an_error(lake_case: LakeCase) -> None:
    land(lake_case.lake, "a.csv", Row("1"))
    (file,) = lake_case.lake.files(ALL_DAYS)
    with pytest.raises(StoreError):
        lake_case.lake.open(replace(file, uri=f"{file.uri}.gone")).close()


@pytest.mark.parametrize("batch_id", ["", "../../etc/passwd", hashed("x") + "\n", "A" * 64])
def test_a_batch_id_that_is_none_is_not_found(lake_case: LakeCase, batch_id: str) -> None:
    assert lake_case.lake.manifest(batch_id) is None
    with pytest.raises(StoreError):
        lake_case.lake.rejects(batch_id)
