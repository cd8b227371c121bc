"""What the lake in a bucket promises beyond the contract of every lake."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from google.cloud import storage

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.lake_gcs import GcsLake
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, hashed, land, stage
from txn_platform_tests.stores.emulators import CloudEmulators
from txn_platform_tests.stores.faults import (
    FaultySession,
    damages_the_content,
    loses_the_answer,
    refuses,
)

PREFIX = "raw/transactions"
UPLOAD = r"/upload/storage/"
DOWNLOAD = r"/download/storage/"
LISTING = r"/o\?.*prefix="


@dataclass(frozen=True)
class Bucket:
    """A bucket, a lake in it that no fault touches, and one over a session that can break."""

    name: str
    client: storage.Client
    session: FaultySession
    lake: GcsLake
    sound: GcsLake


@pytest.fixture
def bucket(cloud_emulators: CloudEmulators, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setattr("time.sleep", lambda _: None)  # between Google's own retries
    name, client, session = (
        cloud_emulators.new_bucket(),
        cloud_emulators.storage_client(),
        FaultySession(),
    )
    return Bucket(
        name,
        client,
        session,
        lake=GcsLake(cloud_emulators.storage_client(session), name, PREFIX),
        sound=GcsLake(client, name, PREFIX),
    )


def test_uploads_are_tried_again_when_the_service_is_away_for_a_moment(bucket: Bucket) -> None:
    for status in (429, 500, 503):
        bucket.session.breaks("POST", UPLOAD, refuses(status))
    manifest = land(bucket.lake, "a.csv", Row("1"), Row("2", DAYS[1]))
    assert bucket.sound.manifests() == [manifest]
    assert len(bucket.sound.files(ALL_DAYS)) == 2


def test_a_manifest_whose_upload_was_answered_too_late_is_the_one_that_counts(
    bucket: Bucket,
) -> None:
    """The second attempt finds the object of the first."""
    with bucket.lake.staging_folder() as folder:
        staged = stage(folder, "empty.csv", [])
        bucket.session.breaks("POST", UPLOAD, loses_the_answer(), times=2)  # rejects, manifest
        manifest = bucket.lake.commit(staged)
    assert bucket.sound.manifests() == [manifest]
    assert len(bucket.session.bodies("POST", UPLOAD)) == 4


def test_a_batch_that_another_process_sealed_first_is_returned_as_it_was(bucket: Bucket) -> None:
    with bucket.lake.staging_folder() as folder:
        staged = stage(folder, "a.csv", [Row("1")])
        theirs = bucket.sound.commit(staged)
        bucket.session.breaks("GET", rf"/manifests%2F{theirs.batch_id}", refuses(404, "notFound"))
        assert bucket.lake.commit(staged) == theirs


def test_a_download_that_arrives_damaged_is_not_used(bucket: Bucket) -> None:
    land(bucket.sound, "a.csv", Row("1"))
    (file,) = bucket.sound.files(ALL_DAYS)
    bucket.session.breaks("GET", DOWNLOAD, damages_the_content)
    with pytest.raises(TransientStoreError, match=r"can't read it: .*DataCorruption"):
        bucket.lake.open(file)
    with bucket.lake.open(file) as content:
        assert pq.read_table(content).num_rows == 1


def test_a_data_object_that_is_gone_is_an_error_that_says_how_to_get_it_back(
    bucket: Bucket,
) -> None:
    manifest = land(bucket.sound, "a.csv", Row("1"))
    (file,) = bucket.sound.files(ALL_DAYS)
    bucket.client.bucket(bucket.name).delete_blobs([file.uri.removeprefix(f"gs://{bucket.name}/")])
    with pytest.raises(StoreError, match="HTTP 404") as caught:
        bucket.lake.open(file)
    assert f"manifests/{manifest.batch_id}.json" in caught.value.remedy


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("change", [cut, lambda _: None], ids=["cut", "deleted"])
def test_a_data_object_that_was_changed_by_hand_is_an_error(
    bucket: Bucket, change: Callable[[bytes], bytes | None]
) -> None:
    manifest = land(bucket.sound, "a.csv", Row("1"))
    path = f"{PREFIX}/data/{DAYS[0]}/{manifest.batch_id}.parquet"
    blob = bucket.client.bucket(bucket.name).blob(path)
    content = change(blob.download_as_bytes())
    blob.delete()
    if content is not None:
        bucket.client.bucket(bucket.name).blob(path).upload_from_string(content)
    with pytest.raises(StoreError, match="same input"):
        bucket.lake.files(ALL_DAYS)


@pytest.mark.parametrize("content", ["", "{}", '{"batch_id": 5}', "\0"])
def test_a_manifest_that_is_none_is_an_error_that_names_it(bucket: Bucket, content: str) -> None:
    name = f"{PREFIX}/manifests/{hashed('a')}.json"
    bucket.client.bucket(bucket.name).blob(name).upload_from_string(content)
    with pytest.raises(StoreError, match=f"gs://{bucket.name}/{name}: is not a manifest"):
        bucket.lake.manifests()


def test_a_manifest_under_another_name_is_an_error(bucket: Bucket) -> None:
    land(bucket.sound, "a.csv", Row("1"))
    place = bucket.client.bucket(bucket.name)
    (blob,) = bucket.client.list_blobs(place, prefix=f"{PREFIX}/manifests/")
    place.copy_blob(blob, place, f"{PREFIX}/manifests/{hashed('other')}.json")
    with pytest.raises(StoreError, match="another batch"):
        bucket.lake.manifests()


def test_a_missing_bucket_is_an_error_that_names_the_setting(
    cloud_emulators: CloudEmulators,
) -> None:
    lake = GcsLake(cloud_emulators.storage_client(), "no-such-bucket", PREFIX)
    with pytest.raises(StoreError, match=r"data_lake\.gcs_bucket") as caught:
        land(lake, "a.csv", Row("1"))
    assert not caught.value.transient


def test_a_missing_permission_is_an_error_that_names_the_role(bucket: Bucket) -> None:
    bucket.session.breaks("GET", LISTING, refuses(403, "forbidden"))
    with pytest.raises(StoreError, match=r"roles/storage\.objectUser") as caught:
        bucket.lake.manifests()
    assert not caught.value.transient


def test_files_cost_one_listing_of_data_however_many_dates(bucket: Bucket) -> None:
    land(bucket.sound, "a.csv", *(Row(str(n), day) for n, day in enumerate(DAYS)))
    assert len(bucket.lake.files(ALL_DAYS)) == len(DAYS)
    assert len(bucket.session.bodies("GET", LISTING)) == 2  # manifests, data


def test_a_manifest_is_downloaded_once(bucket: Bucket) -> None:
    for name in "abc":
        land(bucket.sound, name, Row(name))
    assert bucket.lake.manifests() == bucket.lake.manifests()
    assert len(bucket.session.bodies("GET", DOWNLOAD)) == 3
