"""The command line of dbt."""

from collections.abc import Sequence
from pathlib import Path

from txn_platform.settings import PROJECT_ROOT
from txn_platform.transform.connections import DbtTarget

DBT_PROJECT = PROJECT_ROOT / "dbt_project"


def build_args(
    command: str,
    target: DbtTarget,
    *,
    target_path: Path,
    select: Sequence[str] = (),
    exclude_types: Sequence[str] = (),
) -> list[str]:
    """The arguments of a quiet dbt that writes nothing but into `target_path`.

    No log file: it would hold the errors of the database, and those quote values. No vars
    either: they are handed over as objects, since dbt would read a text as YAML.

    Args:
        command: parse or build.
        target: The target of `profiles.yml`.
        target_path: Where compiled SQL goes, or what a parse makes.
        select: dbt selectors; all nodes without any.
        exclude_types: Resource types to leave out, for example `unit_test`.
    """
    args = [
        command,
        *("--target", target),
        *("--project-dir", str(DBT_PROJECT)),
        *("--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(target_path)),
        *("--log-path", str(target_path)),
        *("--log-level", "none"),
        *("--log-level-file", "none"),
        "--no-print",
        "--no-send-anonymous-usage-stats",
    ]
    if select:
        args += ["--select", *select]
    for resource_type in exclude_types:
        args += ["--exclude-resource-type", resource_type]
    return args
