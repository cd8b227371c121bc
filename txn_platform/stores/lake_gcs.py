"""The lake as objects in a Cloud Storage bucket.

A batch is complete when its manifest exists. Creating an object is atomic and the manifest is
created last, so readers, who start from manifests, never see half a batch.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any, BinaryIO, cast

from google.api_core.exceptions import PreconditionFailed
from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]
from google.cloud.storage import transfer_manager  # pyright: ignore[reportMissingTypeStubs]
from google.cloud.storage.retry import (  # pyright: ignore[reportMissingTypeStubs]
    DEFAULT_RETRY,
)
from pydantic import ValidationError

from txn_platform.errors import StoreError
from txn_platform.ingest.batch import Manifest, StagedBatch
from txn_platform.stores.disk import store_errors
from txn_platform.stores.google_errors import Remedies, google_errors
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.ports import LakeFile
from txn_platform.windows import DateWindow

_BATCH_ID = re.compile(r"[0-9a-f]{64}")
_TICK = timedelta(microseconds=1)
_KEPT_IN_MEMORY = 64 * 1024 * 1024
_LISTED = "items(name,generation,metadata),nextPageToken"
# Google's own retry: exponential with jitter, on 408, 429, 5xx and lost connections only.
_CALL = {"timeout": 60.0, "retry": cast(Any, DEFAULT_RETRY).with_timeout(120.0)}
_TRANSFER = {**_CALL, "checksum": "crc32c"}
# The bulk transfers add keys to the options they are given: hand them copies of _TRANSFER.
_IN_THREADS = {"worker_type": "thread", "max_workers": 8, "raise_exception": True}
_ROWS = "rows"  # in the metadata of a data object, so that a listing tells it
_transfers = cast(Any, transfer_manager)  # the library ships no types


class GcsLake:
    """Batches under `gs://bucket/prefix`.

    Args:
        client: Of the project that the bucket belongs to.
        bucket: Name of an existing bucket.
        prefix: Path inside it, with forward slashes.
    """

    def __init__(self, client: storage.Client, bucket: str, prefix: str) -> None:
        self._client = cast(Any, client)  # the library ships no types
        self._bucket = self._client.bucket(bucket)
        self._prefix = prefix
        self._where = f"gs://{bucket}/{prefix}"
        self._remedies = _remedies(bucket)
        self._errors = partial(google_errors, where=self._where, remedies=self._remedies)
        self._parsed: dict[str, tuple[int, Manifest]] = {}

    def manifests(self) -> list[Manifest]:
        """The manifests of all complete batches, in landing order."""
        with self._errors("list the manifests"):
            blobs = [blob for blob in self._list("manifests/") if blob.name.endswith(".json")]
            self._read(blobs)
        found = [self._parsed[blob.name][1] for blob in blobs]
        return sorted(found, key=lambda manifest: (manifest.landed_at, manifest.batch_id))

    def manifest(self, batch_id: str) -> Manifest | None:
        """The manifest of one batch, or None where it is not (completely) landed."""
        # Batch ids also come from API requests: one with a slash must not leave the folder.
        if not _BATCH_ID.fullmatch(batch_id):
            return None
        with self._errors("read a manifest"):
            blob = self._bucket.get_blob(self._manifest_name(batch_id), **_CALL)
            if blob is None:
                return None
            self._read([blob])
        return self._parsed[blob.name][1]

    def staging_folder(self) -> AbstractContextManager[Path]:
        """A fresh folder among the machine's temporary files; gone afterwards."""
        scratch = Path(gettempdir()) / f"txn-platform-{os.getuid()}"
        scratch.mkdir(mode=0o700, exist_ok=True)
        return LocalLake(scratch, self._prefix).staging_folder()

    def commit(self, staged: StagedBatch) -> Manifest:
        """Publish a staged batch: data and rejects first, the manifest last."""
        batch_id = staged.manifest.batch_id
        landed = self.manifest(batch_id)
        if landed is not None:
            return landed
        with store_errors("publish a batch", staged.rejected), self._errors("publish a batch"):
            self._upload(staged)
            self._remove_other_days(staged)
            return self._seal(
                staged.manifest.model_copy(update={"landed_at": self._next_landing()})
            )

    def files(self, window: DateWindow) -> list[LakeFile]:
        """Data files of complete batches with rows inside the window, by day and landing order.

        Raises:
            StoreError: when a file is missing or not the one that was uploaded.
        """
        found = [
            LakeFile(
                uri=f"gs://{self._bucket.name}/{self._data_name(day, manifest.batch_id)}",
                day=day,
                batch_id=manifest.batch_id,
                landed_at=manifest.landed_at,
                rows=rows,
            )
            for manifest in self.manifests()
            for day, rows in manifest.dates.items()
            if day in window
        ]
        self._check(found, window)
        return sorted(found, key=lambda file: file.day)

    def open(self, file: LakeFile) -> BinaryIO:
        """One data file, downloaded and verified, for reading; seekable."""
        return self._download(file.uri.removeprefix(f"gs://{self._bucket.name}/"))

    def rejects(self, batch_id: str) -> BinaryIO:
        """The rejects of a complete batch for reading, seekable."""
        if self.manifest(batch_id) is None:
            raise StoreError(
                f"{self._where}: holds no complete batch {batch_id[:64]!r}",
                remedy="Land its input first.",
            )
        return self._download(self._rejected_name(batch_id))

    def _data_name(self, day: date, batch_id: str) -> str:
        return f"{self._prefix}/data/{day.isoformat()}/{batch_id}.parquet"

    def _rejected_name(self, batch_id: str) -> str:
        return f"{self._prefix}/rejected/{batch_id}.parquet"

    def _manifest_name(self, batch_id: str) -> str:
        return f"{self._prefix}/manifests/{batch_id}.json"

    def _list(self, folder: str, **selection: str) -> Iterator[Any]:
        return self._client.list_blobs(
            self._bucket,
            prefix=f"{self._prefix}/{folder}",
            fields=_LISTED,
            **selection,
            **_CALL,
        )

    def _read(self, blobs: Sequence[Any]) -> None:
        """Download and parse the manifests that are new since the last call, side by side."""
        seen = {name: generation for name, (generation, _) in self._parsed.items()}
        new = [blob for blob in blobs if seen.get(blob.name) != blob.generation]
        generations = [blob.generation for blob in new]  # a download may forget it
        contents = [BytesIO() for _ in new]
        _transfers.download_many(
            list(zip(new, contents, strict=True)), download_kwargs=dict(_TRANSFER), **_IN_THREADS
        )
        for blob, generation, content in zip(new, generations, contents, strict=True):
            self._parsed[blob.name] = (generation, self._parse(blob.name, content.getvalue()))

    def _parse(self, name: str, content: bytes) -> Manifest:
        batch_id = Path(name).stem
        try:
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            raise StoreError(
                f"gs://{self._bucket.name}/{name}: is not a manifest "
                f"({error.error_count()} problems)",
                remedy=self._remedy(batch_id),
            ) from None
        if manifest.batch_id != batch_id:
            raise StoreError(
                f"gs://{self._bucket.name}/{name}: is the manifest of another batch",
                remedy=self._remedy(batch_id),
            )
        return manifest

    def _upload(self, staged: StagedBatch) -> None:
        batch_id, rows = staged.manifest.batch_id, staged.manifest.dates
        pairs = [(str(staged.rejected), self._bucket.blob(self._rejected_name(batch_id)))]
        for day, path in staged.accepted.items():
            blob = self._bucket.blob(self._data_name(day, batch_id))
            blob.metadata = {_ROWS: str(rows[day])}
            pairs.append((str(path), blob))
        _transfers.upload_many(pairs, upload_kwargs=dict(_TRANSFER), **_IN_THREADS)

    def _remove_other_days(self, staged: StagedBatch) -> None:
        """Remove what a killed process uploaded for days that the batch no longer has.

        The rules may have changed since, so its rows may have been accepted then only.
        """
        batch_id = staged.manifest.batch_id
        kept = {self._data_name(day, batch_id) for day in staged.accepted}
        uploaded = self._list("data/", match_glob=f"{self._prefix}/data/*/{batch_id}.parquet")
        strays = [blob for blob in uploaded if blob.name not in kept]
        self._bucket.delete_blobs(strays, on_error=_already_gone, **_CALL)

    def _next_landing(self) -> datetime:
        """Now, or just after the newest batch where this machine's clock is behind."""
        now = datetime.now(UTC)
        landed = self.manifests()
        return max(now, landed[-1].landed_at + _TICK) if landed else now

    def _seal(self, manifest: Manifest) -> Manifest:
        """Create the manifest; where it exists by now, the one that is there counts.

        It may be another process that landed the same bytes, or an upload of ours whose answer
        was lost and which was therefore sent twice.
        """
        blob = self._bucket.blob(self._manifest_name(manifest.batch_id))
        try:
            blob.upload_from_string(
                manifest.model_dump_json(indent=2),
                content_type="application/json",
                if_generation_match=0,
                **_TRANSFER,
            )
        except PreconditionFailed:
            sealed = self.manifest(manifest.batch_id)
            if sealed is None:
                raise
            return sealed
        return manifest

    def _check(self, files: Sequence[LakeFile], window: DateWindow) -> None:
        """One listing for the whole window: a year of dates must not cost a year of calls.

        An object that was cut or replaced by hand has lost the count of its rows.
        """
        if not files:
            return
        with self._errors("list the data files"):
            listed = self._list(
                "data/",
                start_offset=f"{self._prefix}/data/{window.start.isoformat()}",
                end_offset=f"{self._prefix}/data/{window.end.isoformat()}",
            )
            rows = {blob.name: blob.metadata.get(_ROWS) for blob in listed if blob.metadata}
        for file in files:
            if rows.get(self._data_name(file.day, file.batch_id)) != str(file.rows):
                raise StoreError(
                    f"{file.uri}: is missing, or was changed after its batch was landed",
                    remedy=self._remedy(file.batch_id),
                )

    def _download(self, name: str) -> BinaryIO:
        where, remedy = f"gs://{self._bucket.name}/{name}", self._remedy(Path(name).stem)
        content = SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY)  # noqa: SIM115 - the caller's
        try:
            with google_errors("read it", where, {**self._remedies, 404: remedy}):
                self._bucket.blob(name).download_to_file(content, **_TRANSFER)
        except StoreError:
            content.close()
            raise
        content.seek(0)
        return cast(BinaryIO, content)

    def _remedy(self, batch_id: str) -> str:
        manifest = f"gs://{self._bucket.name}/{self._manifest_name(batch_id)}"
        return f"Delete {manifest} and run again with the same input: its batch is landed anew."


def _already_gone(_blob: object) -> None:
    """What another process has deleted in the meantime needs no deleting."""


def _remedies(bucket: str) -> Remedies:
    return {
        401: "Renew the credentials of this process.",
        403: f"Grant its service account roles/storage.objectUser on gs://{bucket}.",
        404: f"Create it (`gcloud storage buckets create gs://{bucket}`) or correct "
        "data_lake.gcs_bucket.",
    }
