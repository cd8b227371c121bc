"""The schema of the configuration file: every key, its default, and what it accepts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from croniter import croniter
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

CONTRACT_COLUMNS = ("transaction_id", "product", "price", "quantity", "date")
"""The columns that every transaction file must have, in the order of the raw table."""

_INT32_MAX = 2**31 - 1
_CRON_FIELDS = 5


@dataclass(frozen=True)
class Accepts:
    """What a key takes, in the words of an error message."""

    text: str


def _decimal_from_number(value: object) -> object:
    """Only numbers: pydantic itself would take text such as '1e3', and read true as 1."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError("not a number")


def _date_from_text(value: object) -> object:
    """Only dates: pydantic itself would take a number for a timestamp."""
    if type(value) is date:
        return value
    if isinstance(value, str) and len(value) == len("2023-10-01"):
        return date.fromisoformat(value)
    raise ValueError("not a date")


Text = Annotated[StrictStr, Field(min_length=1), Accepts("text, in quotes if it is a number")]
Name = Annotated[
    StrictStr,
    Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"),
    Accepts("a name of letters, digits and _, at most 128, not beginning with a digit"),
]
KubernetesName = Annotated[
    StrictStr,
    Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
    Accepts("a name of small letters, digits and -, at most 63"),
]
Price = Annotated[
    Decimal,
    BeforeValidator(_decimal_from_number),
    Field(ge=0, lt=10**12, decimal_places=6),
    Accepts("a number from 0 to below 10^12 with at most 6 decimals"),
]
Day = Annotated[
    date, BeforeValidator(_date_from_text), Accepts("a calendar date, for example 2023-10-01")
]
Secret = Annotated[SecretStr | None, Field(min_length=1), Accepts("text, in quotes")]
Column = Literal["transaction_id", "product", "price", "quantity", "date"]


class Section(BaseModel):
    """Frozen, and strict about unknown keys: a typo must not silently mean a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_all_defaults(cls, value: object) -> object:
        """A heading with nothing under it, as when its keys are commented out."""
        return {} if value is None else value


class PipelineSection(Section):
    """Name and version of the pipeline, shown in metadata."""

    name: Text = "transaction_pipeline"
    version: Text = "1.0.0"


class DataLakeSection(Section):
    """Where the lake lies: bucket (gcp only) and the prefix inside it."""

    gcs_bucket: Annotated[
        StrictStr,
        Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$"),
        Accepts("a bucket's name: small letters, digits, '.', '_' and '-', without gs://"),
    ] = "hijra-transactions"
    path: Annotated[
        StrictStr,
        Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"),
        Accepts("a relative path such as raw/transactions"),
    ] = "raw/transactions"


class PostgresSection(Section):
    """How to reach PostgreSQL in the gcp profile; the local profile runs its own server."""

    secretName: KubernetesName = "postgres-credentials"  # noqa: N815 - given key
    dbname: Name = "mydb"
    host: Text = "localhost"
    port: Annotated[StrictInt, Field(ge=1, le=65535), Accepts("a whole number from 1 to 65535")] = (
        5432
    )
    user: Annotated[Text | None, Accepts("text (in quotes if it is a number), or null")] = None
    password: Secret = None


class DataWarehouseSection(Section):
    """Project, dataset and table of the raw transactions."""

    project_id: Annotated[
        StrictStr,
        Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$"),
        Accepts("a Google Cloud project id: 6 to 30 small letters, digits and -"),
    ] = "hijra-project"
    dataset: Name = "transactions_warehouse"
    table: Name = "raw_transactions"
    postgres: PostgresSection = PostgresSection()


class DataMartSection(Section):
    """Dataset of the marts, and how many mart rows a file of a given name must yield."""

    dataset: Name = "transactions_mart"
    table: Name = "summary_sales"
    expected_rows: Annotated[
        Mapping[Text, Annotated[StrictInt, Field(ge=0)]],
        Accepts("file names, each with a whole number of rows from 0"),
    ] = {}


class ValidationSection(Section):
    """The business rules: which accepted rows are eligible for the marts."""

    min_price: Price = Decimal("10.0")
    max_quantity: Annotated[
        StrictInt, Field(ge=1, le=_INT32_MAX), Accepts(f"a whole number from 1 to {_INT32_MAX}")
    ] = 100
    required_fields: Annotated[
        tuple[Column, ...],
        Accepts(f"a list of {', '.join(CONTRACT_COLUMNS)}, each at most once"),
    ] = CONTRACT_COLUMNS
    product_prefix: Annotated[
        StrictStr,
        Field(max_length=256),
        Accepts("text of at most 256 characters"),
    ] = "Halal"
    max_decimals: Annotated[StrictInt, Field(ge=0, le=6), Accepts("a whole number from 0 to 6")] = 2

    @field_validator("required_fields")
    @classmethod
    def _each_once(cls, fields: tuple[Column, ...]) -> tuple[Column, ...]:
        if len(set(fields)) != len(fields):
            raise ValueError("a column is listed twice")
        return fields


class IngestionSection(Section):
    """How files are taken in.

    `trust_input: true` keeps rows that fail only a business rule in the lake and the raw
    tables (the marts leave them out); `false` rejects them at landing.
    """

    fastapi_endpoint: Annotated[
        StrictStr,
        Field(pattern=r"^/[A-Za-z0-9/._~-]*$"),
        Accepts("a path that begins with / and holds letters, digits and - . _ ~ / only"),
    ] = "/upload/transactions"
    batch_size: Annotated[
        StrictInt, Field(ge=1, le=10_000_000), Accepts("a whole number from 1 to 10000000")
    ] = 10_000
    trust_input: Annotated[StrictBool, Accepts("true, false")] = True
    validation: ValidationSection = ValidationSection()


class TransformationSection(Section):
    """The dbt project and the models that it is expected to hold."""

    dbt_project: Name = "dbt_transactions"
    models: Annotated[tuple[Name, ...], Accepts("a list of dbt model names")] = (
        "fact_sales",
        "pg_sales",
        "summary_sales",
    )


class OrchestrationSection(Section):
    """Schedule (cron, UTC), partition window (half-open) and run retries (delay in seconds)."""

    airflow_dag: Name = "transform_sales_mart"
    schedule: Annotated[
        StrictStr, Accepts("a cron expression of five fields, for example '0 0 * * *'")
    ] = "0 0 * * *"
    partitions_start: Annotated[
        Day, Accepts("a calendar date up to today (UTC), for example 2023-10-01")
    ] = date(2023, 10, 1)
    partitions_end: Annotated[
        Day | None,
        Accepts("a calendar date after partitions_start, for example 2024-01-01, or null"),
    ] = None
    retries: Annotated[StrictInt, Field(ge=0, le=100), Accepts("a whole number from 0 to 100")] = 3
    retry_delay: Annotated[
        StrictInt, Field(ge=0, le=86_400), Accepts("a whole number of seconds from 0 to 86400")
    ] = 300

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if len(value.split()) != _CRON_FIELDS or not croniter.is_valid(value):
            raise ValueError("not a cron expression")
        return value

    @field_validator("partitions_start")
    @classmethod
    def _has_begun(cls, value: date) -> date:
        if value > datetime.now(UTC).date():
            raise ValueError("after today")
        return value

    @field_validator("partitions_end")
    @classmethod
    def _ends_after_start(cls, value: date | None, info: ValidationInfo) -> date | None:
        start: date | None = info.data.get("partitions_start")
        if value and start and value <= start:
            raise ValueError("not after partitions_start")
        return value


class SecuritySection(Section):
    """Identifiers to hash, and how the API authenticates."""

    pii_fields: Annotated[
        tuple[Text, ...],
        Accepts(
            "a list of columns that holds transaction_id, and none of product, price, "
            "quantity, date, which the marts need in clear"
        ),
    ] = ("transaction_id",)
    encryption: Annotated[Literal["tls"], Accepts("tls")] = "tls"
    authentication: Annotated[Literal["oauth2"], Accepts("oauth2")] = "oauth2"
    jwt_secret: Secret = None

    @field_validator("pii_fields")
    @classmethod
    def _hashes_what_identifies(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if "transaction_id" not in fields or set(fields) & set(CONTRACT_COLUMNS[1:]):
            raise ValueError("not the columns to hash")
        return fields


RateLimit = Annotated[
    StrictStr | None,
    Field(pattern=r"^[1-9]\d{0,6}/(second|minute|hour|day)$"),
    Accepts("a rate such as '30/minute', per second, minute, hour or day, or null for no limit"),
]


class RateLimitsSection(Section):
    """Requests that one client may make; they count across all workers and replicas.

    A client is the user of the token or session where there is one, else the address.
    """

    healthz: RateLimit = "30/minute"
    token: RateLimit = "10/minute"  # noqa: S105 - a rate
    ingest: RateLimit = "60/minute"
    reads: RateLimit = None


class ApiSection(Section):
    """The HTTP API and the dashboard: limits, lifetimes, caching, logs."""

    max_upload_bytes: Annotated[
        StrictInt, Field(ge=1, le=2**40), Accepts("a whole number of bytes from 1")
    ] = 1024**3
    max_body_bytes: Annotated[
        StrictInt, Field(ge=1024, le=2**30), Accepts("a whole number of bytes from 1024")
    ] = 64 * 1024
    cache_bytes: Annotated[
        StrictInt, Field(ge=0, le=2**40), Accepts("a whole number of bytes, 0 for no cache")
    ] = 64 * 1024**2
    access_token_seconds: Annotated[
        StrictInt, Field(ge=30, le=86_400), Accepts("a whole number of seconds from 30 to 86400")
    ] = 900
    refresh_token_seconds: Annotated[
        StrictInt,
        Field(ge=60, le=90 * 86_400),
        Accepts("a whole number of seconds from 60 to 7776000"),
    ] = 14 * 86_400
    session_seconds: Annotated[
        StrictInt, Field(ge=60, le=7 * 86_400), Accepts("a whole number of seconds up to 604800")
    ] = 8 * 3_600
    statement_timeout_seconds: Annotated[
        StrictInt, Field(ge=1, le=600), Accepts("a whole number of seconds from 1 to 600")
    ] = 5
    maximum_bytes_billed: Annotated[
        StrictInt, Field(ge=10 * 1024**2), Accepts("a whole number of bytes from 10485760")
    ] = 1024**3
    rate_limits: RateLimitsSection = RateLimitsSection()
    cors_origins: Annotated[
        tuple[Annotated[StrictStr, Field(pattern=r"^https?://[^/\s*]+$")], ...],
        Accepts("a list of origins such as https://reports.example.com, without a path"),
    ] = ()
    dagster_url: Annotated[
        StrictStr, Field(pattern=r"^https?://\S+$"), Accepts("an address that begins with http")
    ] = "http://127.0.0.1:3000"
    log_file: Annotated[
        Text | None, Accepts("the path of a file, or null for standard output only")
    ] = None


class ResourcesSection(Section):
    """CPU and memory of one step, as Kubernetes quantities."""

    cpu: Annotated[
        StrictStr,
        Field(pattern=r"^\d+(\.\d+)?m?$"),
        Accepts("a Kubernetes quantity in quotes, for example '1' or '500m'"),
    ] = "1"
    memory: Annotated[
        StrictStr,
        Field(pattern=r"^\d+(\.\d+)?([EPTGMK]i?|m|k)?$"),
        Accepts("a Kubernetes quantity, for example 2Gi"),
    ] = "2Gi"


class KubernetesSection(Section):
    """Where and how large the steps run in a cluster."""

    namespace: KubernetesName = "data-pipeline"
    helm_chart: KubernetesName = "transaction-pipeline"
    resources: ResourcesSection = ResourcesSection()


class PipelineConfig(Section):
    """`data/pipeline_config.yaml`, every key optional."""

    pipeline: PipelineSection = PipelineSection()
    data_lake: DataLakeSection = DataLakeSection()
    data_warehouse: DataWarehouseSection = DataWarehouseSection()
    data_mart: DataMartSection = DataMartSection()
    ingestion: IngestionSection = IngestionSection()
    transformation: TransformationSection = TransformationSection()
    orchestration: OrchestrationSection = OrchestrationSection()
    security: SecuritySection = SecuritySection()
    api: ApiSection = ApiSection()
    kubernetes: KubernetesSection = KubernetesSection()
