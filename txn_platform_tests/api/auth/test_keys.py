"""The signing secrets: never a weak one, and never one that leaves the server."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.auth.keys import SigningKey, load_keys
from txn_platform.errors import ConfigurationError
from txn_platform.settings import KNOWN_DEFAULT_SECRETS, PROJECT_ROOT, Settings, load_settings
from txn_platform_tests.api.auth.support import PREVIOUS_SECRET, SECRET


def settings(home: Path, **environ: str) -> Settings:
    return load_settings(
        config=PROJECT_ROOT / "data" / "pipeline_config.yaml", home=home, environ=environ
    )


def test_a_given_secret_signs(tmp_path: Path) -> None:
    keys = load_keys(settings(tmp_path, JWT_SECRET=SECRET, JWT_SECRET_PREVIOUS=PREVIOUS_SECRET))
    assert keys.current == SigningKey.of(SECRET)
    assert keys.previous == SigningKey.of(PREVIOUS_SECRET)
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("weak", ["", "short", "x" * 31, *sorted(KNOWN_DEFAULT_SECRETS)])
def test_locally_a_weak_secret_is_replaced_by_a_kept_one_of_the_owner_alone(
    tmp_path: Path, weak: str
) -> None:
    environ = {"JWT_SECRET": weak, "JWT_SECRET_PREVIOUS": weak}
    keys = load_keys(settings(tmp_path, **environ))
    kept = tmp_path / "secrets" / "jwt_secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text()) >= 64
    assert keys.current == SigningKey.of(kept.read_text())
    assert keys.previous is None
    assert load_keys(settings(tmp_path, **environ)) == keys


def test_a_published_default_is_weak_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth.keys.KNOWN_DEFAULT_SECRETS", frozenset({SECRET}))
    keys = load_keys(settings(tmp_path, JWT_SECRET=SECRET))
    assert keys.current != SigningKey.of(SECRET)


def test_processes_that_start_at_the_same_moment_keep_the_same_secret(tmp_path: Path) -> None:
    given = settings(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_keys(given).current.key_id, range(8)))
    assert len(set(found)) == 1
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["jwt_secret"]


def test_outside_local_there_is_no_start_without_a_secret(tmp_path: Path) -> None:
    bare = settings(tmp_path, TXN_PROFILE="gcp").model_copy(update={"jwt_secret": None})
    with pytest.raises(ConfigurationError, match="JWT_SECRET"):
        load_keys(bare)
    given = bare.model_copy(update={"jwt_secret": SecretStr(SECRET)})
    assert load_keys(given).current == SigningKey.of(SECRET)


def test_the_text_of_a_public_key_is_no_secret(tmp_path: Path) -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
    with pytest.raises(ConfigurationError, match="public or private key"):
        load_keys(settings(tmp_path, JWT_SECRET=pem))


def test_the_name_of_a_key_tells_nothing_and_is_the_same_in_every_replica() -> None:
    key_id = SigningKey.of(SECRET).key_id
    assert re.fullmatch(r"[0-9a-f]{16}", key_id)
    assert key_id == SigningKey.of(SECRET).key_id
    assert key_id != SigningKey.of(PREVIOUS_SECRET).key_id


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(SigningKey.of(SECRET))


def test_codes_for_different_purposes_differ() -> None:
    key = SigningKey.of(SECRET)
    assert key.derived("one", "x") != key.derived("another", "x")
    assert key.derived("one", "x") != key.derived("one", "y")
