"""What the project's own files promise each other."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from txn_platform.config import PipelineConfig
from txn_platform.settings import ENVIRONMENT, PROJECT_ROOT
from txn_platform_tests.config_keys import leaf_keys

LOCKS = ["requirements.lock", "txn_platform_tests/emulators.lock"]
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3")


def text_of(name: str) -> str:
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    return tomllib.loads(text_of("pyproject.toml"))["project"]


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock file with its hashes."""
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s+# .*\n", "", text_of(name), flags=re.MULTILINE))
    return [
        (
            Requirement(re.split(r"\s*\\\n|\n", entry)[0]),
            re.findall(r"--hash=sha256:[0-9a-f]{64}", entry),
        )
        for entry in entries
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_a_hash(lock: str) -> None:
    for requirement, hashes in locked(lock):
        assert [clause.operator for clause in requirement.specifier] == ["=="], requirement
        assert hashes, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    assert not re.search(r"://|--index|--extra-index|--find-links", text_of(lock))


def test_the_lock_holds_every_declared_dependency_in_an_accepted_version() -> None:
    declared = project()["dependencies"] + [
        entry for extra in project()["optional-dependencies"].values() for entry in extra
    ]
    versions = {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement, _ in locked("requirements.lock")
    }
    for entry in map(Requirement, declared):
        assert entry.specifier.contains(versions[canonicalize_name(entry.name)]), entry


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    newest = re.search(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest.group(1) == project()["version"]


def test_the_readme_explains_every_configuration_key_and_no_other() -> None:
    rows = re.findall(r"^\| (`[a-z_]+\.[^|]*) \|", text_of("README.md"), re.MULTILINE)
    explained = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert explained == leaf_keys(PipelineConfig)


def test_the_readme_explains_every_environment_variable_and_no_other() -> None:
    rows = re.findall(r"^\| (`[A-Z_]+`[^|]*) \|", text_of("README.md"), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert explained == set(ENVIRONMENT)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_a_document_points_only_at_files_that_exist(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text_of(name)):
        assert (PROJECT_ROOT / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_a_document_names_only_make_targets_that_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text_of(name), re.MULTILINE))
    assert named <= targets


def test_dagster_dev_loads_the_definitions_that_dg_loads() -> None:
    (entry,) = yaml.safe_load(text_of("workspace.yaml"))["load_from"]
    module = entry["python_module"]["module_name"]
    settings = tomllib.loads(text_of("pyproject.toml"))["tool"]["dg"]
    assert settings["directory_type"] == "project"
    assert settings["project"]["code_location_target_module"] == module
    assert hasattr(import_module(module), entry["python_module"]["attribute"])


def test_the_helm_values_are_for_the_locked_dagster() -> None:
    (version,) = (
        next(iter(requirement.specifier)).version
        for requirement, _ in locked("requirements.lock")
        if requirement.name == "dagster"
    )
    assert f"version {version}," in text_of("deploy/helm-values.yaml").splitlines()[0]
    assert yaml.safe_load(text_of("deploy/helm-values.yaml"))["runLauncher"]["type"]


class Workshop:
    """A folder with the Makefile, and a PATH on which only chosen programs are found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        self.programs = folder / "programs"
        for new in (self.folder, self.programs):
            new.mkdir()
        for name in ("Makefile", "pyproject.toml", "requirements.lock"):
            shutil.copy(PROJECT_ROOT / name, self.folder)
        for name in ("make", "sh", "awk", "cat", "rm"):
            path = shutil.which(name)
            assert path, f"{name} is needed for this test"
            (self.programs / name).symlink_to(path)

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Without MAKEFLAGS: `make test` hands its own to every program that it starts.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={**inherited, "PATH": str(self.programs)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


RECORDING_PYTHON = """
case "$1" in
  -c) exit 0 ;;
  -m) echo "$@" >> "$LOG"
      if [ "$2" = venv ]; then /bin/mkdir -p "$3/bin"; /bin/cp "$0" "$3/bin/python"; fi ;;
esac
"""


def with_recording_python(workshop: Workshop) -> Path:
    """A Python that takes note of what it is asked for, and makes environments of itself."""
    log = workshop.folder.parent / "log"
    workshop.program("python3.12", RECORDING_PYTHON.replace("$LOG", str(log)))
    return log


def test_make_without_a_target_lists_the_targets(workshop: Workshop) -> None:
    listed = re.findall(r"^  make ([a-z]+) ", workshop.make().stdout, re.MULTILINE)
    assert {"install", "run", "test", "lint", "dev", "bench", "clean"} <= set(listed)


@pytest.mark.parametrize("target", ["install", "run", "test", "lint", "dev", "bench"])
def test_make_says_which_python_it_needs_when_there_is_none_that_serves(
    workshop: Workshop, target: str
) -> None:
    for name in PYTHONS:
        workshop.program(name, "exit 1")
    done = workshop.make(target)
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert f"make PYTHON=/path/to/python3.11 {target}" in done.stderr
    assert not (workshop.folder / ".venv").exists()


def test_make_uses_the_python_that_it_is_given_or_none(workshop: Workshop) -> None:
    with_recording_python(workshop)
    workshop.program("other", "exit 1")
    assert "is needed" in workshop.make("install", "PYTHON=other").stderr
    assert workshop.make("install", "PYTHON=python3.12").returncode == 0


def test_make_prefers_uv_and_lets_it_find_a_python_where_there_is_none(workshop: Workshop) -> None:
    log = workshop.folder.parent / "log"
    workshop.program("uv", f'echo "$@" >> {log}; [ "$1" != venv ] || /bin/mkdir -p .venv/bin')
    assert workshop.make("install").returncode == 0
    _, venv, packages, _, own = log.read_text().splitlines()
    assert venv == "venv --quiet --python 3.11 .venv"
    assert packages.startswith("pip sync")
    assert packages.endswith("--require-hashes requirements.lock")
    assert own.endswith("--no-build-isolation --editable .")


def test_make_installs_with_pip_where_there_is_no_uv_and_only_once(workshop: Workshop) -> None:
    log = with_recording_python(workshop)
    assert workshop.make("install").returncode == 0
    venv, packages, own = log.read_text().splitlines()
    assert venv == "-m venv .venv"
    assert "--require-hashes --requirement requirements.lock" in packages
    assert own.endswith("--no-build-isolation --editable .")
    assert workshop.make("install").returncode == 0
    assert len(log.read_text().splitlines()) == 3


def test_make_installs_again_into_the_same_environment_when_the_lock_changes(
    workshop: Workshop,
) -> None:
    log = with_recording_python(workshop)
    workshop.make("install")
    ready = (workshop.folder / ".venv" / ".ready").stat().st_mtime
    os.utime(workshop.folder / "requirements.lock", (ready + 10, ready + 10))
    workshop.make("install")
    assert [line.split()[1] for line in log.read_text().splitlines()] == [
        "venv",
        "pip",
        "pip",
        "pip",
        "pip",
    ]


@pytest.mark.parametrize("damage", ["half", "moved", "broken"])
def test_make_builds_a_half_a_moved_or_a_broken_environment_from_nothing(
    workshop: Workshop, damage: str
) -> None:
    log = with_recording_python(workshop)
    workshop.make("install")
    leftover = workshop.folder / ".venv" / "leftover"
    leftover.touch()
    ready = workshop.folder / ".venv" / ".ready"
    match damage:
        case "half":
            ready.unlink()
        case "moved":
            ready.write_text("/some/other/place", encoding="utf-8")
        case _:
            (workshop.folder / ".venv" / "bin" / "python").unlink()
    assert workshop.make("install").returncode == 0
    assert not leftover.exists()
    assert log.read_text().count("-m venv .venv") == 2


def test_a_failed_installation_is_not_taken_for_a_complete_one(workshop: Workshop) -> None:
    log = with_recording_python(workshop)
    python = workshop.programs / "python3.12"
    failing = python.read_text(encoding="utf-8").replace(
        "-m) echo", "-m) [ $2 = venv ] || exit 7; echo"
    )
    python.write_text(failing, encoding="utf-8")
    assert workshop.make("install").returncode != 0
    assert not (workshop.folder / ".venv" / ".ready").exists()
    python.write_text(failing.replace("exit 7", "true"), encoding="utf-8")
    assert workshop.make("install").returncode == 0
    assert "requirements.lock" in log.read_text()
