"""The smaller commands, and what all commands share."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from txn_platform.cli.main import COMMANDS, cli, main
from txn_platform.local.state import is_state, open_state
from txn_platform.services import EmbeddedPostgres
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import COMMAND, command_environment, txn_platform

DATA = PROJECT_ROOT / "data"
SMALL = DATA / "transactions.csv"
PATIENCE = 120


def test_validate_prints_one_object_and_stores_nothing(tmp_path: Path) -> None:
    outcome = txn_platform("validate", SMALL, "--json", "--home", tmp_path / "home")
    assert outcome.status == 0
    assert outcome.document == {
        "rows": 5,
        "accepted": 4,
        "rejected": 1,
        "eligible": 3,
        "reasons": {"missing_product": 1},
    }
    assert not (tmp_path / "home").exists()


def test_validate_writes_the_rejects_masked(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    assert txn_platform("validate", SMALL, "--rejects", rejects).status == 0
    header, row = rejects.read_text(encoding="utf-8").splitlines()
    assert header == "line,reason,transaction_id,product,price,quantity,date"
    assert row.startswith("5,missing_product,")
    assert "T004" not in row


@pytest.mark.parametrize("name", ["sales.csv", "invalid.csv", "malformed.csv", "empty.csv"])
def test_files_of_another_dataset_are_refused_for_their_columns(name: str) -> None:
    outcome = txn_platform("validate", DATA / name, "--json")
    assert outcome.status == 2
    assert "transaction_id" in outcome.stderr
    assert outcome.stdout == ""


def test_a_headerless_file_is_refused_without_a_word_of_its_first_record(tmp_path: Path) -> None:
    path = tmp_path / "headerless.csv"
    path.write_text("RAWID-1,Halal Laptop,999.99,2,2023-10-01\n")
    outcome = txn_platform("validate", path)
    assert outcome.status == 2
    assert "RAWID" not in outcome.stderr
    assert "Laptop" not in outcome.stderr


def test_rejects_never_replace_the_input_itself(tmp_path: Path) -> None:
    file, link = tmp_path / "in.csv", tmp_path / "link.csv"
    file.write_bytes(SMALL.read_bytes())
    link.symlink_to(file)
    for rejects in (file, link):
        outcome = txn_platform("validate", file, "--rejects", rejects)
        assert outcome.status == 2
        assert "the input file itself" in outcome.stderr
    assert file.read_bytes() == SMALL.read_bytes()


def test_a_name_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    file, rejects = tmp_path / "a[b]:key:.csv", tmp_path / "out[red].csv"
    assert str(file) in txn_platform("generate", file, "--rows", "500").stdout
    shown = txn_platform("validate", file, "--rejects", rejects).stdout
    assert str(file) in shown
    assert str(rejects) in shown


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/fd/0")):
        outcome = txn_platform("validate", path)
        assert outcome.status == 2
        assert "is a pipe or a device" in outcome.stderr
        assert "Save it to a file first." in outcome.stderr


def test_a_file_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(SMALL.read_bytes())
    outcome = txn_platform("validate", path)
    assert outcome.status == 2
    assert "not UTF-8" in outcome.stderr


def test_an_interrupted_command_says_that_it_can_be_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as end:
        main(["doctor"])
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said == "Interrupted; run the command again to complete it.\n"


def test_a_state_that_a_command_works_with_is_not_started_afresh(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_state(home)
    with EmbeddedPostgres(home, ["mydb"]).lease():
        outcome = txn_platform("run", "--fresh", "--input", SMALL, "--home", home)
    assert outcome.status == 1
    assert "is still used by" in outcome.stderr
    assert f"(pid {os.getpid()})" in outcome.stderr
    assert is_state(home)


def test_generate_gives_the_same_bytes_for_the_same_arguments(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one.csv", "two.csv", "other.csv"))
    for out, seed in ((one, "1"), (two, "1"), (other, "2")):
        assert txn_platform("generate", out, "--rows", "500", "--seed", seed).status == 0
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()


def test_global_options_work_before_and_behind_the_command(tmp_path: Path) -> None:
    config = tmp_path / "broken.yaml"
    config.write_text("pipelin: {}\n")
    for arguments in (
        ("--config", config, "validate", SMALL),
        ("validate", SMALL, "--config", config),
    ):
        outcome = txn_platform(*arguments)
        assert outcome.status == 2
        assert "did you mean pipeline?" in outcome.stderr


def test_the_environment_gives_configuration_and_home(tmp_path: Path) -> None:
    config = tmp_path / "strict.yaml"
    config.write_text("ingestion: {trust_input: false}\n")
    outcome = txn_platform("validate", SMALL, "--json", TXN_CONFIG=str(config))
    assert outcome.document["accepted"] == 3
    assert outcome.document["reasons"] == {"missing_product": 1, "product_prefix": 1}


def test_an_unknown_profile_is_refused(tmp_path: Path) -> None:
    outcome = txn_platform("run", "--home", tmp_path, TXN_PROFILE="aws")
    assert outcome.status == 2
    assert "accepted: local, gcp" in outcome.stderr


def test_run_belongs_to_the_local_profile(tmp_path: Path) -> None:
    outcome = txn_platform("run", "--home", tmp_path / "home", TXN_PROFILE="gcp")
    assert outcome.status == 2
    assert "daily_sales" in outcome.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(command: str) -> None:
    outcome = txn_platform(*command.split(), "--help")
    assert outcome.status == 0
    assert "Usage: " in outcome.stdout
    assert len(outcome.stdout.splitlines()) > 5


def test_a_wrong_option_is_a_usage_error() -> None:
    outcome = txn_platform("run", "--inputs", "x")
    assert outcome.status == 2
    assert "--input" in outcome.stderr


def test_services_start_stays_up_until_stop(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert txn_platform("services", "status", "--home", home).status == 1
    assert txn_platform("services", "start", "--home", home).status == 0
    try:
        status = txn_platform("services", "status", "--json", "--home", home)
        assert status.status == 0
        assert status.document["running"] is True
        assert txn_platform("users", "list", "--home", home).status == 0
        assert txn_platform("services", "status", "--home", home).status == 0
    finally:
        assert txn_platform("services", "stop", "--home", home).status == 0
    assert txn_platform("services", "status", "--home", home).status == 1
    assert "not running" in txn_platform("services", "stop", "--home", home).stdout


def test_users_are_added_listed_and_disabled(tmp_path: Path) -> None:
    home = tmp_path / "home"
    txn_platform("services", "start", "--home", home)
    try:
        made = txn_platform("users", "add", "ana", "--scope", "sales:read", "--home", home)
        assert made.status == 0
        assert "shown only now" in made.stdout
        chosen = txn_platform(
            "users",
            "add",
            "bo",
            "--password-stdin",
            "--home",
            home,
            stdin="correct horse battery\n",
        )
        assert chosen.status == 0
        assert "correct horse" not in chosen.stdout
        for arguments, words in (
            (("add", "ana"), "exists already"),
            (("add", "no one!"), "accepted: up to 64 letters"),
            (("disable", "eve"), "does not exist"),
        ):
            refused = txn_platform("users", *arguments, "--home", home)
            assert refused.status == 2
            assert words in refused.stderr
        short = txn_platform(
            "users", "add", "cy", "--password-stdin", "--home", home, stdin="abc\n"
        )
        assert short.status == 2
        assert "12 or more" in short.stderr
        assert txn_platform("users", "disable", "ana", "--home", home).status == 0
        listed = txn_platform("users", "list", "--home", home).stdout
        assert "disabled" in listed
        assert "active" in listed
    finally:
        txn_platform("services", "stop", "--home", home)


def test_doctor_finds_a_new_state_directory_healthy_and_a_config_that_names_no_model(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    healthy = txn_platform("doctor", "--home", home)
    assert healthy.status == 0, healthy.stdout
    assert "FAIL" not in healthy.stdout

    older = txn_platform("doctor", "--home", home, "--config", DATA / "pipeline_config_68.yaml")
    assert older.status == 1
    assert "sales_by_product" in older.stdout


def test_doctor_says_what_is_wrong_with_the_state_directory(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 99}')
    outcome = txn_platform("doctor", "--home", tmp_path)
    assert outcome.status == 1
    assert "version 99" in outcome.stdout


@pytest.mark.timeout(300)
def test_dev_serves_the_ui_and_the_api_and_one_signal_stops_everything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ui, api = free_port(), free_port()
    log = tmp_path / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, "dev", "--home", str(home), "--ui-port", str(ui), "--api-port", str(api)],
            env=command_environment(),
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        assert json.loads(fetched(f"http://127.0.0.1:{api}/livez")) == {"status": "alive"}
        assert "dagster_webserver_version" in fetched(f"http://127.0.0.1:{ui}/server_info")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    printed = log.read_text()
    assert f"http://127.0.0.1:{ui}" in printed
    assert 0 <= printed.find("admin / ") < printed.find("Dagster UI")
    for port in (ui, api):
        with socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    until(lambda: txn_platform("services", "status", "--home", home).status == 1)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetched(url: str) -> str:
    body: list[str] = []

    def fetch() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                body.append(response.read().decode())
        except OSError:
            return False
        return True

    until(fetch)
    return body[0]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
