"""What happens when anything is killed with SIGKILL."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from txn_platform.services import EmbeddedPostgres
from txn_platform.services.layout import ServiceFiles
from txn_platform.services.locks import wait_until
from txn_platform_tests.services.harness import (
    PATIENCE_SECONDS,
    Client,
    all_gone,
    keepers,
    postmaster,
    run_sql,
    server_processes,
)

needs_parent_death_signal = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux ends a server at the moment its keeper dies"
)


def insert_one(url: str) -> None:
    run_sql(url, "CREATE TABLE IF NOT EXISTS t (n int)")
    run_sql(url, "INSERT INTO t VALUES (1)")


def count(postgres: EmbeddedPostgres) -> int:
    with postgres.lease() as address:
        return run_sql(address.url("mydb"), "SELECT count(*) FROM t")[0]


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError):
        return run_sql(url, "SELECT 1") == [1]
    return False


def test_a_server_whose_client_was_killed_is_stopped(home: Path) -> None:
    with Client(home) as client:
        client.said()
        client.kill()
        assert all_gone(home)
    assert not ServiceFiles(home).pid_file.exists()


def test_a_client_killed_while_the_server_starts_leaves_nothing_behind(new_home: Path) -> None:
    with Client(new_home) as client:
        assert wait_until(lambda: bool(keepers(new_home)), seconds=PATIENCE_SECONDS)
        client.kill()
        assert all_gone(new_home)


def test_a_killed_postmaster_comes_back_on_the_same_address_for_who_leases_it(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease() as address:
        url = address.url("mydb")
        insert_one(url)
        before = postmaster(home).pid
        with closing(psycopg.connect(url)) as uncommitted:
            uncommitted.execute("INSERT INTO t VALUES (2)")
            os.kill(before, signal.SIGKILL)
            assert wait_until(lambda: answers(url), seconds=PATIENCE_SECONDS, interval=0.05)
        assert run_sql(url, "SELECT n FROM t") == [1]
        assert postmaster(home).pid != before
    assert all_gone(home)


def test_a_killed_backend_costs_connections_but_no_data(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease() as address:
        url = address.url("mydb")
        insert_one(url)
        before = postmaster(home).pid
        with closing(psycopg.connect(url)) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        assert wait_until(lambda: answers(url), seconds=PATIENCE_SECONDS, interval=0.05)
        assert run_sql(url, "SELECT n FROM t") == [1]
        assert postmaster(home).pid == before


@needs_parent_death_signal
def test_a_killed_keeper_takes_its_server_along(home: Path, postgres: EmbeddedPostgres) -> None:
    with Client(home) as client:
        insert_one(client.said()["url"])
        keepers(home)[0].kill()
        assert all_gone(home)
        assert count(postgres) == 1


def test_a_server_that_outlived_its_keeper_is_replaced_by_the_next_lease(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    insert_one(postgres.start().url("mydb"))
    old = postmaster(home)
    old.suspend()  # so that it can't yet follow the signal that the kernel sends it
    keepers(home)[0].kill()
    threading.Timer(0.3, old.resume).start()
    assert count(postgres) == 1
    assert old not in server_processes(home)


def test_stop_ends_a_server_that_outlived_its_keeper(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    postgres.start()
    old = postmaster(home)
    old.suspend()
    keepers(home)[0].kill()
    threading.Timer(0.3, old.resume).start()
    assert wait_until(lambda: not keepers(home), seconds=PATIENCE_SECONDS)
    assert postgres.stop().was_running
    assert server_processes(home) == []


def test_a_busy_orphan_of_a_killed_postmaster_does_not_hinder_the_next_server(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with Client(home) as client:
        url = client.said()["url"]
        insert_one(url)
        with closing(psycopg.connect(url)) as busy:
            orphan = psutil.Process(busy.info.backend_pid)
            orphan.suspend()
            postmaster(home).kill()
            keepers(home)[0].kill()
            client.kill()
            assert count(postgres) == 1
            assert orphan not in server_processes(home)


def test_a_stale_pid_file_with_the_number_of_another_process_is_seen_through(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with postgres.lease() as address:
        insert_one(address.url("mydb"))
    user = ServiceFiles(home).data.owner() if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=user) as stranger:
        ServiceFiles(home).pid_file.write_text(f"{stranger.pid}\n{home}\n1\n5432\n")
        assert count(postgres) == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_keeps_dying_is_given_up_and_started_again_by_the_next_lease(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    with Client(home) as client:
        url = client.said()["url"]
        insert_one(url)
        for _ in range(6):
            assert wait_until(lambda: answers(url), seconds=PATIENCE_SECONDS, interval=0.05)
            postmaster(home).kill()
        assert all_gone(home)
        assert count(postgres) == 1


def test_whatever_is_killed_together_the_next_lease_finds_every_committed_row(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    chance = random.Random(20231001)
    victims: dict[str, Callable[[], list[psutil.Process]]] = {
        "keeper": lambda: keepers(home),
        "postmaster": lambda: [postmaster(home)],
        "children": lambda: server_processes(home),
    }
    for committed in range(1, 5):
        with Client(home) as client:
            insert_one(client.said()["url"])
            chosen = [
                process
                for name in chance.sample(sorted(victims), chance.randint(1, 3))
                for process in victims[name]()
            ]
            if chance.random() < 0.5:
                client.kill()
            for process in chosen:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            # A signal is not yet a death: a keeper that still lives may still grant a lease.
            psutil.wait_procs(chosen, timeout=2)
            assert count(postgres) == committed
            assert len(keepers(home)) <= 1
    assert all_gone(home)


def test_the_log_stays_bounded_while_the_server_runs(
    home: Path, postgres: EmbeddedPostgres
) -> None:
    files = ServiceFiles(home)
    with postgres.lease() as address:
        with files.open_log() as log:
            log.write(b"x\n" * 600_000)
        assert wait_until(lambda: files.log_size() < 1000, seconds=PATIENCE_SECONDS)
        assert (files.root / "server.log.1").stat().st_size >= 1_200_000
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(address.url("nowhere"))
        assert "nowhere" in files.log_tail()
