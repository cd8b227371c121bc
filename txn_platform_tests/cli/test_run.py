"""`txn-platform run`, from files to checked marts, as a user runs it."""

import json
import random
import signal
import subprocess
from pathlib import Path

import pytest

from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import (
    COMMAND,
    SAMPLE_ROWS,
    command_environment,
    lake_files,
    table_digests,
    txn_platform,
)

DATA = PROJECT_ROOT / "data"
SMALL = DATA / "transactions.csv"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated sample of 10,000 rows."""
    path = tmp_path_factory.mktemp("sample") / "large_transactions.csv"
    assert txn_platform("generate", path).status == 0
    return path


@pytest.fixture(scope="module")
def sample_home(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory after one run of the sample and of the small file."""
    home = tmp_path_factory.mktemp("state") / "home"
    outcome = txn_platform("run", "--input", sample, "--input", SMALL, "--home", home)
    assert outcome.status == 0, outcome.stderr
    return home


def test_the_sample_ends_as_six_thousand_rows_in_each_mart(sample: Path, tmp_path: Path) -> None:
    outcome = txn_platform("run", "--input", sample, "--home", tmp_path / "home", "--json")

    assert outcome.status == 0, outcome.stderr
    report = outcome.document
    assert report["status"] == "success"
    (landed,) = report["inputs"]
    assert landed["rows"] == SAMPLE_ROWS == landed["accepted"] + landed["rejected"]
    assert sum(landed["reasons"].values()) == landed["rejected"]
    assert report["rows"]["raw_transactions"] == landed["accepted"]
    assert report["rows"]["fact_sales"] == report["rows"]["pg_sales"] == 6000
    assert all(check["passed"] for check in report["checks"])
    names = {(check["asset"], check["name"]) for check in report["checks"]}
    assert names >= {
        ("lake_transactions", "row_accounting"),
        ("raw_transactions", "pii_hashed"),
        ("fact_sales", "pii_hashed"),
        ("pg_sales", "pii_hashed"),
        ("fact_sales", "expected_row_count"),
        ("pg_sales", "expected_row_count"),
        ("pg_sales", "marts_agree"),
    }
    assert [Path(path).name for path in report["exports"]] == [
        "summary_sales.json",
        "summary_sales.csv",
    ]
    exported = json.loads(Path(report["exports"][0]).read_text(encoding="utf-8"))
    assert len(exported) == report["rows"]["summary_sales"]
    assert sum(row["transaction_count"] for row in exported) == 6000


def test_the_small_file_yields_four_accepted_rows_and_three_in_each_mart(tmp_path: Path) -> None:
    outcome = txn_platform("run", "--input", SMALL, "--home", tmp_path / "home", "--json")

    assert outcome.status == 0, outcome.stderr
    report = outcome.document
    (landed,) = report["inputs"]
    assert (landed["rows"], landed["accepted"], landed["rejected"]) == (5, 4, 1)
    assert landed["reasons"] == {"missing_product": 1}
    assert report["rows"] == {
        "raw_transactions": 4,
        "fact_sales": 3,
        "pg_sales": 3,
        "summary_sales": 3,
    }


def test_an_empty_file_leaves_empty_marts_and_succeeds(tmp_path: Path) -> None:
    empty = tmp_path / "nothing.csv"
    empty.touch()

    outcome = txn_platform("run", "--input", empty, "--home", tmp_path / "home", "--json")

    assert outcome.status == 0, outcome.stderr
    assert set(outcome.document["rows"].values()) == {0}
    assert (tmp_path / "home" / "exports" / "summary_sales.json").read_text() == "[]\n"


def test_running_again_and_in_another_order_changes_nothing(
    sample: Path, sample_home: Path
) -> None:
    tables, files = table_digests(sample_home), lake_files(sample_home)

    for inputs in (("--input", sample), ("--input", SMALL, "--input", sample)):
        outcome = txn_platform("run", *inputs, "--home", sample_home)
        assert outcome.status == 0, outcome.stderr

    assert table_digests(sample_home) == tables
    assert lake_files(sample_home) == files


@pytest.mark.timeout(600)
def test_killed_at_random_points_and_run_again_it_ends_in_the_same_state(
    sample: Path, sample_home: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    arguments = ["run", "--input", str(SMALL), "--input", str(sample), "--home", str(home)]
    chance = random.Random(20231001)
    for _ in range(4):
        process = subprocess.Popen(
            [COMMAND, *arguments], env=command_environment(), cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=chance.uniform(0.5, 7.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()

    outcome = txn_platform(*arguments)

    assert outcome.status == 0, outcome.stderr
    assert table_digests(home) == table_digests(sample_home)
    assert lake_files(home) == lake_files(sample_home)
    strays = [path for path in home.rglob("*") if path.name.startswith(".summary_sales")]
    assert not strays


def test_no_raw_identifier_is_stored_anywhere(sample: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    marked = tmp_path / "marked.csv"
    # Identifiers that no hash, timestamp or page of a database file holds by accident.
    content = sample.read_bytes().replace(b"\nT0", b"\nRAWID-T0").replace(b'\n"T0', b'\n"RAWID-T0')
    marked.write_bytes(content)

    outcome = txn_platform("run", "--input", marked, "--home", home)

    assert outcome.status == 0, outcome.stderr
    assert b"RAWID-" in marked.read_bytes()
    assert "RAWID-" not in outcome.stdout + outcome.stderr
    holders = [
        path for path in home.rglob("*") if path.is_file() and b"RAWID-" in path.read_bytes()
    ]
    assert holders == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("wrong.csv", b"name,price\nHalal Laptop,999.99\n", "transaction_id"),
        ("binary.csv", bytes(range(256)) * 40, "not"),
        (
            "twice.csv",
            b"transaction_id,product,price,price,quantity,date\n",
            "price",
        ),
    ],
)
def test_an_unusable_file_is_refused_and_nothing_changes(
    name: str, content: bytes, words: str, sample_home: Path, tmp_path: Path
) -> None:
    before = table_digests(sample_home), lake_files(sample_home)
    bad = tmp_path / name
    bad.write_bytes(content)

    outcome = txn_platform("run", "--input", SMALL, "--input", bad, "--home", sample_home, "--json")

    assert outcome.status == 2
    assert outcome.document["status"] == "error"
    assert name in outcome.stderr
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert (table_digests(sample_home), lake_files(sample_home)) == before


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "gone.csv", "no such file"), (tmp_path, "is a folder")):
        outcome = txn_platform("run", "--input", path, "--home", tmp_path / "home")
        assert outcome.status == 2
        assert words in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "home").exists()


def test_fresh_deletes_the_state_but_not_for_a_refused_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert txn_platform("run", "--input", SMALL, "--home", home).status == 0
    before = lake_files(home)

    refused = txn_platform("run", "--fresh", "--input", tmp_path / "gone.csv", "--home", home)
    assert refused.status == 2
    assert lake_files(home) == before

    empty = tmp_path / "empty.csv"
    empty.touch()
    outcome = txn_platform("run", "--fresh", "--input", empty, "--home", home, "--json")
    assert outcome.status == 0, outcome.stderr
    assert outcome.document["rows"]["raw_transactions"] == 0


def test_a_folder_that_is_no_state_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")

    for extra in ((), ("--fresh",)):
        outcome = txn_platform("run", *extra, "--input", SMALL, "--home", tmp_path)
        assert outcome.status == 2
        assert "is not a state directory" in outcome.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_state_directory_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 0}')

    outcome = txn_platform("run", "--input", SMALL, "--home", tmp_path)

    assert outcome.status == 2
    assert "version 0" in outcome.stderr
    assert "--fresh" in outcome.stderr


def test_a_configuration_with_a_typo_is_refused_with_the_key(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("orchestration: {retries: -1, schedul: daily}\n")

    outcome = txn_platform("run", "--config", config, "--home", tmp_path / "home")

    assert outcome.status == 2
    assert "orchestration.retries: got -1" in outcome.stderr
    assert "schedule" in outcome.stderr
    assert not (tmp_path / "home").exists()


def test_trusted_and_untrusted_input_give_the_same_marts(sample: Path, tmp_path: Path) -> None:
    homes: list[Path] = []
    for trust in ("true", "false"):
        config = tmp_path / f"{trust}.yaml"
        config.write_text(
            f"ingestion: {{trust_input: {trust}}}\n"
            "orchestration: {partitions_end: 2024-01-01}\n"
            "data_mart: {expected_rows: {large_transactions.csv: 6000}}\n"
        )
        homes.append(tmp_path / trust)
        outcome = txn_platform("run", "--config", config, "--input", sample, "--home", homes[-1])
        assert outcome.status == 0, outcome.stderr

    trusted, untrusted = (table_digests(home) for home in homes)
    for name in ("fact_sales", "pg_sales", "summary_sales", "summary_sales.csv"):
        assert trusted[name] == untrusted[name]
    assert trusted["raw_transactions"] != untrusted["raw_transactions"]


def test_a_file_that_yields_another_number_of_rows_fails_the_run(
    sample: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("data_mart: {expected_rows: {large_transactions.csv: 6001}}\n")

    outcome = txn_platform(
        "run", "--config", config, "--input", sample, "--home", tmp_path / "home", "--json"
    )

    assert outcome.status == 1
    failed = {c["asset"] for c in outcome.document["checks"] if not c["passed"]}
    assert failed == {"fact_sales", "pg_sales"}
    assert outcome.document["exports"] == []
    assert "Traceback" not in outcome.stderr
