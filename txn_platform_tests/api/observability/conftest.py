from collections.abc import Generator

import pytest

from txn_platform_tests.api.observability.recording import Recorder


@pytest.fixture
def recorder() -> Generator[Recorder]:
    found = Recorder()
    found.start()
    yield found
    found.stop()
