"""The state directory."""

import json
import os
from pathlib import Path

import pytest

from txn_platform.errors import ConfigurationError
from txn_platform.local.state import STATE_VERSION, is_state, open_state, remove_state


def test_a_new_directory_is_created_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    open_state(home)
    assert home.stat().st_mode & 0o777 == 0o700
    assert is_state(home)
    open_state(home)


def test_a_directory_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not a state directory"):
        open_state(tmp_path)
    with pytest.raises(ConfigurationError, match="is not a state directory"):
        remove_state(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", "nonsense"])
def test_a_marker_that_says_nothing_is_refused_with_a_remedy(content: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(ConfigurationError, match="can't be read") as refusal:
        open_state(tmp_path)
    assert "--fresh" in refusal.value.remedy


@pytest.mark.parametrize("version", [STATE_VERSION - 1, STATE_VERSION + 1])
def test_another_version_is_refused_by_number(version: int, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"version": version}))
    with pytest.raises(ConfigurationError, match=f"of version {version}"):
        open_state(tmp_path)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.write_text("a file")
    with pytest.raises(ConfigurationError, match="can't be written"):
        open_state(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an ordinary user: root may write anywhere")
def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    open_state(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigurationError, match="can't be written: Permission denied"):
            open_state(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_removing_a_state_directory_leaves_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_state(home)
    (home / "lake").mkdir()
    remove_state(home)
    assert not home.exists()
    remove_state(home)


@pytest.mark.parametrize("entry", ["state.tmp", "lake", "postgres", "dev.lock"])
def test_a_directory_that_was_made_or_deleted_by_half_becomes_whole(
    entry: str, tmp_path: Path
) -> None:
    (tmp_path / entry).touch()
    assert is_state(tmp_path)
    open_state(tmp_path)
    assert (tmp_path / "state.json").is_file()


def test_a_directory_without_its_marker_can_be_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "warehouse").mkdir(parents=True)
    remove_state(home)
    assert not home.exists()


def test_a_link_to_a_state_directory_is_not_removed(tmp_path: Path) -> None:
    home, link = tmp_path / "home", tmp_path / "link"
    open_state(home)
    link.symlink_to(home)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        remove_state(link)
    assert is_state(link)


def test_an_empty_directory_is_no_state_and_stays(tmp_path: Path) -> None:
    assert not is_state(tmp_path)
    remove_state(tmp_path)
    assert tmp_path.exists()


def test_an_interrupted_removal_leaves_the_place_free_and_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    open_state(home)
    (home / "lake").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            remove_state(home)
    assert not home.exists()
    open_state(home)
    remove_state(home)
    assert list(tmp_path.iterdir()) == []


def interrupted(_path: Path) -> None:
    raise KeyboardInterrupt
