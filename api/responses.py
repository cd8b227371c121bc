"""Bodies that several routes answer with, as OpenAPI documents them."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field


class ParameterProblem(BaseModel):
    """One parameter that can't be used."""

    model_config = ConfigDict(serialize_by_alias=True)

    name: str = Field(description="As the client wrote it.", examples=["limit"])
    location: str = Field(
        serialization_alias="in",
        description="`query`, `path`, `header`, `cookie`, `body` or `form`.",
        examples=["query"],
    )
    reason: str = Field(description="What is accepted.", examples=["must be at most 1000"])


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(default="about:blank", description="The title says all there is.")
    title: str = Field(description="The status in words.", examples=["Unprocessable Entity"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(
        description="What was wrong and what to do.", examples=["limit: must be at most 1000"]
    )
    instance: str = Field(
        description="The path, without the query.", examples=["/api/v1/sales/trends"]
    )
    request_id: str | None = Field(
        default=None,
        description="As in `X-Request-Id`; the server's log names it, too.",
        examples=["0f9c2b6e8d3a4f1b9c5d7e2a1b3c4d5e"],
    )
    parameters: list[ParameterProblem] | None = Field(
        default=None, description="The parameters at fault, with 422."
    )


_WHEN = {
    401: "No token, or one that is invalid, expired or revoked.",
    403: "The token lacks the scope that this route needs.",
    404: "There is no such thing.",
    405: "The path exists, but not with this method.",
    408: "The body stopped coming.",
    413: "The body is longer than the server accepts.",
    415: "The body is of a type that this route does not read.",
    422: "A parameter is unknown, given twice, malformed or out of range; the answer names it.",
    429: "Too many requests.",
    503: "A store does not answer, and nothing cached could stand in.",
}
_HEADERS: dict[int, dict[str, tuple[str, dict[str, Any]]]] = {
    401: {"WWW-Authenticate": ("What to authenticate with (RFC 6750).", {"type": "string"})},
    403: {"WWW-Authenticate": ("The scope that is missing (RFC 6750).", {"type": "string"})},
    405: {"Allow": ("The methods that the path accepts.", {"type": "string"})},
    429: {"Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 0})},
    503: {"Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 0})},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the `responses` of a route: error answers as problem details, with their headers."""
    return {status: _problem(status) for status in statuses}


def document_problems(app: FastAPI) -> None:
    """Put the schema that `problems` refers to into the application's OpenAPI document."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        schema = ProblemDetails.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**schema.pop("$defs"), ProblemDetails.__name__: schema}
        return document

    app.openapi = described


def headers(**described: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI headers from (description, schema) by name, underscores standing for hyphens."""
    return {
        name.replace("_", "-"): {"description": description, "schema": schema}
        for name, (description, schema) in described.items()
    }


def _problem(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {
        "description": _WHEN[status],
        "headers": headers(**_HEADERS.get(status, {})),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                "example": {
                    "type": "about:blank",
                    "title": title,
                    "status": status,
                    "detail": _WHEN[status],
                    "instance": "/api/v1/sales/trends",
                },
            }
        },
    }
