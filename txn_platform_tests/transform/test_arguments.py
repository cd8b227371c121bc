from itertools import pairwise
from pathlib import Path

from txn_platform.transform.arguments import DBT_PROJECT, build_args


def test_dbt_is_quiet_and_writes_into_its_target_path_only(tmp_path: Path) -> None:
    args = build_args("build", "duckdb", target_path=tmp_path)
    options = dict(pairwise(args))
    assert options["--target-path"] == options["--log-path"] == str(tmp_path)
    assert options["--log-level"] == options["--log-level-file"] == "none"
    assert options["--project-dir"] == options["--profiles-dir"] == str(DBT_PROJECT)
    assert "--no-send-anonymous-usage-stats" in args


def test_several_selectors_follow_one_option(tmp_path: Path) -> None:
    args = build_args("build", "duckdb", target_path=tmp_path, select=["a", "b"])
    assert args[-3:] == ["--select", "a", "b"]


def test_each_excluded_type_has_its_own_option(tmp_path: Path) -> None:
    args = build_args("build", "duckdb", target_path=tmp_path, exclude_types=["unit_test", "seed"])
    assert args[-4:] == [
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "seed",
    ]
