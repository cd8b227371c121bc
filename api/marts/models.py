"""What the sales routes answer with, for the documentation; the stores write the JSON."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.responses import headers

Money = Annotated[Decimal, WithJsonSchema({"type": "number"})]


class SummaryRow(BaseModel):
    """Sales of a product in a month."""

    model_config = ConfigDict(extra="forbid")

    product: str = Field(description="Product name.", examples=["Halal Laptop"])
    sale_month: date = Field(description="First day of the month.", examples=["2023-10-01"])
    total_amount: Money = Field(
        description="Sum of price times quantity, exact, with at most two decimals.",
        examples=[1999.98],
    )
    avg_price: Money = Field(
        description="Mean price of one piece over the transactions, rounded to two decimals.",
        examples=[999.99],
    )
    total_quantity: int = Field(description="Pieces sold.", examples=[2])
    transaction_count: int = Field(description="Number of transactions.", examples=[1])


class OperationalRow(SummaryRow):
    """Sales of a product in one transaction on one date."""

    transaction_id: str = Field(
        description="Hash of the transaction's identifier, 64 lower-case hexadecimal digits.",
        examples=["8c3c0ef8b3d0a9d4f3a1a0f2c1c4f3a7d5c58b7f6a3a2b1c0d9e8f7a6b5c4d3e"],
    )
    sale_date: date = Field(description="Date of the sale.", examples=["2023-10-01"])


_TEXT = {"type": "string"}

_VALIDATORS = headers(
    ETag=("Strong entity tag, for `If-None-Match`.", _TEXT),
    Last_Modified=("When the mart was materialized, for `If-Modified-Since`.", _TEXT),
    Cache_Control=("Always `private, no-cache`: keep it, and ask again each time.", _TEXT),
    Vary=("Always `Authorization`.", _TEXT),
    X_Materialization_Id=("The materialization that all rows are of.", _TEXT),
    X_Materialized_At=("When that was, in UTC (ISO 8601).", {**_TEXT, "format": "date-time"}),
    X_Total_Count=("Rows on all pages.", {"type": "integer", "minimum": 0}),
    Link=("`first`, `prev`, `next` and `last` page (RFC 8288), as absolute paths.", _TEXT),
    X_Data_Stale=("`true` where the store did not answer and an older answer stands in.", _TEXT),
    Warning=('`110 - "Response is Stale"`, together with `X-Data-Stale`.', _TEXT),
)

MART_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows of the page. Before the pipeline's first run none, and without "
        "the headers of a materialization.",
        "headers": _VALIDATORS,
    },
    304: {
        "description": "The client has this answer already (`If-None-Match`, or "
        "`If-Modified-Since` without it).",
        "headers": _VALIDATORS,
    },
}

CONDITIONS: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "Entity tags of answers that the client has; 304 when one is current.",
            "schema": {"type": "string"},
        },
        {
            "name": "If-Modified-Since",
            "in": "header",
            "required": False,
            "description": "`Last-Modified` of the answer that the client has; without effect "
            "beside `If-None-Match`.",
            "schema": {"type": "string"},
        },
    ]
}
