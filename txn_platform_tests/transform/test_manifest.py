import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from txn_platform.errors import TransformError
from txn_platform.settings import PROJECT_ROOT, Settings
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


def age(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_a_fresh_manifest_is_not_made_again(project: Path, settings: Settings) -> None:
    path = ensure_manifest("duckdb", settings)
    assert path == manifest_path("duckdb") == project / "target" / "duckdb" / "manifest.json"
    made = age(path)
    ensure_manifest("duckdb", settings)
    assert age(path) == made


def test_a_parse_leaves_nothing_else_in_the_project(project: Path, settings: Settings) -> None:
    before = {path for path in project.rglob("*")}
    ensure_manifest("duckdb", settings)
    new = {str(path.relative_to(project)) for path in set(project.rglob("*")) - before}
    made = {f"target/duckdb/{name}" for name in ("manifest.json", "versions.txt", "parse.lock")}
    assert new == {"target", "target/duckdb"} | made


@pytest.mark.parametrize("change", ["a file saved", "a file added", "a file removed", "an upgrade"])
def test_a_manifest_is_made_again_after(change: str, project: Path, settings: Settings) -> None:
    path = ensure_manifest("duckdb", settings)
    made = age(path)
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
    assert age(path) > made


def test_a_project_that_can_not_be_written_to_uses_the_state_directory(
    project: Path, settings: Settings
) -> None:
    (project / "target").write_text("a file where the folder would be")
    path = ensure_manifest("duckdb", settings)
    assert path.is_relative_to(settings.home)
    made = age(path)
    assert ensure_manifest("duckdb", settings) == path
    assert age(path) == made


def test_a_manifest_made_beforehand_serves_a_project_that_is_read_only(
    project: Path, settings: Settings
) -> None:
    made = ensure_manifest("duckdb", settings)
    for path in (*project.rglob("*"), project):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert ensure_manifest("duckdb", settings) == made


def test_two_at_once_parse_once(project: Path, settings: Settings) -> None:
    assert project
    parsed: list[str] = []
    original = module._parse  # noqa: SLF001 - counts its calls

    def counting(target: str, folder: Path) -> None:
        parsed.append(target)
        original("duckdb", folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_parse", counting)
        threads = [
            threading.Thread(target=ensure_manifest, args=("duckdb", settings)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert parsed == ["duckdb"]


def test_a_file_saved_during_the_parse_makes_the_manifest_stale(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = module._parse  # noqa: SLF001 - something happens while it works

    def disturbed(target: str, folder: Path) -> None:
        original("duckdb", folder)
        (project / "dbt_project.yml").touch()

    monkeypatch.setattr(module, "_parse", disturbed)
    path = ensure_manifest("duckdb", settings)
    assert age(project / "dbt_project.yml") > age(path)


def test_an_error_in_the_project_names_the_file(project: Path, settings: Settings) -> None:
    (project / "models" / "marts" / "warehouse" / "fact_sales.sql").write_text("{{ nonsense")
    with pytest.raises(TransformError, match=r"fact_sales\.sql"):
        ensure_manifest("duckdb", settings)
    assert not manifest_path("duckdb").exists()


def test_the_environment_is_as_it_was(project: Path, settings: Settings) -> None:
    assert project
    before, here = dict(os.environ), Path.cwd()
    document = json.loads(ensure_manifest("duckdb", settings).read_text())
    assert document["metadata"]["project_name"] == "dbt_transactions"
    assert dict(os.environ) == before
    assert Path.cwd() == here
