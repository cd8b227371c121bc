import stat
from pathlib import Path

import pytest

from txn_platform.services.layout import ServerState, ServiceFiles


@pytest.fixture
def files(tmp_path: Path) -> ServiceFiles:
    files = ServiceFiles(tmp_path / "state")
    files.create()
    return files


def test_a_new_state_directory_is_its_owners_only(files: ServiceFiles) -> None:
    assert stat.S_IMODE(files.home.stat().st_mode) == 0o700


def test_the_announced_server_is_read_back_until_it_is_withdrawn(files: ServiceFiles) -> None:
    assert files.read_state() is None
    files.announce(ServerState(pid=7, port=5555, version="18.4"))
    assert files.read_state() == ServerState(pid=7, port=5555, version="18.4")
    files.withdraw()
    assert files.read_state() is None


def test_the_port_is_remembered_after_the_server_has_gone(files: ServiceFiles) -> None:
    assert files.last_port() is None
    files.announce(ServerState(pid=7, port=5555, version="18.4"))
    files.withdraw()
    assert files.last_port() == 5555
    (files.root / "port").write_text("rubbish")
    assert files.last_port() is None


def test_a_generated_password_is_long_and_for_its_owner_only(files: ServiceFiles) -> None:
    assert files.password() is None
    password = files.generate_password()
    assert files.password() == password
    assert len(password) >= 40
    assert stat.S_IMODE(files.password_file.stat().st_mode) == 0o600


def test_an_empty_password_file_counts_as_none(files: ServiceFiles) -> None:
    files.password_file.touch()
    assert files.password() is None


def test_the_log_is_read_from_where_one_looked_last(files: ServiceFiles) -> None:
    assert files.log_tail() == ""
    assert files.log_size() == 0
    with files.open_log() as log:
        log.write(b"before\n")
    offset = files.log_size()
    with files.open_log() as log:
        log.write(b"after\n")
    assert files.log_tail(offset) == "after\n"
