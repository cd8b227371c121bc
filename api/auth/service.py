"""Authentication: who sent a request, known without a query; and what lies behind a login."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

from anyio import to_thread
from psycopg import AsyncConnection
from starlette.requests import HTTPConnection

from api.auth.audit import Caller
from api.auth.credentials import Credentials
from api.auth.keys import load_keys
from api.auth.passwords import Passwords
from api.auth.principal import Principal
from api.auth.revocations import Revocations
from api.auth.scopes import Requested, granted
from api.auth.sessions import Sessions
from api.auth.tokens import API, BROWSER, Tokens
from api.auth.verifier import Verifier
from api.database import ApiDatabase
from api.observability.logs import logger
from api.problems import ProblemError, StoreAwayError, unauthorized
from api.statements import statement
from txn_platform.errors import TransientStoreError
from txn_platform.settings import Settings
from txn_platform.users import UserDirectory

SESSION_COOKIE = "__Host-txn_session"
_PURGE_SECONDS = 3600
_SCHEME = "bearer"


@dataclass(frozen=True)
class Grant:
    """What a client gets for a password or a refresh token.

    Attributes:
        expires_in: Seconds that the access token lives.
    """

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    scopes: frozenset[str]


@dataclass(frozen=True)
class BrowserSession:
    """What a browser gets for a password.

    Attributes:
        cookie: The value of the session cookie.
        seconds: How long it lives.
    """

    cookie: str = field(repr=False)
    seconds: int


class AuthService:
    """The API's authentication.

    Args:
        settings: Secrets and lifetimes.
        database: The API's own tables.
        url: Address of the same database with the credentials of the API's role.
        passwords: Compares passwords; with the usual cost by default.

    Raises:
        ConfigurationError: without a signing secret in a profile other than `local`.
    """

    def __init__(
        self,
        settings: Settings,
        database: ApiDatabase,
        url: str,
        passwords: Passwords | None = None,
    ) -> None:
        section = settings.config.api
        keys = load_keys(settings)
        self._settings = settings
        self._database = database
        self._url = url
        self._access_seconds = section.access_token_seconds
        self._session_seconds = section.session_seconds
        self._tokens = Tokens(keys)
        self._revocations = Revocations(max(self._access_seconds, self._session_seconds))
        self._bearers = Verifier(self._tokens, self._revocations, API)
        self._browsers = Verifier(self._tokens, self._revocations, BROWSER)
        self._credentials = Credentials(database, passwords or Passwords(), keys.current)
        self._sessions = Sessions(database, self._revocations, section.refresh_token_seconds)
        self._prepared = False
        self._purged_at = float("-inf")

    @property
    def ready(self) -> bool:
        """Whether people can sign in: the tables are there, and PostgreSQL was once."""
        return self._prepared

    async def prepare(self) -> None:
        """Create what is missing in the database, and learn what was revoked.

        Where PostgreSQL is away, `refresh_revocations` does it later.

        Raises:
            ConfigurationError: for a TXN_ADMIN_PASSWORD that is too short.
            StoreError: when the API's role and schema are not there.
        """
        try:
            await to_thread.run_sync(self._ensure_tables)
            async with self._database.reading() as connection:
                await self._revocations.refresh(connection)
            self._prepared = True
        except (TransientStoreError, StoreAwayError) as error:
            reason = str(error).partition("\n")[0]
            logger().warning("authentication waits for postgres", reason=reason)

    async def refresh_revocations(self, connection: AsyncConnection) -> None:
        """Learn what other processes revoked; call it every second or so."""
        if not self._prepared:
            await self.prepare()
            return
        await self._revocations.refresh(connection)
        if time.monotonic() - self._purged_at > _PURGE_SECONDS:
            self._purged_at = time.monotonic()
            with suppress(StoreAwayError):
                async with self._database.writing() as own:
                    await own.execute(statement("api.auth", "purge"))

    def authenticate(self, request: HTTPConnection) -> Principal:
        """The user of a request with an `Authorization: Bearer` header.

        Raises:
            ProblemError: 401 without a token that can be used.
        """
        for name, value in request.scope["headers"]:
            if name == b"authorization":
                return _remembered(request, self._bearers.principal(_bearer(value)))
        raise unauthorized("This needs a token; POST /token gives one.", error=None)

    def session(self, request: HTTPConnection) -> Principal | None:
        """The user of a request with the cookie of a browser session, or None.

        Raises:
            StoreAwayError: as long as this process could not learn which sessions were revoked.
        """
        token = request.cookies.get(SESSION_COOKIE)
        if not token:
            return None
        try:
            return _remembered(request, self._browsers.principal(token))
        except StoreAwayError:
            raise
        except ProblemError:
            return None

    async def login(self, username: str, password: str, requested: Requested, who: Caller) -> Grant:
        """A session for a program.

        Raises:
            ProblemError: 401, 403 without any of the requested scopes, 429, 503.
        """
        self._require_prepared()
        account = await self._credentials.check(username, password, who)
        scopes = granted(requested, frozenset(account.scopes))
        session_id, refresh_token = await self._sessions.open_refreshable(
            account.username, scopes, who
        )
        return self._grant(account.username, scopes, session_id, refresh_token)

    async def refresh(self, refresh_token: str, requested: Requested, who: Caller) -> Grant:
        """New tokens for a refresh token, which is used up thereby.

        Raises:
            ProblemError: 401, 403, 503.
        """
        self._require_prepared()
        done = await self._sessions.refresh(refresh_token, requested, who)
        return self._grant(done.username, done.scopes, done.session_id, done.refresh_token)

    async def revoke(self, token: str, who: Caller) -> None:
        """End the session of an access or refresh token; others are no error (RFC 7009)."""
        self._require_prepared()
        if "." in token:
            session_id = self._tokens.session_of(token, API)
        else:
            session_id = await self._sessions.session_of(token)
        if session_id is not None:
            await self._sessions.revoke(session_id, who)

    async def open_browser_session(
        self, username: str, password: str, who: Caller
    ) -> BrowserSession:
        """A session for a browser, with everything that the user may do.

        Raises:
            ProblemError: 401, 429, 503.
        """
        self._require_prepared()
        account = await self._credentials.check(username, password, who)
        scopes = frozenset(account.scopes)
        seconds = self._session_seconds
        session_id = await self._sessions.open(account.username, scopes, seconds, who)
        cookie = self._tokens.issue(BROWSER, account.username, scopes, session_id, seconds)
        return BrowserSession(cookie, seconds)

    async def end_session(self, principal: Principal, who: Caller) -> None:
        """End the session that a principal belongs to."""
        self._require_prepared()
        await self._sessions.revoke(principal.session_id, who)

    def _grant(
        self, username: str, scopes: frozenset[str], session_id: str, refresh_token: str
    ) -> Grant:
        seconds = self._access_seconds
        access_token = self._tokens.issue(API, username, scopes, session_id, seconds)
        return Grant(access_token, seconds, refresh_token, scopes)

    def _require_prepared(self) -> None:
        if not self._prepared:
            raise StoreAwayError("postgres")

    def _ensure_tables(self) -> None:
        directory = UserDirectory(self._url)
        directory.ensure_tables()
        chosen = self._settings.admin_password
        if self._settings.profile == "local" and chosen is not None:
            directory.ensure_admin(chosen.get_secret_value())


def _bearer(header: bytes) -> str:
    scheme, _, token = header.decode("latin-1").partition(" ")
    if scheme.lower() != _SCHEME:
        raise unauthorized("The Authorization header must be `Bearer` and a token.", error=None)
    return token.strip(" ")


def _remembered(request: HTTPConnection, principal: Principal) -> Principal:
    """Let the access log know who it was."""
    request.scope.setdefault("state", {})["username"] = principal.username
    return principal
