"""Exported files in a bucket."""

from typing import Any, cast

from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]
from google.cloud.storage.retry import (  # pyright: ignore[reportMissingTypeStubs]
    DEFAULT_RETRY,
)

from txn_platform.stores.google_errors import google_errors

_REMEDIES = {
    403: "Grant roles/storage.objectUser on the bucket.",
    404: "Create the bucket, or correct data_lake.gcs_bucket.",
}


class GcsExports:
    """Objects below `exports/` of a bucket; an upload replaces the object as a whole."""

    def __init__(self, client: storage.Client, bucket: str) -> None:
        self._bucket = cast(Any, client).bucket(bucket)

    def write(self, name: str, content: bytes) -> str:
        """See `Exports.write`."""
        address = f"gs://{self._bucket.name}/exports/{name}"
        with google_errors("write the export", address, _REMEDIES):
            # Uploading the same bytes again is harmless, hence retried without a precondition.
            self._bucket.blob(f"exports/{name}").upload_from_string(
                content, timeout=60.0, retry=DEFAULT_RETRY, checksum="crc32c"
            )
        return address
