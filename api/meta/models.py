"""What the meta routes answer with."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.meta.dependencies import DependencyName, DependencyState

_AT = "2026-11-20T00:03:11.482910Z"
_ID = "7d1c8a52-5b0e-4c55-9f0e-2f0a4a7a1c1d"


class MartCount(BaseModel):
    """Rows of a mart."""

    mart: str = Field(description="Name of the mart.", examples=["summary_sales"])
    row_count: int = Field(description="Rows of the mart.", ge=0, examples=[60])
    materialization_id: str = Field(description="As in `X-Materialization-Id`.", examples=[_ID])
    materialized_at: datetime = Field(description="When, in UTC.", examples=[_AT])


class LandedRows(BaseModel):
    """What became of the rows of all batches landed before the last publication."""

    accepted: int = Field(description="Rows.", ge=0, examples=[9000])
    rejected: int = Field(description="Rows.", ge=0, examples=[1000])
    reasons: dict[str, int] = Field(
        description="Rejected rows by reason.",
        examples=[{"missing_product": 500, "invalid_price": 500}],
    )


class Counts(BaseModel):
    """Row counts, as the pipeline wrote them down; nothing is counted for the answer."""

    marts: list[MartCount] = Field(description="None before the pipeline's first run.")
    landed: LandedRows


class DependencyHealth(BaseModel):
    """A store, and whether it answers."""

    name: DependencyName = Field(description="Which store.", examples=["warehouse"])
    state: DependencyState = Field(
        description="`ok`; `empty`: it answers, but nothing was materialized yet; `away`.",
        examples=["ok"],
    )
    since: datetime = Field(
        description="When this process first saw it so, in UTC.", examples=[_AT]
    )


class Health(BaseModel):
    """The stores that the API reads."""

    healthy: bool = Field(description="Whether every store answers.", examples=[True])
    dependencies: list[DependencyHealth]


class AssetFreshness(BaseModel):
    """The latest materialization of an asset."""

    asset: str = Field(description="Name of the Dagster asset.", examples=["fact_sales"])
    run_id: str = Field(description="The Dagster run that materialized it.", examples=[_ID])
    materialized_at: datetime = Field(description="When, in UTC.", examples=[_AT])
    age_seconds: float = Field(description="Seconds since then.", ge=0, examples=[3600.5])


class CheckResult(BaseModel):
    """The latest result of an asset check."""

    asset: str = Field(description="What was checked.", examples=["fact_sales"])
    name: str = Field(description="Name of the check.", examples=["expected_row_count"])
    passed: bool = Field(description="Whether it passed.", examples=[True])
    severity: str = Field(description="`WARN` or `ERROR`.", examples=["ERROR"])
    blocking: bool = Field(
        description="Whether a failure keeps the summary from being published.", examples=[True]
    )
    evaluated_at: datetime = Field(description="When, in UTC.", examples=[_AT])


class Checks(BaseModel):
    """The latest result of every asset check."""

    passed: int = Field(description="Checks.", ge=0, examples=[28])
    failed: int = Field(description="Checks.", ge=0, examples=[0])
    results: list[CheckResult] = Field(description="By asset and name.")


class Freshness(BaseModel):
    """How fresh the assets are, and whether their checks passed."""

    assets: list[AssetFreshness] = Field(description="By name.")
    checks: Checks
