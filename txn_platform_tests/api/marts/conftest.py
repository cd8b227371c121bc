from collections.abc import Generator, Iterator

import pytest

from txn_platform_tests.api.marts.support import (
    ConstantMarts,
    Observed,
    Pipeline,
    Serving,
    serving,
)
from txn_platform_tests.stores.published_cases import (
    AT,
    PublishedCase,
    published_duckdb,
    some_sales,
)


@pytest.fixture
def pipeline(owner_url: str) -> Pipeline:
    """The pipeline's side of the database."""
    return Pipeline(owner_url)


@pytest.fixture
def published(request: pytest.FixtureRequest, pipeline: Pipeline) -> Iterator[PublishedCase]:
    """A published DuckDB file with some sales, and its marker."""
    with published_duckdb(request) as case:
        case.publish_sales(some_sales())
        pipeline.publish("summary_sales", "first", AT)
        yield case


@pytest.fixture
def observed(published: PublishedCase) -> Observed:
    """The published marts behind a counter."""
    return Observed(published.marts)


@pytest.fixture
def api(api_url: str, observed: Observed) -> Generator[Serving]:
    """The routes on published marts."""
    with serving(api_url, observed) as found:
        found.sees("summary_sales", "first")
        yield found


@pytest.fixture
def small_api(api_url: str, pipeline: Pipeline) -> Generator[Serving]:
    """The routes with an operational mart without rows, and a summary of one row."""
    pipeline.create_sales()
    materialization_id = pipeline.materialize_sales([])
    with serving(api_url, ConstantMarts()) as found:
        found.sees("pg_sales", materialization_id)
        yield found
