from collections.abc import Callable, Generator

import pytest
from fastapi.testclient import TestClient

from api.auth.service import SESSION_COOKIE
from txn_platform_tests.api.dashboard.stand_ins import Stage

Browser = Callable[[Stage, str | None], TestClient]


@pytest.fixture
def browser() -> Generator[Browser]:
    """A browser at a stage, signed in as somebody or not."""
    opened: list[TestClient] = []

    def opener(at: Stage, user: str | None = "ana") -> TestClient:
        client = TestClient(at.app, base_url="https://dashboard.test", follow_redirects=False)
        if user:
            client.cookies.set(SESSION_COOKIE, user)
        opened.append(client)
        return client

    yield opener
    for client in opened:
        client.close()
