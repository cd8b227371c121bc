"""Build models and run their tests in this process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from txn_platform.settings import Settings
from txn_platform.transform.arguments import build_args
from txn_platform.transform.connections import DbtConnection, DbtTarget
from txn_platform.transform.manifest import ensure_manifest
from txn_platform.transform.outcome import DbtFailure, DbtNodeResult, DbtOutcome
from txn_platform.transform.redaction import first_line
from txn_platform.transform.variables import vars_for
from txn_platform.windows import DateWindow

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult

_FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
_NOT_IN_A_RUN = ("unit_test", "exposure")
"""Unit tests prove the rules to developers, on made-up rows; exposures do nothing."""


def invoke(
    target: DbtTarget,
    *,
    settings: Settings,
    connection: DbtConnection,
    select: Sequence[str],
    window: DateWindow | None,
    on_event: "Callable[[dict[str, Any]], None] | None" = None,
) -> DbtOutcome:
    """Build the selected models for a window, and run their tests.

    One invocation at a time in a process; another one waits. When it returns, dbt holds no
    connection, and a DuckDB file is free for the next process.

    Args:
        target: The store's kind.
        settings: Names, business rules, and the state directory for the SQL.
        connection: The store.
        select: dbt selectors, for example `fact_sales`.
        window: Sale dates to replace; None for everything.
        on_event: Called with dbt's events from level info on, as `dbt --log-format json` prints
            them, from dbt's own threads; it must not raise.

    Returns:
        The outcome; a model or test that failed raises nothing.

    Raises:
        TransformError: when the project itself can't be parsed.
    """
    from txn_platform.transform import engine  # noqa: PLC0415 - imports dbt: 1.5 s

    artifacts = settings.home / "dbt" / target
    manifest = engine.load_manifest(
        ensure_manifest(target, settings), connection.database, vars_for(settings, window=None)
    )
    args = build_args(
        "build", target, target_path=artifacts, select=select, exclude_types=_NOT_IN_A_RUN
    )
    result = engine.run_dbt(
        [*args, "--no-write-json"],
        env=connection.env,
        variables=vars_for(settings, window),
        manifest=manifest,
        on_event=on_event,
    )
    nodes = engine.node_results(result)
    return DbtOutcome(
        success=result.success,
        results=tuple(_node_result(node) for node in nodes),
        failures=tuple(_failures(nodes, result.exception)),
        artifacts=artifacts,
    )


def _failures(
    nodes: "Sequence[NodeResult]", exception: BaseException | None
) -> Iterator[DbtFailure]:
    for node in nodes:
        if str(node.status) in _FAILED:
            yield DbtFailure(node.node.name, first_line(node.message or ""))
    if exception is not None:
        yield DbtFailure("dbt", first_line(str(exception)))


def _node_result(node: "NodeResult") -> DbtNodeResult:
    response: Mapping[str, Any] = node.adapter_response or {}
    rows = response.get("rows_affected")
    return DbtNodeResult(
        node=node.node.unique_id,
        status=str(node.status),
        seconds=node.execution_time,
        rows=rows if rows is not None and rows >= 0 else None,
        bytes_processed=response.get("bytes_processed"),
        failures=node.failures,
    )
