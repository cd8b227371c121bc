from pathlib import Path

import pytest

from txn_platform.errors import ConfigurationError
from txn_platform.settings import (
    ENVIRONMENT,
    KNOWN_DEFAULT_SECRETS,
    MIN_SECRET_LENGTH,
    PROJECT_ROOT,
    load_settings,
)

OLD_FILE_WITH_KNOWN_SECRET = PROJECT_ROOT / "data" / "pipeline_config_70.yaml"


def config_with(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_with_nothing_set_everything_is_local(tmp_path: Path) -> None:
    settings = load_settings(environ={})
    assert settings.profile == "local"
    assert settings.home == tmp_path / ".txn"
    assert settings.config_path == PROJECT_ROOT / "data" / "pipeline_config.yaml"
    assert settings.inbox == PROJECT_ROOT / "data" / "inbox"
    assert settings.pii_hash_key is None


def test_a_configuration_in_the_working_directory_comes_before_the_shipped_one(
    tmp_path: Path,
) -> None:
    own = tmp_path / "data" / "pipeline_config.yaml"
    own.parent.mkdir()
    own.write_text("pipeline: {name: mine}", encoding="utf-8")
    settings = load_settings(environ={})
    assert settings.config_path == own
    assert settings.config.pipeline.name == "mine"


def test_the_environment_names_the_file_the_home_and_the_inbox(tmp_path: Path) -> None:
    config = config_with(tmp_path, "pipeline: {name: mine}")
    settings = load_settings(
        environ={"TXN_CONFIG": str(config), "TXN_HOME": "state", "TXN_INBOX": "in"}
    )
    assert settings.config.pipeline.name == "mine"
    assert settings.home == tmp_path / "state"
    assert settings.inbox == tmp_path / "in"


def test_arguments_come_before_the_environment(tmp_path: Path) -> None:
    config = config_with(tmp_path, "pipeline: {name: mine}")
    settings = load_settings(
        config=config,
        home=tmp_path / "chosen",
        environ={"TXN_CONFIG": "/nowhere", "TXN_HOME": "/nowhere"},
    )
    assert settings.config_path == config
    assert settings.home == tmp_path / "chosen"


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    settings = load_settings(environ=dict.fromkeys(ENVIRONMENT, ""))
    assert settings.profile == "local"
    assert settings.home == tmp_path / ".txn"
    assert settings.pii_hash_key is None
    assert settings.postgres_user is None


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXN_PROFILE", "mars")
    with pytest.raises(ConfigurationError):
        load_settings()


def test_secrets_come_from_the_environment_and_do_not_show() -> None:
    names = ("PII_HASH_KEY", "TXN_ADMIN_PASSWORD", "POSTGRES_PASSWORD")
    settings = load_settings(environ=dict.fromkeys(names, "hunter2") | {"POSTGRES_USER": "me"})
    assert settings.pii_hash_key is not None
    assert settings.pii_hash_key.get_secret_value() == "hunter2"
    assert settings.admin_password == settings.postgres_password == settings.pii_hash_key
    assert settings.postgres_user == "me"
    assert "hunter2" not in repr(settings)


def test_credentials_in_the_file_come_before_those_of_the_environment(tmp_path: Path) -> None:
    text = "data_warehouse: {postgres: {user: filed, password: filed}}"
    settings = load_settings(
        config=config_with(tmp_path, text),
        environ={"POSTGRES_USER": "other", "POSTGRES_PASSWORD": "other"},
    )
    assert settings.postgres_user == "filed"
    assert settings.postgres_password is not None
    assert settings.postgres_password.get_secret_value() == "filed"


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ={"TXN_PROFILE": "GCP"})
    assert caught.value.message == "TXN_PROFILE: got 'GCP'; accepted: local, gcp"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TXN_PROFLE", "TXN_PROFILE"),
        ("TXN_CONFG", "TXN_CONFIG"),
        ("TXN_ADMIN_PASWORD", "TXN_ADMIN_PASSWORD"),
    ],
)
def test_a_misspelled_variable_is_refused_rather_than_ignored(name: str, meant: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ={name: "gcp"})
    expected = f"{name}: unknown environment variable (did you mean {meant}?)"
    assert caught.value.message == expected


def test_variables_of_other_programs_pass() -> None:
    load_settings(environ={"TXN_SOMETHING_ELSE": "1", "HOME": "/root", "TXNHOME": "x"})


@pytest.mark.parametrize("name", ["TXN_HOME", "TXN_INBOX"])
def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    occupied = tmp_path / "occupied"
    occupied.touch()
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ={name: str(occupied)})
    assert caught.value.message == (
        f"{name}: got {occupied}, which is a file; accepted: a directory, present or new"
    )


def test_a_tilde_in_a_path_is_the_home_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(environ={"TXN_HOME": "~/state"}).home == tmp_path / "state"


def test_a_missing_configuration_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="can't be read: No such file"):
        load_settings(environ={"TXN_CONFIG": "missing.yaml"})


def test_the_known_default_secret_of_an_older_file_serves_local_use() -> None:
    assert load_settings(config=OLD_FILE_WITH_KNOWN_SECRET, environ={}).config.security.jwt_secret


@pytest.mark.parametrize("secret", [*sorted(KNOWN_DEFAULT_SECRETS), "x" * (MIN_SECRET_LENGTH - 1)])
def test_a_weak_jwt_secret_is_refused_outside_local(tmp_path: Path, secret: str) -> None:
    config = config_with(tmp_path, f"security: {{jwt_secret: '{secret}'}}")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config=config, environ={"TXN_PROFILE": "gcp"})
    assert "security.jwt_secret: got a known default or fewer than 32" in caught.value.message
    assert f"'{secret}'" not in str(caught.value)


def test_a_strong_jwt_secret_is_accepted_outside_local(tmp_path: Path) -> None:
    config = config_with(tmp_path, f"security: {{jwt_secret: '{'x' * MIN_SECRET_LENGTH}'}}")
    assert load_settings(config=config, environ={"TXN_PROFILE": "gcp"}).profile == "gcp"


def test_no_jwt_secret_is_needed_in_the_file() -> None:
    assert load_settings(environ={"TXN_PROFILE": "gcp"}).config.security.jwt_secret is None


def test_the_environment_says_where_dagster_is_before_the_file_does(tmp_path: Path) -> None:
    config = config_with(tmp_path, "api: {dagster_url: https://dagster.example}")
    assert load_settings(config=config, environ={}).dagster_url == "https://dagster.example"
    environ = {"TXN_DAGSTER_URL": "http://127.0.0.1:3777"}
    assert load_settings(config=config, environ=environ).dagster_url == "http://127.0.0.1:3777"
