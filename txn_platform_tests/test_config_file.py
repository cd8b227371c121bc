from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from txn_platform.config import OrchestrationSection, PipelineConfig
from txn_platform.config_file import read_config
from txn_platform.errors import ConfigurationError
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.config_keys import leaf_keys

DATA = PROJECT_ROOT / "data"

EVERY_KEY = """
pipeline: {name: a_pipeline, version: 2.1.0}
data_lake: {gcs_bucket: a-bucket, path: some/where}
data_warehouse:
  project_id: a-project
  dataset: a_dataset
  table: a_table
  postgres: {secretName: a-secret, dbname: adb, host: db.local, port: 6432, user: me, password: pw}
data_mart: {dataset: a_mart, table: a_view, expected_rows: {a.csv: 7}}
ingestion:
  fastapi_endpoint: /here
  batch_size: 5
  trust_input: false
  validation:
    min_price: 0.123456
    max_quantity: 9
    required_fields: [date, transaction_id]
    product_prefix: ''
    max_decimals: 6
transformation: {dbt_project: a_project, models: [one, two]}
orchestration:
  airflow_dag: a_dag
  schedule: '5 4 * * MON'
  partitions_start: 2020-02-29
  partitions_end: 2020-03-01
  retries: 0
  retry_delay: 1
security:
  pii_fields: [transaction_id, customer]
  encryption: tls
  authentication: oauth2
  jwt_secret: abc
api:
  max_upload_bytes: 1
  max_body_bytes: 1024
  cache_bytes: 0
  access_token_seconds: 30
  refresh_token_seconds: 60
  session_seconds: 60
  statement_timeout_seconds: 1
  maximum_bytes_billed: 10485760
  rate_limits: {healthz: 1/second, token: null, ingest: 9/hour, reads: 1000/day}
  cors_origins: ['https://a.example', 'http://localhost:8080']
  dagster_url: https://dagster.example/prefix
  log_file: api.log
kubernetes:
  namespace: a-namespace
  helm_chart: a-chart
  resources: {cpu: 500m, memory: 1.5Gi}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    """The lines of the error message between the file's name and the remedy."""
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    first, *lines = caught.value.message.split("\n  ")
    assert first == f"{path}:"
    assert caught.value.remedy
    return lines


def complaint(folder: Path, text: str) -> str:
    """The message about a file that isn't valid YAML, without the file's name."""
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    return caught.value.message.removeprefix(f"{path}: ")


def keys_of(document: Mapping[str, Any], leaves: set[str], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, value in document.items():
        inside = isinstance(value, dict) and prefix + name not in leaves
        keys |= keys_of(value, leaves, f"{prefix}{name}.") if inside else {prefix + name}
    return keys


def test_every_key_is_read_with_its_type(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, EVERY_KEY))
    assert config.pipeline.version == "2.1.0"
    assert config.data_warehouse.postgres.port == 6432
    assert config.data_warehouse.postgres.password == SecretStr("pw")
    assert config.data_mart.expected_rows == {"a.csv": 7}
    assert config.ingestion.trust_input is False
    assert config.ingestion.validation.min_price == Decimal("0.123456")
    assert config.ingestion.validation.required_fields == ("date", "transaction_id")
    assert config.ingestion.validation.product_prefix == ""
    assert config.transformation.models == ("one", "two")
    assert config.orchestration.schedule == "5 4 * * MON"
    assert config.orchestration.partitions_start == date(2020, 2, 29)
    assert config.orchestration.partitions_end == date(2020, 3, 1)
    assert config.security.pii_fields == ("transaction_id", "customer")
    assert config.api.rate_limits.token is None
    assert config.api.cors_origins == ("https://a.example", "http://localhost:8080")
    assert config.kubernetes.resources.memory == "1.5Gi"


def test_the_file_of_every_key_leaves_none_out(tmp_path: Path) -> None:
    leaves = leaf_keys(PipelineConfig)
    assert keys_of(yaml.safe_load(EVERY_KEY), leaves) == leaves
    assert read_config(write(tmp_path, EVERY_KEY)) != PipelineConfig()


def test_the_shipped_file_shows_every_key_that_is_not_a_credential() -> None:
    document = yaml.safe_load((DATA / "pipeline_config.yaml").read_text(encoding="utf-8"))
    leaves = leaf_keys(PipelineConfig)
    assert leaves - keys_of(document, leaves) == {
        "data_warehouse.postgres.user",
        "data_warehouse.postgres.password",
        "security.jwt_secret",
    }


def test_the_shipped_file_differs_from_the_defaults_only_where_it_says_so() -> None:
    shipped = read_config(DATA / "pipeline_config.yaml")
    default = PipelineConfig()
    assert shipped.data_mart.expected_rows == {
        "large_transactions.csv": 6000,
        "transactions.csv": 3,
    }
    assert shipped.orchestration.partitions_end == date(2024, 1, 1)
    unchanged = shipped.model_copy(
        update={
            "data_mart": default.data_mart,
            "orchestration": shipped.orchestration.model_copy(update={"partitions_end": None}),
        }
    )
    assert unchanged == default


@pytest.mark.parametrize("number", [68, 69, 70])
def test_an_older_file_loads_and_defaults_fill_the_rest(number: int) -> None:
    config = read_config(DATA / f"pipeline_config_{number}.yaml")
    assert config.data_lake.gcs_bucket == "hijra-transactions"
    assert config.orchestration.retries == 3
    assert config.ingestion.validation.max_quantity == 100


@pytest.mark.parametrize("section", PipelineConfig.model_fields)
def test_any_section_alone_loads(tmp_path: Path, section: str) -> None:
    document = {section: yaml.safe_load(EVERY_KEY)[section]}
    config = read_config(write(tmp_path, yaml.safe_dump(document)))
    assert config.model_fields_set == {section}


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "\ufeff", "security:\n"])
def test_an_empty_file_or_section_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert read_config(write(tmp_path, text)) == PipelineConfig()


def test_prices_are_read_as_written_never_through_a_float(tmp_path: Path) -> None:
    text = "ingestion: {validation: {min_price: 123456789012.123456}}"
    config = read_config(write(tmp_path, text))
    assert config.ingestion.validation.min_price == Decimal("123456789012.123456")


def test_code_may_give_a_date_as_a_date() -> None:
    section = OrchestrationSection(partitions_start=date(2020, 1, 1))
    assert section.partitions_start == date(2020, 1, 1)


def test_the_partitions_may_start_today_but_not_tomorrow(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    config = read_config(write(tmp_path, f"orchestration: {{partitions_start: {today}}}"))
    assert config.orchestration.partitions_start == today
    # The day after tomorrow: midnight may pass while this runs.
    later = today + timedelta(days=2)
    (line,) = problems(tmp_path, f"orchestration: {{partitions_start: {later}}}")
    assert line == f"orchestration.partitions_start: got '{later}'; accepted: {DAY}"


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PipelineConfig().pipeline.name = "another"


def test_secrets_do_not_show_in_the_configuration(tmp_path: Path) -> None:
    text = "security: {jwt_secret: hunter2}\ndata_warehouse: {postgres: {password: hunter2}}"
    assert "hunter2" not in repr(read_config(write(tmp_path, text)))


@pytest.mark.parametrize(
    ("text", "key", "meant", "known"),
    [
        (
            "orchestraton: {}",
            "orchestraton",
            "orchestration",
            ", ".join(PipelineConfig.model_fields),
        ),
        ("data_lake: {paths: x}", "data_lake.paths", "path", "gcs_bucket, path"),
        (
            "kubernetes: {resources: {memroy: 1}}",
            "kubernetes.resources.memroy",
            "memory",
            "cpu, memory",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_one_that_was_probably_meant(
    tmp_path: Path, text: str, key: str, meant: str, known: str
) -> None:
    expected = f"{key}: unknown key (did you mean {meant}?); accepted: {known}"
    assert problems(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("text", "key"), [("pipeline: {zzz: x}", "pipeline.zzz"), ("pipeline: {1: x}", "pipeline.1")]
)
def test_an_unknown_key_like_no_other_is_named_with_the_known_ones(
    tmp_path: Path, text: str, key: str
) -> None:
    assert problems(tmp_path, text) == [f"{key}: unknown key; accepted: name, version"]


TEXT = "text, in quotes if it is a number"
NAME = "a name of letters, digits and _, at most 128, not beginning with a digit"
BUCKET = "a bucket's name: small letters, digits, '.', '_' and '-', without gs://"
PORT = "a whole number from 1 to 65535"
EXPECTED_ROWS = "file names, each with a whole number of rows from 0"
PRICE = "a number from 0 to below 10^12 with at most 6 decimals"
COLUMNS = "a list of transaction_id, product, price, quantity, date, each at most once"
PATH = "a path that begins with / and holds letters, digits and - . _ ~ / only"
CRON = "a cron expression of five fields, for example '0 0 * * *'"
DAY = "a calendar date up to today (UTC), for example 2023-10-01"
LATER_DAY = "a calendar date after partitions_start, for example 2024-01-01, or null"
KUBERNETES_NAME = "a name of small letters, digits and -, at most 63"


@pytest.mark.parametrize(
    ("key", "value", "got", "accepted"),
    [
        ("pipeline.name", "''", "''", TEXT),
        ("pipeline.version", "1.0", "1.0", TEXT),
        ("data_lake.gcs_bucket", "gs://b", "'gs://b'", BUCKET),
        ("data_lake.path", "../up", "'../up'", "a relative path such as raw/transactions"),
        ("data_warehouse.dataset", "'a;drop table b'", "'a;drop table b'", NAME),
        ("data_warehouse.postgres.port", "'5432'", "'5432'", PORT),
        ("data_warehouse.postgres.port", "0", "0", PORT),
        ("data_warehouse.postgres.secretName", "A_b", "'A_b'", KUBERNETES_NAME),
        ("data_mart.expected_rows", "[1]", "a list", EXPECTED_ROWS),
        ("ingestion.batch_size", "1.5", "1.5", "a whole number from 1 to 10000000"),
        ("ingestion.trust_input", "1", "1", "true, false"),
        ("ingestion.fastapi_endpoint", "here", "'here'", PATH),
        ("ingestion.fastapi_endpoint", "'/a/{b}'", "'/a/{b}'", PATH),
        ("ingestion.fastapi_endpoint", "'/a b'", "'/a b'", PATH),
        ("ingestion.fastapi_endpoint", "'/a?b=c'", "'/a?b=c'", PATH),
        ("ingestion.validation.min_price", "abc", "'abc'", PRICE),
        ("ingestion.validation.min_price", "'10.0'", "'10.0'", PRICE),
        ("ingestion.validation.min_price", ".inf", "inf", PRICE),
        ("ingestion.validation.min_price", "-0.01", "-0.01", PRICE),
        ("ingestion.validation.min_price", "0.1234567", "0.1234567", PRICE),
        (
            "ingestion.validation.max_quantity",
            "true",
            "true",
            "a whole number from 1 to 2147483647",
        ),
        ("ingestion.validation.max_decimals", "", "nothing", "a whole number from 0 to 6"),
        ("ingestion.validation.required_fields", "[date, date]", "a list", COLUMNS),
        ("ingestion.validation.required_fields", "date", "'date'", COLUMNS),
        ("transformation.models", "fact_sales", "'fact_sales'", "a list of dbt model names"),
        ("orchestration.schedule", "'0 0 * *'", "'0 0 * *'", CRON),
        ("orchestration.schedule", "'61 0 * * *'", "'61 0 * * *'", CRON),
        ("orchestration.schedule", "'@daily'", "'@daily'", CRON),
        ("orchestration.partitions_start", "2023-02-30", "'2023-02-30'", DAY),
        ("orchestration.partitions_start", "20231001", "20231001", DAY),
        ("orchestration.partitions_start", "", "nothing", DAY),
        ("orchestration.partitions_start", "9999-01-01", "'9999-01-01'", DAY),
        ("orchestration.partitions_end", "2023-10-01", "'2023-10-01'", LATER_DAY),
        ("orchestration.partitions_end", "never", "'never'", LATER_DAY),
        ("orchestration.retries", "-1", "-1", "a whole number from 0 to 100"),
        ("orchestration.retry_delay", "5m", "'5m'", "a whole number of seconds from 0 to 86400"),
        ("security.encryption", "none", "'none'", "tls"),
        ("security.authentication", "basic", "'basic'", "oauth2"),
        ("kubernetes.namespace", "Data", "'Data'", KUBERNETES_NAME),
        (
            "kubernetes.resources.cpu",
            "1",
            "1",
            "a Kubernetes quantity in quotes, for example '1' or '500m'",
        ),
        (
            "kubernetes.resources.memory",
            "lots",
            "'lots'",
            "a Kubernetes quantity, for example 2Gi",
        ),
        ("pipeline", "abc", "text", "a section with the keys name, version"),
        ("pipeline", "[1]", "a list", "a section with the keys name, version"),
        (
            "kubernetes.resources",
            "2",
            "a number, true or false",
            "a section with the keys cpu, memory",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(
    tmp_path: Path, key: str, value: str, got: str, accepted: str
) -> None:
    *sections, last = key.split(".")
    text = "".join(f"{section}: {{" for section in sections)
    text += f"{last}: {value}" + "}" * len(sections)
    assert problems(tmp_path, text) == [f"{key}: got {got}; accepted: {accepted}"]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("data_mart: {expected_rows: {a.csv: -1}}", "data_mart.expected_rows.a.csv: got -1;"),
        ("data_mart: {expected_rows: {5: 1}}", "data_mart.expected_rows.5: got 5;"),
        (
            "ingestion: {validation: {required_fields: [customer]}}",
            "ingestion.validation.required_fields.0: got 'customer';",
        ),
        ("security: {pii_fields: [transaction_id, 5]}", "security.pii_fields.1: got 5;"),
    ],
)
def test_a_wrong_entry_of_a_list_or_mapping_is_named_too(
    tmp_path: Path, text: str, start: str
) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith(start)


@pytest.mark.parametrize("fields", ["[product]", "[transaction_id, price]", "[]"])
def test_the_hashed_columns_hold_the_identifier_and_nothing_that_the_marts_need(
    tmp_path: Path, fields: str
) -> None:
    (line,) = problems(tmp_path, f"security: {{pii_fields: {fields}}}")
    assert line == (
        "security.pii_fields: got a list; accepted: a list of columns that holds transaction_id, "
        "and none of product, price, quantity, date, which the marts need in clear"
    )


def test_all_wrong_keys_are_listed_at_once(tmp_path: Path) -> None:
    text = "orchestration: {retries: -1, schedule: never}\npipelines: {}"
    assert len(problems(tmp_path, text)) == 3


def test_a_long_value_is_cut_short(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, f"orchestration: {{schedule: {'x' * 500}}}")
    assert f"got '{'x' * 80}…';" in line


@pytest.mark.parametrize(
    "text",
    [
        "security: {jwt_secret: [hunter2]}",
        "security: {jwt_secret: 422242}",
        "security: hunter2",
        "security: [hunter2]",
        "security: {jwt_secret: *hunter2}",
        "security: {jwt_secret: !hunter2 x}",
        "security: {jwt_secret: 'hunter2",
        "data_warehouse: {postgres: 'postgresql://me:hunter2@host'}",
        "data_warehouse: {postgres: {password: {hunter2: x}}}",
    ],
)
def test_no_error_repeats_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_config(write(tmp_path, text))
    assert "hunter2" not in str(caught.value)
    assert "422242" not in str(caught.value)


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "security: {jwt_secret: ''}") == [
        "security.jwt_secret: got empty text; accepted: text, in quotes"
    ]


@pytest.mark.parametrize("text", ["just text", "[pipeline]", "3"])
def test_a_file_without_sections_is_refused(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith("top level: got ")
    assert "accepted: a section with the keys pipeline, data_lake" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5: expected the node content, but found"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        (
            "orchestration:\n  retries: 1\n  retries: 2\n",
            "line 3, column 3: retries: given twice in one section",
        ),
        ("pipeline: {}\npipeline: {}", "line 2, column 1: pipeline: given twice in one section"),
        ("? [a]\n: b", "line 1, column 3: found unhashable key"),
        ("a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
    ],
)
def test_broken_yaml_is_an_error_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(tmp_path, text) == f"is not valid YAML at {message}"


@pytest.mark.parametrize("text", ["a\x01b", "[" * 5000])
def test_what_is_hardly_yaml_at_all_is_an_error_too(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text).startswith("is not valid YAML")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("pipeline: {name: café}".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_config(path)


def test_a_missing_file_is_an_error_that_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory") as caught:
        read_config(tmp_path / "missing.yaml")
    assert "--config or TXN_CONFIG" in caught.value.remedy


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read: Is a directory"):
        read_config(tmp_path)
