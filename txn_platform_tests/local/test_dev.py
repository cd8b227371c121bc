"""The services, the UI and the API together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from txn_platform.errors import ServiceError
from txn_platform.local.dev import dev_servers
from txn_platform.settings import load_settings


def test_the_password_that_was_made_up_is_shown_although_the_servers_do_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(home=tmp_path / "home", environ={})
    shown: list[str | None] = []
    monkeypatch.setattr("txn_platform.local.dev._spawn", broken)
    monkeypatch.setattr("txn_platform.local.dev.require_free_port", lambda *_: None)
    for _ in range(2):
        with pytest.raises(ServiceError), dev_servers(settings, 3000, 8000, shown.append):
            pass
    made_up, later = shown
    assert made_up
    assert later is None


def broken(_command: Sequence[str], _environment: Mapping[str, str]) -> None:
    raise ServiceError("does not start")
