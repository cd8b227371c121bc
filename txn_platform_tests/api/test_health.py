import pytest
from fastapi.testclient import TestClient

from api.main import create_app


@pytest.mark.parametrize(("path", "status"), [("/livez", "alive"), ("/readyz", "ready")])
def test_a_probe_is_answered(path: str, status: str) -> None:
    response = TestClient(create_app()).get(path)
    assert response.status_code == 200
    assert response.json() == {"status": status}
