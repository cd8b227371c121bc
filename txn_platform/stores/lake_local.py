"""The lake as a directory.

A batch is complete when its manifest exists. The manifest is renamed into place after every
data file is on disk, so readers, who start from manifests, never see half a batch.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from txn_platform.errors import StoreError
from txn_platform.ingest.batch import Manifest, StagedBatch
from txn_platform.stores.disk import move_durably, store_errors
from txn_platform.stores.ports import LakeFile
from txn_platform.windows import DateWindow

_BATCH_ID = re.compile(r"[0-9a-f]{64}")
_TICK = timedelta(microseconds=1)


class LocalLake:
    """Batches under `root`/`prefix`, on a file system with atomic renames and flock.

    Args:
        root: Folder of the lake; created on first use.
        prefix: Path inside it, with forward slashes.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        self._base = root / prefix
        self._staging = root / ".staging"
        self._parsed: dict[Path, tuple[tuple[int, int], Manifest]] = {}

    def manifests(self) -> list[Manifest]:
        """The manifests of all complete batches, in landing order."""
        folder = self._base / "manifests"
        with store_errors("list the manifests", folder):
            found = [self._read(path) for path in folder.glob("*.json")]
        complete = (manifest for manifest in found if manifest)
        return sorted(complete, key=lambda manifest: (manifest.landed_at, manifest.batch_id))

    def manifest(self, batch_id: str) -> Manifest | None:
        """The manifest of one batch, or None where it is not (completely) landed."""
        # Batch ids also come from API requests: one with a slash must not leave the folder.
        return self._read(self._manifest(batch_id)) if _BATCH_ID.fullmatch(batch_id) else None

    @contextmanager
    def staging_folder(self) -> Generator[Path]:
        """A fresh folder on the lake's file system; gone afterwards.

        A flock on the folder tells that its owner lives; the system drops it with the process.
        """
        folder = self._staging / uuid4().hex
        with store_errors("create a staging folder", self._staging):
            self._staging.mkdir(parents=True, exist_ok=True)
            # Held until the new folder has its own lock: a folder that is just being made
            # would pass for a leftover.
            with _locked(self._staging):
                _remove_leftovers(self._staging)
                folder.mkdir()
                owner = _lock(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(owner)

    def commit(self, staged: StagedBatch) -> Manifest:
        """Publish a staged batch: data and rejects first, the manifest last."""
        with store_errors("publish a batch", self._base):
            self._base.mkdir(parents=True, exist_ok=True)
            with _locked(self._base):
                return self.manifest(staged.manifest.batch_id) or self._publish(staged)

    def files(self, window: DateWindow) -> list[LakeFile]:
        """Data files of complete batches with rows inside the window, by day and landing order.

        Raises:
            StoreError: when a file is missing, truncated or holds another number of rows than
                its manifest says.
        """
        found = [
            LakeFile(
                uri=str(self._data(day, manifest.batch_id)),
                day=day,
                batch_id=manifest.batch_id,
                landed_at=manifest.landed_at,
                rows=rows,
            )
            for manifest in self.manifests()
            for day, rows in manifest.dates.items()
            if day in window
        ]
        for file in found:
            self._check(file)
        return sorted(found, key=lambda file: file.day)

    def open(self, file: LakeFile) -> BinaryIO:
        """One data file for reading, seekable."""
        with store_errors("open a data file", Path(file.uri), remedy=self._remedy(file.batch_id)):
            return Path(file.uri).open("rb")

    def rejects(self, batch_id: str) -> BinaryIO:
        """The rejects of a complete batch for reading, seekable."""
        if self.manifest(batch_id) is None:
            raise StoreError(
                f"{self._base}: holds no complete batch {batch_id[:64]!r}",
                remedy="Land its input first.",
            )
        path = self._rejected(batch_id)
        with store_errors("open the rejects", path, remedy=self._remedy(batch_id)):
            return path.open("rb")

    def _data(self, day: date, batch_id: str) -> Path:
        return self._base / "data" / day.isoformat() / f"{batch_id}.parquet"

    def _rejected(self, batch_id: str) -> Path:
        return self._base / "rejected" / f"{batch_id}.parquet"

    def _manifest(self, batch_id: str) -> Path:
        return self._base / "manifests" / f"{batch_id}.json"

    def _remedy(self, batch_id: str) -> str:
        manifest = self._manifest(batch_id)
        return f"Delete {manifest} and run again with the same input: its batch is landed anew."

    def _publish(self, staged: StagedBatch) -> Manifest:
        """Move everything into place; the caller holds the lake's lock."""
        batch_id = staged.manifest.batch_id
        self._remove_other_days(staged)
        for day, source in staged.accepted.items():
            move_durably(source, self._data(day, batch_id))
        move_durably(staged.rejected, self._rejected(batch_id))
        landed = staged.manifest.model_copy(update={"landed_at": self._next_landing()})
        draft = staged.rejected.with_name(f"{batch_id}.json")
        draft.write_text(landed.model_dump_json(indent=2), encoding="utf-8")
        move_durably(draft, self._manifest(batch_id))
        return landed

    def _remove_other_days(self, staged: StagedBatch) -> None:
        """Remove what a killed process published for days that the batch no longer has.

        The rules may have changed since, so its rows may have been accepted then only.
        """
        days = {day.isoformat() for day in staged.accepted}
        for path in (self._base / "data").glob(f"*/{staged.manifest.batch_id}.parquet"):
            if path.parent.name not in days:
                path.unlink()
                with suppress(OSError):
                    path.parent.rmdir()

    def _next_landing(self) -> datetime:
        """Now, or just after the newest batch where the clock has been set back."""
        now = datetime.now(UTC)
        landed = self.manifests()
        return max(now, landed[-1].landed_at + _TICK) if landed else now

    def _read(self, path: Path) -> Manifest | None:
        """One manifest, parsed once for as long as its file stays the same."""
        with store_errors("read the manifest", path):
            try:
                status = path.stat()
            except FileNotFoundError:
                return None
            version = (status.st_mtime_ns, status.st_ino)
            if path not in self._parsed or self._parsed[path][0] != version:
                self._parsed[path] = (version, self._parse(path))
            return self._parsed[path][1]

    def _parse(self, path: Path) -> Manifest:
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise StoreError(
                f"{path}: is not a manifest ({error.error_count()} problems)",
                remedy=self._remedy(path.stem),
            ) from None
        if manifest.batch_id != path.stem:
            raise StoreError(
                f"{path}: is the manifest of another batch", remedy=self._remedy(path.stem)
            )
        return manifest

    def _check(self, file: LakeFile) -> None:
        path, remedy = Path(file.uri), self._remedy(file.batch_id)
        try:
            with store_errors("read a data file", path, remedy=remedy):
                rows = pq.read_metadata(path).num_rows  # pyright: ignore[reportUnknownMemberType]
        except pa.ArrowInvalid:
            raise StoreError(f"{path}: is damaged or truncated", remedy=remedy) from None
        if rows != file.rows:
            raise StoreError(
                f"{path}: holds {rows} rows, its manifest says {file.rows}", remedy=remedy
            )


def _lock(folder: Path, *, wait: bool = True) -> int:
    """A descriptor that holds the folder's flock until it is closed.

    Raises:
        BlockingIOError: when another holds it and `wait` is False.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    descriptor = _lock(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(staging: Path) -> None:
    """Remove the folders that no living process holds."""
    for folder in staging.iterdir():
        try:
            owner = _lock(folder, wait=False)
        except (BlockingIOError, FileNotFoundError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)
