"""Where exported files go: a folder of the state directory, or the bucket."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from txn_platform.errors import StoreError

if TYPE_CHECKING:
    from google.cloud import storage


class Exports(Protocol):
    """A place for small files that other people's programs read."""

    def write(self, name: str, content: bytes) -> str:
        """Replace the file atomically; its path or address is returned."""
        ...


class LocalExports:
    """Files in one folder. A reader sees the old file or the new one, never a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> str:
        """See `Exports.write`."""
        target = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for stray in self._folder.glob(f".{name}.*"):
                stray.unlink(missing_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._folder, prefix=f".{name}.", delete=False
            ) as draft:
                draft.write(content)
                draft.flush()
                os.fsync(draft.fileno())
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(target)
        except OSError as error:
            raise StoreError(
                f"{target}: can't be written: {error.strerror}",
                remedy="Check free space and permissions of the state directory.",
            ) from error
        return str(target)


class GcsExports:
    """Objects below `exports/` of a bucket; an upload replaces the object as a whole."""

    def __init__(self, client: "storage.Client", bucket: str) -> None:
        self._bucket = cast(Any, client).bucket(bucket)

    def write(self, name: str, content: bytes) -> str:
        """See `Exports.write`."""
        # Imported here: the local profile never loads Google's libraries.
        from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

        from txn_platform.stores.google_errors import google_errors  # noqa: PLC0415

        address = f"gs://{self._bucket.name}/exports/{name}"
        remedies = {403: "Grant roles/storage.objectUser on the bucket."}
        with google_errors("write the export", address, remedies):
            # Uploading the same bytes again is harmless, hence retried without a precondition.
            self._bucket.blob(f"exports/{name}").upload_from_string(
                content, timeout=60.0, retry=DEFAULT_RETRY, checksum="crc32c"
            )
        return address
