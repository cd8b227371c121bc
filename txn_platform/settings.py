"""The platform's settings: one YAML file and the environment, read once, typed and frozen.

Nothing else reads environment variables or the configuration file.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from txn_platform.config import PipelineConfig
from txn_platform.config_file import read_config
from txn_platform.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DEFAULT_CONFIG = Path("data/pipeline_config.yaml")
DEFAULT_HOME = Path(".txn")

ENVIRONMENT = (
    "TXN_PROFILE",
    "TXN_HOME",
    "TXN_CONFIG",
    "TXN_INBOX",
    "TXN_ADMIN_PASSWORD",
    "PII_HASH_KEY",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "API_POSTGRES_USER",
    "API_POSTGRES_PASSWORD",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "TXN_DAGSTER_URL",
)
"""The variables that the platform reads."""

KNOWN_DEFAULT_SECRETS = frozenset({"your-secret-key", "secret", "changeme", "change-me"})
MIN_SECRET_LENGTH = 32


class Settings(BaseModel):
    """Everything that decides what a run does and where.

    Attributes:
        profile: `local` (DuckDB, embedded PostgreSQL, a directory) or `gcp`.
        home: State directory of the local profile, absolute.
        config_path: The file that `config` came from.
        config: The validated configuration file.
        inbox: Where `lake_transactions` looks for pending CSV files, absolute.
        pii_hash_key: Key of HMAC-SHA-256; without it identifiers are hashed with SHA-256.
        admin_password: Password for the first API user, when the operator chose one.
        postgres_user, postgres_password: Credentials of the gcp profile.
        api_postgres_user, api_postgres_password: Credentials of the API's own, lesser role in
            the gcp profile.
        jwt_secret: Signs the API's tokens; in the local profile generated where not given.
        jwt_secret_previous: Still verifies tokens while the secret is being rotated.
        dagster_url: Where the dashboard's links to assets lead.
        otlp_endpoint: Where traces go; without it there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Literal["local", "gcp"]
    home: Path
    config_path: Path
    config: PipelineConfig
    inbox: Path
    pii_hash_key: SecretStr | None = None
    admin_password: SecretStr | None = None
    postgres_user: str | None = None
    postgres_password: SecretStr | None = None
    api_postgres_user: str | None = None
    api_postgres_password: SecretStr | None = None
    jwt_secret: SecretStr | None = None
    jwt_secret_previous: SecretStr | None = None
    dagster_url: str = "http://127.0.0.1:3000"
    otlp_endpoint: str | None = None


def load_settings(
    *,
    config: Path | None = None,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the configuration file and the environment.

    Args:
        config: The file; else `TXN_CONFIG`, else `data/pipeline_config.yaml` in the working
            directory, else the one that the project ships.
        home: State directory; else `TXN_HOME`, else `.txn` in the working directory.
        environ: The environment; the process's own by default.

    Raises:
        ConfigurationError: naming the key, what it got and what it accepts.
    """
    env = os.environ if environ is None else environ
    _refuse_misspelled(env)
    profile = _profile_from(env)
    path = config or _path_from(env, "TXN_CONFIG") or _default_config()
    pipeline = read_config(path)
    jwt_secret = _secret_from(env, "JWT_SECRET")
    jwt_secret_previous = _secret_from(env, "JWT_SECRET_PREVIOUS")
    for name, secret in (
        ("JWT_SECRET", jwt_secret),
        ("JWT_SECRET_PREVIOUS", jwt_secret_previous),
        (f"{path}: security.jwt_secret", pipeline.security.jwt_secret),
    ):
        _refuse_weak_secret(name, secret, profile)
    postgres = pipeline.data_warehouse.postgres
    return Settings(
        profile=profile,
        home=_directory(home or _path_from(env, "TXN_HOME") or DEFAULT_HOME, "TXN_HOME"),
        config_path=path.absolute(),
        config=pipeline,
        inbox=_directory(
            _path_from(env, "TXN_INBOX") or PROJECT_ROOT / "data" / "inbox", "TXN_INBOX"
        ),
        pii_hash_key=_secret_from(env, "PII_HASH_KEY"),
        admin_password=_secret_from(env, "TXN_ADMIN_PASSWORD"),
        postgres_user=postgres.user or env.get("POSTGRES_USER") or None,
        postgres_password=postgres.password or _secret_from(env, "POSTGRES_PASSWORD"),
        api_postgres_user=env.get("API_POSTGRES_USER") or None,
        api_postgres_password=_secret_from(env, "API_POSTGRES_PASSWORD"),
        jwt_secret=jwt_secret or pipeline.security.jwt_secret,
        jwt_secret_previous=jwt_secret_previous,
        dagster_url=env.get("TXN_DAGSTER_URL") or pipeline.api.dagster_url,
        otlp_endpoint=env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
    )


def _refuse_misspelled(env: Mapping[str, str]) -> None:
    """TXN_PROFLE=gcp must not quietly mean local. Variables of other tools pass."""
    for name in sorted(env):
        if name.startswith("TXN_") and name not in ENVIRONMENT:
            close = get_close_matches(name, ENVIRONMENT, n=1, cutoff=0.85)
            if close:
                raise ConfigurationError(
                    f"{name}: unknown environment variable (did you mean {close[0]}?)",
                    remedy="Rename or unset it.",
                )


def _profile_from(env: Mapping[str, str]) -> Literal["local", "gcp"]:
    match env.get("TXN_PROFILE") or "local":
        case "local":
            return "local"
        case "gcp":
            return "gcp"
        case other:
            raise ConfigurationError(
                f"TXN_PROFILE: got {other!r}; accepted: local, gcp",
                remedy="Unset it for local use.",
            )


def _path_from(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _directory(path: Path, name: str) -> Path:
    absolute = path.expanduser().absolute()
    if absolute.exists() and not absolute.is_dir():
        raise ConfigurationError(
            f"{name}: got {absolute}, which is a file; accepted: a directory, present or new"
        )
    return absolute


def _secret_from(env: Mapping[str, str], name: str) -> SecretStr | None:
    return SecretStr(env[name]) if env.get(name) else None


def _default_config() -> Path:
    return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else PROJECT_ROOT / DEFAULT_CONFIG


def _refuse_weak_secret(name: str, secret: SecretStr | None, profile: str) -> None:
    """A published default would let anyone sign tokens, so it only serves local use."""
    if profile == "local" or secret is None:
        return
    value = secret.get_secret_value()
    if value in KNOWN_DEFAULT_SECRETS or len(value) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"{name}: got a known default or fewer than {MIN_SECRET_LENGTH} characters; accepted: "
            f"a random secret of at least {MIN_SECRET_LENGTH} characters in the {profile} profile",
            remedy="Make one with `openssl rand -base64 48` and give it as JWT_SECRET.",
        )
