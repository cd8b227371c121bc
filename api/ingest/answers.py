"""What an upload is answered with, as OpenAPI documents it."""

from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.ingest.multipart import FIELD
from api.ingest.upload import CONTENT_TYPE
from api.responses import problems
from txn_platform.ingest.batch import Manifest


class Account(BaseModel, frozen=True):
    """The rows of a file: those taken in, and those rejected, each for one reason."""

    status: Literal["success", "error"]
    processed: int = Field(description="Rows accepted.", examples=[4])
    rejected: int = Field(description="Rows rejected; they are kept, masked.", examples=[1])
    batch_id: str = Field(
        description="SHA-256 of the file.", pattern="^[0-9a-f]{64}$", examples=["0" * 64]
    )
    reasons: dict[str, int] = Field(
        description="Rejected rows by reason.", examples=[{"missing_product": 1}]
    )


class Landed(Account, frozen=True):
    """A file whose rows are on their way into the marts."""

    status: Literal["success"] = "success"
    already_there: bool = Field(
        description="A file with these bytes was sent before; the figures are those of then."
    )


class NothingValid(Account, frozen=True):
    """A file without a single row that could be taken in."""

    status: Literal["error"] = "error"
    message: Literal["No valid transactions"] = "No valid transactions"


def account(manifest: Manifest) -> dict[str, Any]:
    """The fields of an `Account`."""
    return {
        "processed": manifest.accepted,
        "rejected": manifest.rejected,
        "batch_id": manifest.batch_id,
        "reasons": manifest.reasons,
    }


def request_body() -> dict[str, Any]:
    """The upload in OpenAPI."""
    file = {
        "type": "string",
        "format": "binary",
        "description": "CSV (RFC 4180) in UTF-8 with the columns transaction_id, product, price, "
        "quantity and date, in any order.",
    }
    schema = {
        "type": "object",
        "properties": {FIELD: file},
        "required": [FIELD],
        "propertyNames": {"pattern": r"^[^\x00-\x1f\x7f]*$"},
    }
    content = {"schema": schema, "encoding": {FIELD: {"contentType": "text/csv"}}}
    return {"required": True, "content": {CONTENT_TYPE: content}}


def error_responses() -> dict[int | str, dict[str, Any]]:
    """All answers but 200 in OpenAPI."""
    responses = problems(401, 403, 408, 413, 415, 422, 429, 503)
    unusable = responses[HTTPStatus.UNPROCESSABLE_ENTITY.value]
    unusable["model"] = NothingValid
    unusable["description"] = (
        "The body is not one file, or the file is refused as a whole (`application/problem+json`); "
        "or it is landed, and none of its rows is valid (`application/json`)."
    )
    return responses
