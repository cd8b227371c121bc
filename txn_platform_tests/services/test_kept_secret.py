import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from txn_platform.errors import ServiceError
from txn_platform.services.kept_secret import kept_secret


def test_a_secret_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = kept_secret(home, "one")
    assert len(made) == 64
    assert kept_secret(home, "one") == made
    assert kept_secret(home, "another") != made
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "secrets" / "one").stat().st_mode) == 0o600


def test_those_who_ask_at_the_same_moment_get_the_same_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: kept_secret(tmp_path, "one"), range(16)))) == 1
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["one"]


def test_a_folder_that_can_not_be_used_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file")
    with pytest.raises(ServiceError, match="secrets"):
        kept_secret(tmp_path, "one")
