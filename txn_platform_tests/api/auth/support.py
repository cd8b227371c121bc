"""An application with the authentication alone, on a real database."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import httpx2
import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import FastAPI, Request, Response
from jose import jwt
from starlette.testclient import TestClient

from api import problem_handlers
from api.auth import browser
from api.auth.dependencies import requires
from api.auth.keys import SigningKey
from api.auth.passwords import Passwords
from api.auth.principal import Principal
from api.auth.revocations import Revocations
from api.auth.routes import router
from api.auth.service import AuthService
from api.database import ApiDatabase
from txn_platform.settings import Settings, load_settings

SECRET = "a secret of the tests, long enough for them"
PREVIOUS_SECRET = "the secret before that, just as long as it"
ADDRESS = "192.0.2.1"
"""Where the requests come from."""
PASSWORD = "correct horse battery staple"
WRONG = "incorrect horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = CHEAP.hash(PASSWORD)


class CountedPasswords(Passwords):
    """Cheap ones, which remember how many were really compared."""

    def __init__(self) -> None:
        self._counting = CountingHasher()
        super().__init__(self._counting)

    @property
    def compared(self) -> int:
        return self._counting.compared


class CountingHasher(PasswordHasher):
    """Counts computed hashes: one that can't be read costs no time."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.compared = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - overrides
        try:
            found = super().verify(hash, password)
        except VerifyMismatchError:
            self.compared += 1
            raise
        self.compared += 1
        return found


class Api:
    """The application, and what a test needs to look behind it."""

    def __init__(self, client: TestClient, auth: AuthService, database: ApiDatabase) -> None:
        self.client = client
        self.auth = auth
        self._database = database

    def sign_in(self, username: str, password: str = PASSWORD, **fields: str) -> httpx2.Response:
        form = {"username": username, "password": password, **fields}
        return self.client.post("/token", data=form)

    def refresh(self, refresh_token: str, **fields: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **fields}
        return self.client.post("/token", data=form)

    def read(self, token: str, path: str = "/sales") -> httpx2.Response:
        return self.client.get(path, headers={"Authorization": f"Bearer {token}"})

    def poll(self) -> None:
        """What the watch does every half second."""

        async def refresh() -> None:
            async with self._database.reading() as connection:
                await self.auth.refresh_revocations(connection)

        self.call(refresh)

    def refresh_into(self, known: Revocations) -> None:
        """Read the revocations into a set other than the application's."""

        async def refresh() -> None:
            async with self._database.reading() as connection:
                await known.refresh(connection)

        self.call(refresh)

    def call(self, function: Callable[[], Awaitable[object]]) -> object:
        """Run on the event loop of the application."""
        assert self.client.portal is not None
        return self.client.portal.call(function)


@contextmanager
def running_api(settings: Settings, url: str, passwords: Passwords | None = None) -> Generator[Api]:
    """The application, started."""
    database = ApiDatabase(url, statement_timeout=5)
    auth = AuthService(settings, database, url, passwords or Passwords(CHEAP))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        await database.open()
        try:
            await auth.prepare()
            yield
        finally:
            await database.close()

    app = FastAPI(lifespan=lifespan)
    app.state.services = SimpleNamespace(auth=auth)
    problem_handlers.install(app)
    app.include_router(router)
    _add_routes(app)
    with TestClient(
        app, base_url="https://testserver", follow_redirects=False, client=(ADDRESS, 50_000)
    ) as client:
        yield Api(client, auth, database)


def _add_routes(app: FastAPI) -> None:
    """One route for each way of being asked who one is."""

    @app.get("/sales")
    async def sales(principal: Annotated[Principal, requires("sales:read")]) -> dict[str, Any]:
        return {"username": principal.username, "scopes": sorted(principal.scopes)}

    @app.get("/uploads")
    async def uploads(principal: Annotated[Principal, requires("ingest:write")]) -> str:
        return principal.username

    @app.get("/")
    async def page(request: Request) -> str | None:
        found = app.state.services.auth.session(request)
        return found and f"{found.username} {found.csrf_token}"

    @app.get("/login")
    async def login_form(request: Request) -> Response:
        token = browser.login_token(request)
        response = Response(token)
        browser.set_login_cookie(response, token)
        return response

    @app.post("/login")
    async def login(request: Request) -> Response:
        form = await request.json()
        session = await browser.sign_in(
            request, form["username"], form["password"], form["csrf_token"]
        )
        response = Response(status_code=303, headers={"Location": "/"})
        browser.set_session_cookie(response, session)
        return response

    @app.post("/logout")
    async def logout(request: Request) -> Response:
        found = app.state.services.auth.session(request)
        assert found is not None
        await browser.sign_out(request, found, (await request.json())["csrf_token"])
        response = Response(status_code=303, headers={"Location": "/"})
        browser.clear_session_cookie(response)
        return response


def forged(
    *,
    secret: str = SECRET,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    without: str = "",
    **changes: object,
) -> str:
    """A token that is right but for what a test changes."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "txn_platform",
        "aud": "txn_platform.api",
        "sub": "ana",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": "one",
        "sid": "a session",
        "scope": "sales:read",
    } | changes
    claims.pop(without, None)
    named = {"kid": SigningKey.of(SECRET).key_id} if headers is None else headers
    return jwt.encode(claims, secret, algorithm, headers=named)


def add_user(url: str, username: str, *scopes: str) -> None:
    """With a hash that costs next to nothing."""
    insert = "INSERT INTO api.users (username, password_hash, scopes) VALUES (%s, %s, %s)"
    with psycopg.connect(url) as connection:
        connection.execute(insert, (username, HASH, list(scopes or ("sales:read",))))


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds, as the API's role."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def local_settings(home: Path, **environ: str) -> Settings:
    return load_settings(home=home, environ={"JWT_SECRET": SECRET, **environ})
