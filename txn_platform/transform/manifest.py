"""The parsed dbt project of each target, made when its sources have changed."""

import os
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from txn_platform.errors import TransformError
from txn_platform.settings import Settings
from txn_platform.transform.arguments import DBT_PROJECT, build_args
from txn_platform.transform.connections import DbtTarget

_SOURCE_FOLDERS = ("models", "macros", "tests")


def manifest_path(target: DbtTarget) -> Path:
    """Where the parsed project of a target belongs; see `ensure_manifest`."""
    return DBT_PROJECT / "target" / target / "manifest.json"


def ensure_manifest(target: DbtTarget, settings: Settings) -> Path:
    """The parsed project of a target, parsed now if it is missing or older than its sources.

    About a millisecond when it is fresh. Where the project's own folder can't be written (an
    image, another user's checkout), the state directory takes what has to be parsed. The result
    does not depend on the settings: their names are bound when it is loaded.

    Raises:
        TransformError: when the project has an error, with dbt's message.
    """
    path = manifest_path(target)
    if _is_fresh(path, target):
        return path
    try:
        return _parse_once(path, target)
    except OSError:
        return _parse_once(settings.home / "dbt" / target / "parsed" / "manifest.json", target)


def _is_fresh(path: Path, target: DbtTarget) -> bool:
    """Newer than every file and folder of the project, and made by the versions installed."""
    try:
        made = path.stat().st_mtime_ns
        versions = _versions_file(path).read_text(encoding="utf-8")
    except OSError:
        return False
    return versions == _versions(target) and all(
        source.stat().st_mtime_ns <= made for source in _sources()
    )


def _sources() -> Iterator[Path]:
    """What a parse reads; folders too, whose time changes when a file is removed."""
    yield from DBT_PROJECT.glob("*.yml")
    for folder in _SOURCE_FOLDERS:
        yield DBT_PROJECT / folder
        yield from (DBT_PROJECT / folder).rglob("*")


def _versions(target: DbtTarget) -> str:
    return f"dbt-core {version('dbt-core')}\ndbt-{target} {version(f'dbt-{target}')}\n"


def _versions_file(path: Path) -> Path:
    return path.with_name("versions.txt")


def _parse_once(path: Path, target: DbtTarget) -> Path:
    """Parse into a folder of its own, then move the result into place.

    A second process waits, and finds the work done.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name("parse.lock")):
        if _is_fresh(path, target):
            return path
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            started = time.time_ns()
            _parse(target, Path(folder))
            parsed = Path(folder) / path.name
            # As old as what it was made of: a file may be saved while dbt parses.
            os.utime(parsed, ns=(started, started))
            parsed.replace(path)
        _versions_file(path).write_text(_versions(target), encoding="utf-8")
    return path


def _parse(target: DbtTarget, folder: Path) -> None:
    from txn_platform.transform import engine  # noqa: PLC0415 - imports dbt: 1.5 s

    args = build_args("parse", target, target_path=folder)
    result = engine.run_dbt([*args, "--no-partial-parse"], env={}, variables={})
    if not result.success:
        raise TransformError(
            f"{DBT_PROJECT} can't be parsed for {target}: {result.exception}",
            remedy="Correct the file that dbt names.",
        )
