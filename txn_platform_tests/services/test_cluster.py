import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres, cluster
from txn_platform.services.cluster import find_programs
from txn_platform.services.layout import ServiceFiles
from txn_platform.services.locks import wait_until
from txn_platform_tests.services.harness import LEASE, PATIENCE_SECONDS, Client, all_gone, run_sql


def refusal(postgres: EmbeddedPostgres) -> ServiceError:
    with pytest.raises(ServiceError) as error, postgres.lease():
        pass
    assert "Traceback" not in str(error.value)
    return error.value


def initdb_processes(home: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name() == "initdb" and f"--pgdata={home}/" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_data_of_an_older_version_are_refused_untouched(new_home: Path) -> None:
    data = ServiceFiles(new_home).data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    error = refusal(EmbeddedPostgres(new_home, []))
    assert f"{data} was made by PostgreSQL 16" in error.message
    assert "move it away" in error.remedy
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_not_a_data_directory_is_refused_untouched(new_home: Path) -> None:
    data = ServiceFiles(new_home).data
    data.mkdir(parents=True)
    (data / "notes.txt").touch()
    assert "is damaged" in refusal(EmbeddedPostgres(new_home, [])).message
    assert [path.name for path in data.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: (data / "global" / "pg_control").write_bytes(b"\0" * 8192),
        lambda data: (data / "global" / "pg_control").unlink(),
        lambda data: shutil.rmtree(data / "pg_wal"),
    ],
    ids=["control file overwritten", "control file missing", "log missing"],
)
def test_a_damaged_data_directory_is_named_with_a_way_out(
    home: Path, postgres: EmbeddedPostgres, damage: object
) -> None:
    with postgres.lease():
        pass
    assert callable(damage)
    damage(ServiceFiles(home).data)
    error = refusal(postgres)
    assert f"{ServiceFiles(home).data} is damaged" in error.message
    assert "move it away" in error.remedy
    assert all_gone(home)


def test_a_creation_that_was_killed_half_way_is_begun_anew(new_home: Path) -> None:
    with Client(new_home) as client:
        assert wait_until(lambda: bool(initdb_processes(new_home)), seconds=PATIENCE_SECONDS)
        for process in initdb_processes(new_home):
            process.kill()
        assert "message" in client.said()
    assert not ServiceFiles(new_home).data.exists()
    with EmbeddedPostgres(new_home, ["mydb"]).lease() as address:
        assert run_sql(address.url("mydb"), "SELECT 1") == [1]
    assert ServiceFiles(new_home).unfinished_data() == []


def test_an_installation_without_the_server_is_told_to_install_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    with pytest.raises(ServiceError, match="has no PostgreSQL 18") as error:
        find_programs()
    assert "make install" in error.value.remedy


@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="needs root on Linux, to mount a disk"
)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("size=10m", "No space left on device"),
        ("size=42m", "No space left on device"),
        ("ro", "Read-only file system"),
    ],
    ids=["too small for a cluster", "too small for the databases", "read-only"],
)
def test_a_disk_that_takes_no_more_is_told_with_a_remedy(
    tmp_path: Path, options: str, expected: str
) -> None:
    mount = f'mount -t tmpfs -o {options} none "$1" && exec "$2" -c "$3" "$1/state"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", tmp_path, sys.executable, LEASE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if "permission denied" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    assert expected in done.stdout
    assert json.loads(done.stdout)["remedy"]
    assert "Traceback" not in done.stderr
