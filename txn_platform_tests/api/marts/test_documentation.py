"""What OpenAPI says about the sales and meta routes, and what they do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.marts.filters import OperationalFilters, SalesFilters, TrendFilters
from api.marts.router import router as sales
from api.meta.router import router as meta
from api.responses import document_problems
from txn_platform_tests.api.marts.support import Serving

TRENDS = "/api/v1/sales/trends"
PG_TRENDS = "/api/v1/sales/pg-trends"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI()
    app.include_router(sales)
    app.include_router(meta)
    document_problems(app)
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def values_of(node: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    """Every value under a key, however deep."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from values_of(child, key)
    if isinstance(node, dict) and key in node:
        yield node[key]


def test_each_route_is_documented_once_under_its_versioned_path(document: dict[str, Any]) -> None:
    assert [name for name, _ in operations(document)] == [
        f"GET {TRENDS}",
        f"GET {PG_TRENDS}",
        "GET /api/v1/meta/counts",
        "GET /api/v1/meta/health",
        "GET /api/v1/meta/freshness",
    ]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(values_of(document["paths"], "$ref"))
    references |= set(values_of(document["components"], "$ref"))
    assert "#/components/schemas/ProblemDetails" in references
    for reference in references:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_route_needs_a_token_with_the_scope_to_read(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        assert list(values_of(operation["security"], "OAuth2")) == [["sales:read"]]


@pytest.mark.parametrize(
    ("path", "model"), [(TRENDS, TrendFilters), (PG_TRENDS, OperationalFilters)]
)
def test_the_parameters_are_those_of_the_filters_and_all_described(
    document: dict[str, Any], path: str, model: type[SalesFilters]
) -> None:
    parameters = document["paths"][path]["get"]["parameters"]
    queried = [each for each in parameters if each["in"] == "query"]
    assert {each["name"] for each in queried} == set(model.model_fields)
    for parameter in parameters:
        assert parameter["description"]
        assert parameter["required"] is False
        assert "null" not in list(values_of(parameter["schema"], "type"))


@pytest.mark.parametrize(
    ("path", "model"), [(TRENDS, TrendFilters), (PG_TRENDS, OperationalFilters)]
)
def test_the_examples_of_the_parameters_are_accepted(
    document: dict[str, Any], path: str, model: type[SalesFilters]
) -> None:
    for parameter in document["paths"][path]["get"]["parameters"]:
        for example in parameter["schema"].get("examples", []):
            model.model_validate({parameter["name"]: str(example)})


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        (TRENDS, {"200", "304", "401", "403", "422", "429", "503"}),
        (PG_TRENDS, {"200", "304", "401", "403", "422", "429", "503"}),
        ("/api/v1/meta/counts", {"200", "401", "403", "429", "503"}),
        ("/api/v1/meta/health", {"200", "401", "403", "429"}),
        ("/api/v1/meta/freshness", {"200", "401", "403", "429", "503"}),
    ],
)
def test_every_answer_is_documented(
    document: dict[str, Any], path: str, statuses: set[str]
) -> None:
    responses = document["paths"][path]["get"]["responses"]
    assert set(responses) == statuses
    for status, response in responses.items():
        assert response["description"]
        if status >= "400":
            assert list(response["content"]) == ["application/problem+json"]
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]


def test_every_header_of_an_answer_is_documented(document: dict[str, Any], api: Serving) -> None:
    responses = document["paths"][TRENDS]["get"]["responses"]
    answer = api.trends("limit=1")
    unchanged = api.trends("limit=1", **{"If-None-Match": answer.headers["ETag"]})
    for found in (answer, unchanged):
        documented = {name.lower() for name in responses[str(found.status_code)]["headers"]}
        assert set(found.headers) - {"content-type", "content-length"} <= documented


def test_the_fields_of_rows_are_documented_as_they_are_sent(
    document: dict[str, Any], api: Serving
) -> None:
    [row] = api.trends("limit=1").json()
    documented = document["components"]["schemas"]["SummaryRow"]
    assert list(row) == list(documented["properties"])
    assert documented["additionalProperties"] is False
    for amount in ("total_amount", "avg_price"):
        assert documented["properties"][amount]["type"] == "number"


def test_documented_patterns_mean_the_same_to_every_reader_of_them(
    document: dict[str, Any],
) -> None:
    for _, operation in operations(document):
        for pattern in values_of(operation.get("parameters", []), "pattern"):
            assert re.compile(pattern)
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            assert "\\d" not in pattern, "Python's own takes Arabic digits"
