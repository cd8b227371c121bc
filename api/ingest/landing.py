"""Uploads on their way into the lake, a few at a time."""

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from anyio import CapacityLimiter, Semaphore, move_on_after, to_thread

from api.ingest.multipart import refused
from api.ingest.upload import Upload
from api.observability.logs import logger
from api.problems import ProblemError
from txn_platform.errors import ConfigurationError, InputFileError
from txn_platform.ingest.rules import IngestRules
from txn_platform.landing import Landing, land_stream
from txn_platform.settings import Settings
from txn_platform.stores.ports import Lake

AT_ONCE = 2
"""Each holds up to half a gigabyte and keeps a core busy."""
PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 10
OPERATOR_SECONDS = 300


class Landings:
    """Lands uploads in worker threads of their own.

    Args:
        settings: What decides about a row.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = Semaphore(AT_ONCE)
        self._threads = CapacityLimiter(AT_ONCE)

    async def land(self, upload: Upload, lake: Lake) -> Landing:
        """Land one upload, as it comes in.

        Raises:
            ProblemError: 408, 413 or 422 for an upload that is refused; nothing of it is stored.
                503 when others keep the server busy, or its settings forbid to land anything.
            StoreError: when the lake can't be written.
            ClientDisconnect: the client is gone; nothing of the upload is stored.
        """
        await self._take_slot()
        try:
            rules = IngestRules.from_settings(self._settings, today=datetime.now(UTC).date())
            name = await upload.begin()
            work = partial(land_stream, upload, name=name, lake=lake, rules=rules)
            return await to_thread.run_sync(work, limiter=self._threads)
        except InputFileError as error:
            raise refused(f"{error.message}. {error.remedy}".strip()) from None
        except ConfigurationError as error:
            logger().error("uploads are refused", reason=error.message)
            raise _away(
                "Files can't be taken in until an operator acts.", OPERATOR_SECONDS
            ) from None
        finally:
            self._slots.release()

    async def _take_slot(self) -> None:
        with move_on_after(PATIENCE_SECONDS) as waiting:
            await self._slots.acquire()
        if waiting.cancelled_caught:
            raise _away("Other files are being taken in; try again soon.", RETRY_SECONDS)


def _away(detail: str, retry_after: int) -> ProblemError:
    headers = {"Retry-After": str(retry_after)}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
