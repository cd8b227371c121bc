"""What a run needs, checked one by one, each with a remedy."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from txn_platform.connections import postgres_url, warehouse_target
from txn_platform.errors import PlatformError, ServiceError, TransformError
from txn_platform.local.state import open_state
from txn_platform.settings import Settings
from txn_platform.stores.factory import open_lake, open_operational, open_warehouse
from txn_platform.transform import DbtTarget, ensure_manifest

MIN_PYTHON = (3, 11)
MIN_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: What was checked.
        healthy: Whether it is as it must be.
        detail: What was found; with a remedy where it isn't healthy.
    """

    subject: str
    healthy: bool
    detail: str


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything that the profile needs; a failed check doesn't stop the others."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("Python", _python),
        ("configuration", _configuration),
    ]
    if settings.profile == "local":
        checks += [("state directory", _state), ("free space", _space)]
    checks += [
        ("dbt project", _dbt),
        ("PostgreSQL", _postgres),
        ("warehouse", _warehouse),
        ("data lake", _lake),
    ]
    return [_finding(subject, check, settings) for subject, check in checks]


def _finding(subject: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(subject, healthy=True, detail=check(settings))
    except PlatformError as error:
        return Finding(subject, healthy=False, detail=str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return Finding(subject, healthy=False, detail=f"{place}{error.strerror or error}")


def _python(_settings: Settings) -> str:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < MIN_PYTHON:
        raise ServiceError(f"{version} is too old", remedy="Install Python 3.11.")
    return version


def _configuration(settings: Settings) -> str:
    return f"{settings.config_path}, profile {settings.profile}"


def _dbt(settings: Settings) -> str:
    models: set[str] = set()
    targets: tuple[DbtTarget, ...] = (warehouse_target(settings), "postgres")
    for target in targets:
        manifest = json.loads(ensure_manifest(target, settings).read_text(encoding="utf-8"))
        nodes = manifest["nodes"].values()
        models |= {node["name"] for node in nodes if node["resource_type"] == "model"}
    unknown = sorted(set(settings.config.transformation.models) - models)
    if unknown:
        raise TransformError(
            f"transformation.models names {', '.join(unknown)}, which the dbt project lacks",
            remedy=f"Accepted: {', '.join(sorted(models))}. The list doesn't stop a run.",
        )
    return f"{len(models)} models"


def _state(settings: Settings) -> str:
    open_state(settings.home)
    return str(settings.home)


def _space(settings: Settings) -> str:
    place = _existing(settings.home)
    free = shutil.disk_usage(place).free
    if free < MIN_FREE_BYTES:
        raise ServiceError(
            f"{free / 1e9:.1f} GB free in {place}", remedy="Free a gigabyte or more."
        )
    return f"{free / 1e9:.0f} GB"


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _postgres(settings: Settings) -> str:
    with postgres_url(settings) as url:
        database = open_operational(settings, url)
        database.ensure_schema()
        return f"answers, {database.row_count('transactions'):,} transactions"


def _warehouse(settings: Settings) -> str:
    warehouse = open_warehouse(settings)
    warehouse.ensure_schema()
    return f"answers, {warehouse.row_count('raw_transactions'):,} raw transactions"


def _lake(settings: Settings) -> str:
    return f"{len(open_lake(settings).manifests()):,} batches"
