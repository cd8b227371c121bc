"""What goes wrong with a request, as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class InvalidParameter:
    """One parameter that can't be used.

    Attributes:
        name: As the client wrote it, for example `limit`.
        location: `query`, `path`, `header`, `body` or `form`.
        reason: What is wrong and what is accepted; never the value itself.
    """

    name: str
    location: str
    reason: str


class ProblemError(Exception):
    """An answer other than success.

    Attributes:
        status: The HTTP status.
        detail: What was wrong and what to do next, without internals, SQL or identifiers.
        headers: Added to the answer.
        parameters: The parameters at fault.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Sequence[InvalidParameter] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.parameters = tuple(parameters)


def unauthorized(detail: str, *, error: str | None = "invalid_token") -> ProblemError:
    """401: no valid token or session (RFC 6750); `error` is None where no token was sent."""
    challenge = 'Bearer realm="txn_platform"' + (f', error="{error}"' if error else "")
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


def forbidden(scope: str) -> ProblemError:
    """403: the user lacks a scope."""
    challenge = f'Bearer realm="txn_platform", error="insufficient_scope", scope="{scope}"'
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        f"This needs the scope {scope}.",
        headers={"WWW-Authenticate": challenge},
    )


def too_large(limit: int) -> ProblemError:
    """413: the body is longer than `limit` bytes."""
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have at most {limit:,} bytes."
    )


def invalid(*parameters: InvalidParameter) -> ProblemError:
    """422: parameters out of range or malformed."""
    named = "; ".join(f"{parameter.name}: {parameter.reason}" for parameter in parameters)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, named, parameters=parameters)


def too_many(seconds: int) -> ProblemError:
    """429: try again in so many seconds."""
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many requests; try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


_STORES = {"postgres": "PostgreSQL", "warehouse": "The warehouse", "lake": "The data lake"}


class StoreAwayError(ProblemError):
    """503: a store does not answer, and nothing cached could stand in.

    Attributes:
        store: `warehouse`, `postgres` or `lake`.
    """

    def __init__(self, store: str, *, retry_after: int = 5) -> None:
        super().__init__(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{_STORES[store]} does not answer; try again in {retry_after} seconds.",
            headers={"Retry-After": str(retry_after)},
        )
        self.store = store
