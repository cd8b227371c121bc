"""Every error answer says what was wrong, in one form, and nothing of how we work inside."""

from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

import pytest
from fastapi import Body, FastAPI, File, Form, Header, HTTPException, Query, UploadFile
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problem_handlers
from api.observability.metrics import Metrics
from api.observability.middleware import RequestMiddleware
from api.problems import StoreAwayError, forbidden, too_large, too_many, unauthorized
from api.responses import ProblemDetails
from txn_platform.errors import StoreError, TransientStoreError

VALUE = "4111-1111"
SQL = "SELECT transaction_id FROM transactions"


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=5)]
    rows: list[int]


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    problem_handlers.install(app)
    app.add_middleware(_ShortBodies)
    app.add_middleware(RequestMiddleware, metrics=Metrics())
    _add_routes(app)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "status", "header", "detail"),
    [
        ("GET", "/nothing?q=1", 404, None, "There is nothing at this path."),
        ("POST", "/sales", 405, ("Allow", "GET"), "This path accepts GET."),
        ("GET", "/unauthorized", 401, ("WWW-Authenticate", "Bearer realm="), "No."),
        ("GET", "/forbidden", 403, ("WWW-Authenticate", "Bearer realm="), "This needs the scope"),
        ("GET", "/many", 429, ("Retry-After", "7"), "Too many requests"),
        ("GET", "/away", 503, ("Retry-After", "5"), "The warehouse does not answer"),
        ("GET", "/store", 503, ("Retry-After", "5"), "A store does not answer"),
        ("GET", "/transient", 503, ("Retry-After", "5"), "A store does not answer"),
        ("GET", "/teapot", 418, ("X-Tea", "green"), "short and stout"),
        ("GET", "/defect", 500, None, "Something went wrong here."),
        ("POST", "/upload", 413, None, "The body may have at most 100 bytes."),
    ],
)
def test_every_error_is_a_problem_of_one_form(
    client: TestClient,
    method: str,
    path: str,
    status: int,
    header: tuple[str, str] | None,
    detail: str,
) -> None:
    upload = {"file": ("a.csv", b"x" * 200)} if path == "/upload" else None
    response = client.request(method, path, files=upload, headers={"X-Request-Id": "mine"})
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = ProblemDetails.model_validate_json(response.content)
    assert problem.type == "about:blank"
    assert problem.title == HTTPStatus(status).phrase
    assert problem.status == status
    assert problem.detail.startswith(detail)
    assert problem.instance == path.partition("?")[0]
    assert problem.request_id == "mine" == response.headers["X-Request-Id"]
    if header:
        assert response.headers[header[0]].startswith(header[1])
    for internal in (SQL, VALUE, "10.0.0.5", "Traceback", "psycopg"):
        assert internal not in response.text


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ("limit=0", "limit", "must be at least 1"),
        ("limit=1001", "limit", "must be at most 1000"),
        (f"limit={VALUE}", "limit", "must be a whole number"),
        ("limit=1e3", "limit", "must be a whole number"),
        ("limit=1.5", "limit", "must be a whole number"),
        ("limit=" + "9" * 5_000, "limit", "must be a smaller whole number"),
        ("limit=%F0%9F%98%80", "limit", "must be a whole number"),
        ("limit=%FF%00", "limit", "must be a whole number"),
        (f"day={VALUE}", "day", "must be a date such as 2023-10-31"),
        ("day=2023-02-30", "day", "must be a date such as 2023-10-31"),
        (f"least={VALUE}", "least", "must be a number such as 1234.50"),
        ("least=NaN", "least", "must be a finite number"),
        ("least=1.234", "least", "may have at most 2 decimals"),
        (f"prefix={VALUE}", "prefix", "has characters or a form that are not accepted"),
        ("prefix=" + "a" * 11, "prefix", "may have at most 10 characters"),
        ("sure=maybe", "sure", "must be true or false"),
    ],
)
def test_a_parameter_that_can_not_be_used_is_named_in_plain_words(
    client: TestClient, query: str, name: str, reason: str
) -> None:
    response = client.get(f"/sales?{query}")
    assert response.status_code == 422
    assert response.json()["parameters"] == [{"name": name, "in": "query", "reason": reason}]
    assert response.json()["detail"] == f"{name}: {reason}"
    assert VALUE not in response.text


def test_all_parameters_at_fault_are_named_at_once(client: TestClient) -> None:
    response = client.get("/sales?limit=x&sure=maybe", headers={"X-Page": VALUE})
    assert {(found["in"], found["name"]) for found in response.json()["parameters"]} == {
        ("query", "limit"),
        ("query", "sure"),
        ("header", "x-page"),
    }


def test_a_parameter_of_several_types_is_named_once(client: TestClient) -> None:
    response = client.get(f"/sales?month={VALUE}")
    assert [found["name"] for found in response.json()["parameters"]] == ["month"]


def test_a_parameter_of_the_path_is_named(client: TestClient) -> None:
    [found] = client.get(f"/rows/{VALUE}").json()["parameters"]
    assert found == {"name": "row", "in": "path", "reason": "must be a whole number"}


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (b"{", [("body", "must be valid JSON")]),
        (b"[]", [("body", "must be a JSON object")]),
        (b"\xff", None),
        (b'{"name": "abc"}', [("rows", "is missing")]),
        (
            b'{"name": "%s", "rows": [1, "%s"], "%s": 1}' % ((VALUE.encode(),) * 3),
            [
                ("name", "may have at most 5 characters"),
                ("rows.1", "must be a whole number"),
                (VALUE, "is not a parameter here"),
            ],
        ),
    ],
)
def test_a_json_body_is_told_where_it_is_wrong(
    client: TestClient, body: bytes, parameters: list[tuple[str, str]] | None
) -> None:
    response = client.post("/batch", content=body, headers={"Content-Type": "application/json"})
    if parameters is None:
        assert response.status_code == 400
        assert response.json()["detail"] == "The request can't be read."
        return
    assert response.status_code == 422
    assert [(found["name"], found["reason"]) for found in response.json()["parameters"]] == (
        parameters
    )
    assert {found["in"] for found in response.json()["parameters"]} == {"body"}


def test_a_field_of_a_form_is_named_as_such(client: TestClient) -> None:
    response = client.post("/form", data={"password": VALUE})
    assert response.json()["parameters"] == [
        {"name": "username", "in": "form", "reason": "is missing"}
    ]
    assert VALUE not in response.text


def test_a_message_of_a_validator_of_ours_is_passed_on(client: TestClient) -> None:
    [found] = client.get("/sales?sort=-").json()["parameters"]
    assert found["reason"] == "must name a column"


def test_a_redirect_is_no_problem(client: TestClient) -> None:
    response = client.get("/moved", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["Location"] == "/login"
    assert response.content == b""


def test_the_path_is_told_as_an_address(client: TestClient) -> None:
    assert client.get("/näch%22sten?x=1").json()["instance"] == "/n%C3%A4ch%22sten"


def test_without_the_middleware_a_problem_has_no_request_id() -> None:
    app = FastAPI()
    problem_handlers.install(app)
    assert "request_id" not in TestClient(app).get("/nothing").json()


class _ShortBodies:
    """Refuses a body in the midst of it, as the limit of the API does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def limited() -> Message:
            message = await receive()
            if len(message.get("body", b"")) > 100:
                raise too_large(100)
            return message

        await self._app(scope, limited, send)


def _sort_key(value: str) -> str:
    if value == "-":
        raise ValueError("must name a column")
    return value


def _add_routes(app: FastAPI) -> None:
    @app.get("/sales")
    async def sales(  # noqa: PLR0913, PLR0917
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        day: date | None = None,
        least: Annotated[Decimal | None, Query(decimal_places=2)] = None,
        prefix: Annotated[str | None, Query(max_length=10, pattern="^[a-z]*$")] = None,
        sure: bool = False,
        month: date | int | None = None,
        sort: Annotated[str, AfterValidator(_sort_key)] = "",
        x_page: Annotated[int, Header()] = 1,
    ) -> str:
        return f"{limit}{day}{least}{prefix}{sure}{month}{sort}{x_page}"

    @app.get("/rows/{row}")
    async def rows(row: int) -> int:
        return row

    @app.post("/batch")
    async def batch(body: Annotated[Batch, Body()]) -> Batch:
        return body

    @app.post("/form")
    async def form(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> str:
        return username + password

    @app.post("/upload")
    async def upload(file: Annotated[UploadFile, File()]) -> str | None:
        return file.filename

    errors: dict[str, Exception] = {
        "unauthorized": unauthorized("No."),
        "forbidden": forbidden("sales:read"),
        "many": too_many(7),
        "away": StoreAwayError("warehouse"),
        "store": StoreError(f"10.0.0.5:5432/mydb: {SQL} failed"),
        "transient": TransientStoreError("10.0.0.5:5432/mydb: lost"),
        "teapot": HTTPException(418, "short and stout", {"X-Tea": "green"}),
        "defect": LookupError(f"psycopg at 10.0.0.5: {SQL} with {VALUE}"),
        "moved": HTTPException(303, headers={"Location": "/login"}),
    }

    @app.get("/{name}")
    async def fail(name: str) -> None:
        raise errors.get(name) or HTTPException(404)
