import socket
from pathlib import Path

import pytest

from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres, server
from txn_platform.services.cluster import Programs, find_programs
from txn_platform.services.identity import Identity, choose_identity
from txn_platform.services.layout import HOST, ServiceFiles
from txn_platform.services.server import start_server
from txn_platform_tests.services.harness import run_sql


@pytest.fixture
def files(new_home: Path) -> ServiceFiles:
    files = ServiceFiles(new_home)
    files.create()
    return files


def identity_for(files: ServiceFiles) -> Identity:
    return choose_identity(find_programs().postgres, files)[0]


def fake_server(folder: Path, script: str) -> Programs:
    folder.mkdir()
    (folder / "postgres").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "postgres").chmod(0o755)
    return Programs(folder)


def test_a_port_taken_since_the_last_time_is_left_to_who_has_it(
    postgres: EmbeddedPostgres,
) -> None:
    with postgres.lease() as first:
        pass
    with socket.create_server((HOST, first.port)), postgres.lease() as second:
        assert second.port != first.port
        assert run_sql(second.url("mydb"), "SELECT 1") == [1]


def test_a_port_taken_at_the_last_moment_is_replaced_by_another(
    home: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ServiceFiles(home)
    with postgres.lease() as first:
        pass
    monkeypatch.setattr(server, "_is_free", lambda _: True)
    with socket.create_server((HOST, first.port)):
        started = start_server(files, find_programs(), identity_for(files))
        assert started.port != first.port
        started.stop()


def test_a_machine_without_a_port_to_bind_ends_in_one_clear_message(
    files: ServiceFiles, tmp_path: Path
) -> None:
    said = 'LOG:  could not bind IPv4 address "127.0.0.1": Permission denied'
    programs = fake_server(tmp_path / "bin", f"echo '{said}' >&2; exit 1")
    with pytest.raises(ServiceError, match=r"no port on 127\.0\.0\.1") as error:
        start_server(files, programs, identity_for(files))
    assert "firewall" in error.value.remedy


def test_a_server_that_is_not_ready_in_time_is_ended_and_its_last_words_are_told(
    files: ServiceFiles, tmp_path: Path
) -> None:
    programs = fake_server(tmp_path / "bin", "echo 'LOG:  redo in progress' >&2; exec sleep 60")
    with pytest.raises(ServiceError, match=r"within 0\.5 seconds; .*redo in progress"):
        start_server(files, programs, identity_for(files), timeout_seconds=0.5)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FATAL:  could not write lock file: No space left on device", "disk .* is full"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "memory"),
        ("FATAL:  something entirely new", "did not start .*: FATAL:  something entirely new"),
    ],
)
def test_the_reason_for_not_starting_is_explained(
    files: ServiceFiles, tmp_path: Path, line: str, expected: str
) -> None:
    stamp = "2026-01-01 00:00:00.000 UTC [1]"
    programs = fake_server(tmp_path / "bin", f"echo '{stamp} {line}' >&2; exit 1")
    with pytest.raises(ServiceError, match=expected) as error:
        start_server(files, programs, identity_for(files))
    assert error.value.remedy
    assert stamp not in error.value.message
