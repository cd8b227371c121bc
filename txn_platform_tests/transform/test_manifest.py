import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from txn_platform.errors import TransformError
from txn_platform.settings import PROJECT_ROOT, Settings
from txn_platform.transform import DbtTarget
from txn_platform.transform import manifest as module
from txn_platform.transform.manifest import ensure_manifest, manifest_path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project that a test may change."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(
        PROJECT_ROOT / "dbt_project", copy, ignore=shutil.ignore_patterns("target", "logs")
    )
    monkeypatch.setattr("txn_platform.transform.arguments.DBT_PROJECT", copy)
    monkeypatch.setattr(module, "DBT_PROJECT", copy)
    return copy


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Parsing in no time, for tests of when and where; the folders of each parse."""
    folders: list[Path] = []

    def parse(_: DbtTarget, folder: Path) -> None:
        folders.append(folder)
        (folder / "manifest.json").write_text("{}")

    monkeypatch.setattr(module, "_parse", parse)
    return folders


def age(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_a_parse_makes_the_manifest_and_leaves_all_else_as_it_was(
    project: Path, settings: Settings
) -> None:
    before, environment, here = set(project.rglob("*")), dict(os.environ), Path.cwd()
    path = ensure_manifest("duckdb", settings)
    assert path == manifest_path("duckdb") == project / "target" / "duckdb" / "manifest.json"
    assert json.loads(path.read_text())["metadata"]["project_name"] == "dbt_transactions"
    new = {str(path.relative_to(project)) for path in set(project.rglob("*")) - before}
    made = {f"target/duckdb/{name}" for name in ("manifest.json", "versions.txt", "parse.lock")}
    assert new == {"target", "target/duckdb"} | made
    assert (dict(os.environ), Path.cwd()) == (environment, here)


def test_an_error_in_the_project_names_the_file(project: Path, settings: Settings) -> None:
    (project / "models" / "marts" / "warehouse" / "fact_sales.sql").write_text("{{ nonsense")
    with pytest.raises(TransformError, match=r"fact_sales\.sql"):
        ensure_manifest("duckdb", settings)
    assert not manifest_path("duckdb").exists()


def test_a_fresh_manifest_is_not_made_again(
    project: Path, settings: Settings, parses: list[Path]
) -> None:
    assert project
    assert ensure_manifest("duckdb", settings) == ensure_manifest("duckdb", settings)
    assert len(parses) == 1


def test_each_target_has_a_manifest_of_its_own(
    project: Path, settings: Settings, parses: list[Path]
) -> None:
    assert project
    assert ensure_manifest("duckdb", settings) != ensure_manifest("postgres", settings)
    assert len(parses) == 2


@pytest.mark.parametrize("change", ["a file saved", "a file added", "a file removed", "an upgrade"])
def test_a_manifest_is_made_again_after(
    change: str, project: Path, settings: Settings, parses: list[Path]
) -> None:
    path = ensure_manifest("duckdb", settings)
    model = project / "models" / "marts" / "warehouse" / "summary_sales.sql"
    if change == "a file saved":
        model.touch()
    elif change == "a file added":
        (project / "macros" / "more.sql").touch()
    elif change == "a file removed":
        (project / "models" / "exposures.yml").unlink()
    else:
        path.with_name("versions.txt").write_text("dbt-core 1.0.0\n")
    ensure_manifest("duckdb", settings)
    assert len(parses) == 2


def test_a_file_saved_during_the_parse_makes_the_manifest_stale(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, parses: list[Path]
) -> None:
    assert not parses
    parse = module._parse  # noqa: SLF001 - something happens while it works

    def disturbed(target: DbtTarget, folder: Path) -> None:
        parse(target, folder)
        (project / "dbt_project.yml").touch()

    monkeypatch.setattr(module, "_parse", disturbed)
    path = ensure_manifest("duckdb", settings)
    assert age(project / "dbt_project.yml") > age(path)


def test_a_project_that_can_not_be_written_to_uses_the_state_directory(
    project: Path, settings: Settings, parses: list[Path]
) -> None:
    (project / "target").write_text("a file where the folder would be")
    path = ensure_manifest("duckdb", settings)
    assert path.is_relative_to(settings.home)
    assert ensure_manifest("duckdb", settings) == path
    assert len(parses) == 1


def test_a_manifest_made_beforehand_serves_a_project_that_is_read_only(
    project: Path, settings: Settings, parses: list[Path]
) -> None:
    path = ensure_manifest("duckdb", settings)
    for entry in (*project.rglob("*"), project):
        entry.chmod(0o555 if entry.is_dir() else 0o444)
    assert ensure_manifest("duckdb", settings) == path
    assert len(parses) == 1


def test_of_two_at_once_one_parses(project: Path, settings: Settings, parses: list[Path]) -> None:
    assert project
    threads = [
        threading.Thread(target=ensure_manifest, args=("duckdb", settings)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(parses) == 1
